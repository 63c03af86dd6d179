//! Every step of a checkout fails in turn.
use crate::shop::*;
use contracts::inventory::ReleaseStock;
use contracts::orders::{Became, CheckoutRefused, OrderPlaced, WhatBecameOf};
use contracts::{CallError, Caller, OrderId};
use kit::testing::shopper;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

async fn became(shop: &Shop, order: OrderId) -> Became {
    shop.rig.call(&Caller::Store, WhatBecameOf { order }).await.unwrap()
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_the_same_key_tries_again() {
    let shop = Shop::open().await;
    for step in ["cart", "prices", "reserve"] {
        for fault in [Fault::NotDone, Fault::RequestLost, Fault::AnswerLost] {
            let (ada, before) = (shopper(), shop.count("orders").await);
            let (holds, available) = (shop.holds(), shop.available("BOOK-1"));
            shop.fill(&ada, &[("BOOK-1", 2)]);
            if step == "cart" {
                // It is asked before the key is committed, and once more after it.
                shop.fail(step, fault.clone());
            }
            shop.fail(step, fault);
            let failed = shop.check_out(&ada, checkout(key("k"))).await;
            assert!(matches!(failed, Err(CallError::NotDone(_))), "{step}: {failed:?}");
            assert_eq!((shop.holds(), shop.available("BOOK-1")), (holds, available), "{step}");
            assert_eq!(shop.count("orders").await, before, "{step}");

            let order = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
            assert!(shop.held(order.id));
            assert!(!shop.others.lock().released.contains(&order.id), "it has a new id");
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn when_the_undo_fails_too_inventory_learns_by_asking() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 2)]);
    shop.fail("reserve", Fault::AnswerLost);
    shop.fail("release", Fault::RequestLost);
    assert!(matches!(shop.check_out(&ada, checkout(key("k"))).await, Err(CallError::NotDone(_))));
    let left = *shop.others.lock().holds.keys().next().expect("still held");
    assert_eq!(became(&shop, left).await, Became::NeverPlaced);
    let order = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
    assert_ne!(order.id, left);
    shop.close().await;
}

#[tokio::test]
async fn when_the_order_cannot_be_written_its_stock_is_let_go() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPlaced>());
    shop.fill(&ada, &[("BOOK-1", 2)]);
    let before = shop.available("BOOK-1");
    shop.sql("ALTER TABLE ordered_carts RENAME TO away").await;
    let failed = shop.check_out(&ada, checkout(key("k"))).await;
    assert!(matches!(failed, Err(CallError::NotDone(_))), "{failed:?}");
    assert_eq!((shop.holds(), shop.available("BOOK-1")), (0, before));
    shop.sql("ALTER TABLE away RENAME TO ordered_carts").await;
    assert!(shop.check_out(&ada, checkout(key("k"))).await.is_ok());
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn an_id_that_inventory_has_let_go_is_not_used_again() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    shop.fill(&ada, &[("BOOK-1", 2)]);
    shop.fail("prices", Fault::Late(Arc::clone(&go)));
    let first = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move { shop.check_out(&ada, checkout(key("k"))).await })
    };
    shop.reached("prices", 1).await;
    // Inventory has let everything go that it might hold: the id is not known here, so take the
    // one that the key has committed.
    let id = running_id(&shop).await;
    shop.rig.call(&Caller::Store, ReleaseStock { order: id }).await.unwrap();
    go.notify_one();
    assert!(matches!(first.await.unwrap(), Err(CallError::NotDone(_))));
    let order = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
    assert_ne!(order.id, id);
    shop.close().await;
}

/// The id that the only running key has committed.
async fn running_id(shop: &Shop) -> OrderId {
    use sea_orm::{ConnectionTrait as _, Statement};
    let db = shop.rig.nodes[0].services[0].db.reader();
    let sql = "SELECT resource FROM idempotency WHERE answer IS NULL";
    let sql = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(sql).await.unwrap().expect("a key that runs");
    OrderId(row.try_get_by_index(0).unwrap())
}

