use crate::shop::*;
use contracts::orders::{CancelReason, OrderCancelled, OrderPaid, OrderStatus};
use contracts::payments::{Closing, PaymentStatus};
use kit::testing::shopper;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const HOLD: Duration = Duration::from_secs(900);

async fn expire(shop: &Shop) {
    shop.rig.work("orders", "expire_orders").await;
}

#[tokio::test]
async fn an_order_that_nobody_pays_is_closed_and_cancelled_when_its_time_is_over() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.order(&ada).await;
    shop.rig.clock.forward(HOLD - Duration::from_micros(1));
    expire(&shop).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Pending);
    shop.rig.clock.forward(Duration::from_micros(1));
    expire(&shop).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.status, OrderStatus::Cancelled);
    assert_eq!(seen.cancel_reason, Some(CancelReason::Expired));
    assert_eq!((seen.payment.status, seen.expires_at), (PaymentStatus::Voided, None));
    let closed = shop.others.lock().closed.clone();
    assert!(closed.iter().all(|c| c.order == order.id && c.payment == order.payment.id));
    expire(&shop).await;
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!((told.len(), told[0].was_paid), (1, false));
    assert!(shop.check_out(&ada, checkout(any_key())).await.is_ok(), "the cart is free again");
    shop.close().await;
}

#[tokio::test]
async fn an_order_whose_money_came_just_in_time_is_paid_once() {
    let shop = Shop::open().await;
    let (ada, paid) = (shopper(), shop.rig.listen::<OrderPaid>());
    let cancelled = shop.rig.listen::<OrderCancelled>();
    let order = shop.order(&ada).await;
    shop.others.lock().closing = Some(Closing::Captured { amount: order.total });
    shop.rig.clock.forward(HOLD);
    tokio::join!(expire(&shop), shop.capture(&order));
    shop.capture(&order).await;
    expire(&shop).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Paid);
    shop.rig.settled().await;
    assert_eq!((paid.lock().len(), cancelled.lock().len()), (1, 0));
    shop.close().await;
}

#[tokio::test]
async fn an_order_that_was_decided_while_its_payment_was_closed_stays_so() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    let order = shop.order(&ada).await;
    for _ in 0..20 {
        shop.fail("close", Fault::Late(Arc::clone(&go)));
    }
    shop.rig.clock.forward(HOLD);
    let expiring = {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { expire(&shop).await })
    };
    shop.reached("close", 1).await;
    shop.capture(&order).await;
    while !expiring.is_finished() {
        go.notify_waiters();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(shop.status(order.id).await, OrderStatus::Paid);
    shop.close().await;
}

#[tokio::test]
async fn closing_that_finds_the_money_pays_without_the_event() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.others.lock().closing = Some(Closing::Captured { amount: order.total });
    shop.rig.clock.forward(HOLD);
    expire(&shop).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!((seen.status, seen.payment.status), (OrderStatus::Paid, PaymentStatus::Captured));
    shop.close().await;
}

#[tokio::test]
async fn what_cannot_be_closed_now_is_closed_in_the_next_turn() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.order(&ada).await;
    for fault in [Fault::NotDone, Fault::RequestLost, Fault::AnswerLost] {
        for _ in 0..shop.rig.nodes.len() * 4 {
            shop.fail("close", fault.clone());
        }
    }
    shop.rig.clock.forward(HOLD);
    expire(&shop).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Pending);
    while shop.status(order.id).await == OrderStatus::Pending {
        expire(&shop).await;
    }
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn hundreds_expire_in_one_turn_and_those_that_cannot_hold_up_nobody() {
    let shop = Arc::new(Shop::open().await);
    let told = shop.rig.listen::<OrderCancelled>();
    let placing: Vec<_> = (0..450)
        .map(|_| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.order(&shopper()).await })
        })
        .collect();
    for order in placing {
        order.await.unwrap();
    }
    let paid = shop.paid_order(&shopper()).await;
    // More than are closed at a time, in every replica and whatever its own turns take away.
    for _ in 0..250 {
        shop.fail("close", Fault::NotDone);
    }
    shop.rig.clock.forward(HOLD);
    expire(&shop).await;
    shop.rig.settled().await;
    assert!(told.lock().len() >= 200, "{}", told.lock().len());
    expire(&shop).await;
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 450);
    assert_eq!(shop.status(paid.id).await, OrderStatus::Paid);
    shop.close().await;
}
