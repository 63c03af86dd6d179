use crate::shop::*;
use crate::web::get;
use contracts::OrderId;
use http::StatusCode;
use kit::testing::{admin, shopper};
use std::time::Duration;

fn ids(page: &serde_json::Value) -> Vec<OrderId> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_read_newest_first_page_by_page() {
    let shop = Shop::open().await;
    let (ada, mut placed) = (shopper(), Vec::new());
    for _ in 0..5 {
        shop.rig.clock.forward(Duration::from_millis(1));
        placed.push(shop.order(&ada).await.id);
        shop.order(&shopper()).await;
    }
    placed.reverse();
    let (mut seen, mut path) = (Vec::new(), "/v1/orders?limit=2".to_owned());
    loop {
        let asked = get(&shop, &ada, &path).await;
        assert_eq!(asked.status, StatusCode::OK);
        let page = asked.json();
        seen.extend(ids(&page));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/orders?limit=2&cursor={cursor}"),
            None => break,
        }
        assert!(seen.len() < 6, "it ends");
    }
    assert_eq!(seen, placed);
    let whole = get(&shop, &ada, "/v1/orders?limit=5").await.json();
    assert_eq!((ids(&whole), &whole["next_cursor"]), (placed, &serde_json::Value::Null));
    let all = get(&shop, &admin(), "/v1/staff/orders?limit=100").await.json();
    assert_eq!(ids(&all).len(), 10);
    shop.close().await;
}

#[tokio::test]
async fn a_list_shows_one_state_if_it_is_asked_for() {
    let shop = Shop::open().await;
    let ada = shopper();
    let (paid, pending) = (shop.paid_order(&ada).await.id, shop.order(&ada).await.id);
    let cancelled = shop.order(&ada).await.id;
    shop.cancel(&ada, cancelled).await.unwrap();
    for (status, id) in [("paid", paid), ("pending", pending), ("cancelled", cancelled)] {
        let page = get(&shop, &ada, &format!("/v1/orders?status={status}")).await.json();
        assert_eq!(ids(&page), [id]);
    }
    assert_eq!(ids(&get(&shop, &ada, "/v1/orders?status=refunded").await.json()), []);
    shop.close().await;
}

#[tokio::test]
async fn a_list_that_is_asked_for_wrongly_names_the_field() {
    let shop = Shop::open().await;
    let ada = shopper();
    for (query, field) in [
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=IjEi", "cursor"),
        ("cursor=%00", "cursor"),
        ("status=lost", "status"),
        ("page=1", "page"),
    ] {
        let asked = get(&shop, &ada, &format!("/v1/orders?{query}")).await;
        assert_eq!(
            (asked.status.as_u16(), asked.code().as_str()),
            (400, "invalid_input"),
            "{query}"
        );
        assert_eq!(asked.field(), field, "{query}");
    }
    shop.close().await;
}