#[tokio::test]
async fn whoever_takes_an_expired_lease_over_goes_on_with_the_same_id() {
    let shop = Arc::new(Shop::open().await);
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPlaced>());
    shop.fill(&ada, &[("BOOK-1", 2)]);
    let before = shop.available("BOOK-1");
    shop.fail("reserve", Fault::Late(Arc::new(Notify::new())));
    let dying = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move { shop.check_out(&ada, checkout(key("k"))).await })
    };
    shop.reached("reserve", 1).await;
    dying.abort();
    let id = running_id(&shop).await;
    assert!(shop.held(id));
    assert_eq!(shop.refused(&ada, checkout(key("k"))).await, CheckoutRefused::InProgress);
    assert_eq!(became(&shop, id).await, Became::StillPlacing);
    shop.rig.clock.forward(Duration::from_secs(31));
    let order = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
    assert_eq!(order.id, id);
    assert_eq!((shop.holds(), shop.available("BOOK-1")), (1, before - 2));
    assert_eq!(became(&shop, id).await, Became::Placed);
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_takeover_that_is_refused_lets_go_what_the_first_try_held() {
    let shop = Arc::new(Shop::open().await);
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 2)]);
    shop.fail("reserve", Fault::Late(Arc::new(Notify::new())));
    let dying = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move { shop.check_out(&ada, checkout(key("k"))).await })
    };
    shop.reached("reserve", 1).await;
    dying.abort();
    shop.rig.clock.forward(Duration::from_secs(31));
    shop.fill(&ada, &[]);
    assert_eq!(shop.refused(&ada, checkout(key("k"))).await, CheckoutRefused::CartEmpty);
    assert_eq!(shop.holds(), 0);
    shop.close().await;
}

#[tokio::test]
async fn a_try_that_wakes_up_after_it_was_taken_over_answers_the_same_order() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    shop.fill(&ada, &[("BOOK-1", 2)]);
    shop.fail("reserve", Fault::Late(Arc::clone(&go)));
    let slow = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move { shop.check_out(&ada, checkout(key("k"))).await })
    };
    shop.reached("reserve", 1).await;
    shop.rig.clock.forward(Duration::from_secs(31));
    let order = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
    go.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), order);
    assert_eq!((shop.holds(), shop.count("orders").await), (1, 1));
    shop.close().await;
}

#[tokio::test]
async fn a_try_that_fails_after_it_was_taken_over_does_not_let_the_orders_stock_go() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    shop.fill(&ada, &[("BOOK-1", 2)]);
    shop.fail("reserve", Fault::LateNotDone(Arc::clone(&go)));
    let slow = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move { shop.check_out(&ada, checkout(key("k"))).await })
    };
    shop.reached("reserve", 1).await;
    shop.rig.clock.forward(Duration::from_secs(31));
    let order = shop.check_out(&ada, checkout(key("k"))).await.unwrap();
    go.notify_one();
    assert!(matches!(slow.await.unwrap(), Err(CallError::NotDone(_))));
    assert!(shop.held(order.id));
    assert_eq!(shop.check_out(&ada, checkout(key("k"))).await.unwrap(), order);
    shop.close().await;
}

#[tokio::test]
async fn what_was_called_never_placed_is_never_placed() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    shop.fill(&ada, &[("BOOK-1", 2)]);
    shop.fail("reserve", Fault::Late(Arc::clone(&go)));
    let slow = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move { shop.check_out(&ada, checkout(key("k"))).await })
    };
    shop.reached("reserve", 1).await;
    let id = running_id(&shop).await;
    shop.rig.clock.forward(Duration::from_secs(31));
    assert_eq!(became(&shop, id).await, Became::NeverPlaced);
    go.notify_one();
    let late = slow.await.unwrap();
    assert!(matches!(late, Err(CallError::NotDone(_))), "{late:?}");
    assert_eq!((shop.holds(), shop.count("orders").await), (0, 0));
    assert_eq!(became(&shop, id).await, Became::NeverPlaced);
    assert!(shop.check_out(&ada, checkout(key("k"))).await.is_ok());
    shop.close().await;
}

#[tokio::test]
async fn an_id_that_was_refused_or_never_known_was_never_placed() {
    let shop = Shop::open().await;
    assert_eq!(became(&shop, shop.rig.id()).await, Became::NeverPlaced);
    let ada = shopper();
    let first = shop.order(&ada).await;
    shop.fail("release", Fault::NotDone);
    let refused = shop.refused(&ada, checkout(any_key())).await;
    assert_eq!(refused, CheckoutRefused::CartAlreadyOrdered { order: first.id });
    let left = shop.others.lock().holds.keys().copied().find(|id| *id != first.id).unwrap();
    assert_eq!(became(&shop, left).await, Became::NeverPlaced);
    assert_eq!(became(&shop, first.id).await, Became::Placed);
    shop.close().await;
}
