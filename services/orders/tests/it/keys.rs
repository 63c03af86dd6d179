use crate::shop::*;
use contracts::orders::{Checkout, CheckoutRefused, Idempotency, OrderPlaced};
use contracts::{CallError, OrderId};
use kit::testing::shopper;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Notify;

#[tokio::test]
async fn the_same_key_answers_the_same_order_whatever_the_cart_holds_now() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPlaced>());
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let first = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
    for lines in [vec![], vec![("BOOK-2", 7)], vec![("GONE", 1)]] {
        shop.fill(&ada, &lines);
        assert_eq!(shop.check_out(&ada, checkout(key("k"))).await.unwrap(), first);
    }
    shop.capture(&first).await;
    assert_eq!(shop.check_out(&ada, checkout(key("k"))).await.unwrap(), first, "as it was placed");
    shop.rig.settled().await;
    assert_eq!((told.lock().len(), shop.holds()), (1, 1));
    shop.close().await;
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let first = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
    let other = Checkout {
        idempotency: Idempotency { key: "k".into(), body: [1; 32] },
        ..checkout(key("k"))
    };
    assert_eq!(shop.refused(&ada, other).await, CheckoutRefused::KeyReused);
    assert_eq!(shop.check_out(&ada, checkout(key("k"))).await.unwrap(), first);
    shop.close().await;
}

#[tokio::test]
async fn a_key_belongs_to_whoever_sent_it() {
    let shop = Shop::open().await;
    let mut orders = BTreeSet::<OrderId>::new();
    for caller in [shopper(), shopper()] {
        shop.fill(&caller, &[("BOOK-1", 1)]);
        orders.insert(shop.check_out(&caller, checkout(key("k"))).await.unwrap().id);
    }
    for token in ["cart-1", "cart-2"] {
        shop.fill_named(token.into(), &[("BOOK-1", 1)]);
        let guest = guest_checkout(token, key("k"));
        orders.insert(shop.check_out(&contracts::Caller::Guest, guest).await.unwrap().id);
    }
    assert_eq!(orders.len(), 4);
    shop.close().await;
}

#[tokio::test]
async fn refusals_by_the_domain_are_kept() {
    let shop = Shop::open().await;
    let ada = shopper();
    let empty = shop.refused(&ada, checkout(key("empty"))).await;
    assert_eq!(empty, CheckoutRefused::CartEmpty);
    shop.fill(&ada, &[("LAST", 5)]);
    let short = shop.refused(&ada, checkout(key("short"))).await;
    shop.sell("LAST", 700, 50);
    assert_eq!(shop.refused(&ada, checkout(key("empty"))).await, empty);
    assert_eq!(shop.refused(&ada, checkout(key("short"))).await, short);
    assert!(shop.check_out(&ada, checkout(key("new"))).await.is_ok());
    shop.close().await;
}

#[tokio::test]
async fn a_request_that_still_runs_is_not_begun_again() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    shop.fill(&ada, &[("BOOK-1", 1)]);
    shop.fail("reserve", Fault::Late(Arc::clone(&go)));
    let (running, bob) = (Arc::clone(&shop), ada.clone());
    let first = tokio::spawn(async move { running.check_out(&bob, checkout(key("k"))).await });
    shop.reached("reserve", 1).await;
    assert_eq!(shop.refused(&ada, checkout(key("k"))).await, CheckoutRefused::InProgress);
    go.notify_one();
    let first = first.await.unwrap().unwrap();
    assert_eq!(shop.check_out(&ada, checkout(key("k"))).await.unwrap(), first);
    shop.close().await;
}

#[tokio::test]
async fn twenty_requests_with_one_key_through_all_replicas_place_one_order() {
    let shop = Arc::new(Shop::open().await);
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPlaced>());
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (shop, ada) = (Arc::clone(&shop), ada.clone());
            tokio::spawn(async move { shop.check_out(&ada, checkout(key("k"))).await })
        })
        .collect();
    let mut answered = Vec::new();
    for one in all {
        match one.await.unwrap() {
            Ok(order) => answered.push(order),
            Err(CallError::Refused(CheckoutRefused::InProgress)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(!answered.is_empty());
    assert!(answered.iter().all(|order| *order == answered[0]));
    assert_eq!(shop.check_out(&ada, checkout(key("k"))).await.unwrap(), answered[0]);
    shop.rig.settled().await;
    let placed = shop.count("orders").await;
    assert_eq!((told.lock().len(), shop.holds(), placed), (1, 1, 1));
    shop.close().await;
}
