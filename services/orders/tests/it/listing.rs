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

#[tokio::test]
async fn a_list_is_searched_by_number_time_and_way_to_pay() {
    let shop = Shop::open().await;
    let ada = shopper();
    let mut placed = Vec::new();
    for _ in 0..4 {
        placed.push(shop.order(&ada).await);
        shop.rig.clock.forward(Duration::from_secs(3600));
    }
    let by_wallet = {
        shop.fill(&ada, &[("BOOK-1", 1)]);
        let command = contracts::orders::Checkout { payment: wallet(), ..checkout(any_key()) };
        shop.check_out(&ada, command).await.unwrap()
    };
    let found = |query: String| {
        let (shop, ada) = (&shop, &ada);
        async move {
            let page = get(shop, ada, &format!("/v1/orders?{query}")).await;
            assert_eq!(page.status, StatusCode::OK, "{query}: {}", page.text);
            ids(&page.json())
        }
    };
    let number = &placed[1].number;
    for spelled in
        [number.clone(), number.to_lowercase(), number.replace('-', ""), format!("%20{number}")]
    {
        assert_eq!(found(format!("q={spelled}")).await, [placed[1].id], "{spelled}");
    }
    assert!(
        found(format!("q={}", &number[..6])).await.contains(&placed[1].id),
        "its beginning is enough"
    );
    for nothing in ["q=%25", "q=_", "q=F7K3-9QX2-M4-1", "q=ada@example.com", "q='--", "q=%C3%9F"] {
        assert_eq!(found(nothing.into()).await, [], "{nothing}");
    }
    assert_eq!(found("q=".into()).await.len(), 5, "an empty field looks for nothing");

    let time = |order: &contracts::orders::Order| order.created_at.to_string();
    let (from, to) = (time(&placed[1]), time(&placed[3]));
    assert_eq!(found(format!("from={from}&to={to}")).await, [placed[2].id, placed[1].id]);
    assert_eq!(found(format!("to={from}")).await, [placed[0].id]);
    assert_eq!(found(format!("from={to}")).await, [by_wallet.id, placed[3].id]);
    assert_eq!(found(format!("from={to}&to={from}")).await, []);
    assert_eq!(found("from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z".into()).await.len(), 5);

    assert_eq!(found("method=wallet".into()).await, [by_wallet.id]);
    assert_eq!(found("method=card&status=pending&limit=1".into()).await, [placed[3].id]);
    assert_eq!(found("method=card&status=paid".into()).await, []);
    shop.close().await;
}

#[tokio::test]
async fn staff_find_a_guests_orders_by_the_address_and_page_through_what_they_filter() {
    let shop = Shop::open().await;
    let mut guests = Vec::new();
    for (place, email) in
        ["Grace@Example.com", "ada@example.com", "grace@example.com"].iter().enumerate()
    {
        let cart = format!("cart-{place}");
        shop.fill_named(cart.clone(), &[("BOOK-1", 1)]);
        let mut command = guest_checkout(&cart, any_key());
        command.email = Some((*email).into());
        guests.push(shop.check_out(&contracts::Caller::Guest, command).await.unwrap().id);
        shop.rig.clock.forward(Duration::from_secs(1));
    }
    let hers = get(&shop, &admin(), "/v1/staff/orders?q=GRACE@example.com&limit=1").await.json();
    assert_eq!(ids(&hers), [guests[2]]);
    let cursor = hers["next_cursor"].as_str().unwrap();
    let path = format!("/v1/staff/orders?q=grace@example.com&limit=1&cursor={cursor}");
    let rest = get(&shop, &admin(), &path).await.json();
    assert_eq!((ids(&rest), &rest["next_cursor"]), (vec![guests[0]], &serde_json::Value::Null));
    assert_eq!(ids(&get(&shop, &admin(), "/v1/staff/orders?q=grace").await.json()), []);
    shop.close().await;
}

#[tokio::test]
async fn a_search_that_is_asked_for_wrongly_names_the_field() {
    let shop = Shop::open().await;
    for (query, field) in [
        ("q=%00".to_owned(), "q"),
        (format!("q={}", "x".repeat(255)), "q"),
        ("from=yesterday".into(), "from"),
        ("to=2026-01-01".into(), "to"),
        ("method=barter".into(), "method"),
    ] {
        let asked = get(&shop, &admin(), &format!("/v1/staff/orders?{query}")).await;
        assert_eq!(
            (asked.status.as_u16(), asked.code().as_str()),
            (400, "invalid_input"),
            "{query}"
        );
        assert_eq!(asked.field(), field, "{query}");
    }
    shop.close().await;
}

#[tokio::test]
async fn everybodys_orders_are_listed_for_support_too() {
    let shop = Shop::open().await;
    let order = shop.order(&shopper()).await.id;
    let contracts::Caller::Account { account, session, .. } = shopper() else { panic!() };
    let role = contracts::Role::Support;
    let support = contracts::Caller::Account { account, session, role };
    assert_eq!(ids(&get(&shop, &support, "/v1/staff/orders").await.json()), [order]);
    assert_eq!(ids(&get(&shop, &support, "/v1/orders").await.json()), [], "its own");
    shop.close().await;
}
