use crate::shop::*;
use contracts::orders::{
    CancelReason, OrderPaid, OrderRef, OrderRefused, OrderStatus, PayOrder, PayWith,
};
use contracts::payments::{
    ContinueRefused, PaymentActionRequired, PaymentCaptured, PaymentFailed, PaymentMethod,
    PaymentStatus,
};
use contracts::{CallError, Caller, PaymentId};
use kit::testing::{admin, shopper};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

#[tokio::test]
async fn an_action_that_the_payment_requires_is_completed() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPaid>());
    let order = shop.order(&ada).await;
    let asked = PaymentActionRequired { payment: order.payment.id, order: order.id };
    shop.rig.tell(asked).await;
    shop.others.lock().continuing = Some(Ok(PaymentStatus::Captured));
    let paid = shop.pay(&ada, order.id, key("k"), None).await.unwrap();
    assert_eq!((paid.status, paid.payment.status), (OrderStatus::Paid, PaymentStatus::Captured));
    let asked = shop.others.lock().continued[0].clone();
    assert_eq!((asked.order, asked.payment), (order.id, order.payment.id));
    assert_eq!((asked.account, asked.amount, asked.instead), (ada.account(), order.total, None));
    assert_eq!(shop.pay(&ada, order.id, key("k"), None).await.unwrap(), paid, "replayed");
    shop.capture(&order).await;
    shop.rig.settled().await;
    assert_eq!((told.lock().len(), shop.others.lock().continued.len()), (1, 1));
    shop.close().await;
}

#[tokio::test]
async fn another_method_takes_the_place_of_the_first() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let seen = shop.pay(&ada, order.id, any_key(), Some(wallet())).await.unwrap();
    let asked = shop.others.lock().continued[0].clone();
    let new = asked.instead.unwrap();
    assert_eq!((asked.payment, new.with), (order.payment.id, wallet()));
    assert_eq!((seen.payment.id, seen.payment.method), (new.payment, PaymentMethod::Wallet));
    assert_eq!((seen.status, seen.payment.status), (OrderStatus::Pending, PaymentStatus::Pending));

    // The first was voided: what still comes of it changes nothing.
    shop.capture(&order).await;
    shop.rig.tell(failed(&order)).await;
    assert_eq!(shop.get(&ada, order.id).await, seen);
    shop.capture(&seen).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Paid);
    shop.close().await;
}

#[tokio::test]
async fn the_event_of_the_new_payment_may_come_before_its_answer() {
    let shop = Arc::new(Shop::open().await);
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPaid>());
    let (order, go) = (shop.order(&ada).await, Arc::new(Notify::new()));
    shop.fail("continue", Fault::Late(Arc::clone(&go)));
    let paying = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        let pay = async move { shop.pay(&ada, order.id, key("k"), Some(wallet())).await };
        tokio::spawn(pay)
    };
    shop.reached("continue", 1).await;
    let payment = asked_for(&shop);
    shop.rig
        .tell(PaymentCaptured { payment, order: order.id, amount: order.total, receipt: None })
        .await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Paid);
    go.notify_one();
    let paid = paying.await.unwrap().unwrap();
    assert_eq!((paid.status, paid.payment.id), (OrderStatus::Paid, payment));
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    shop.close().await;
}

fn asked_for(shop: &Shop) -> PaymentId {
    shop.others.lock().continued.last().unwrap().instead.as_ref().unwrap().payment
}

#[tokio::test]
async fn the_first_payment_may_still_come_while_another_is_asked_for() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPaid>());
    let order = shop.order(&ada).await;
    shop.fail("continue", Fault::RequestLost);
    let lost = shop.pay(&ada, order.id, key("k"), Some(wallet())).await;
    assert!(matches!(lost, Err(CallError::Unknown(_))), "{lost:?}");
    shop.capture(&order).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!((seen.status, seen.payment.id), (OrderStatus::Paid, order.payment.id));
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn an_unknown_outcome_is_asked_for_again_with_the_same_ids() {
    let shop = Shop::open().await;
    let ada = shopper();
    for fault in [Fault::RequestLost, Fault::AnswerLost] {
        let order = shop.order(&ada).await;
        shop.others.lock().continued.clear();
        let lost = matches!(fault, Fault::AnswerLost);
        shop.fail("continue", fault);
        let unknown = shop.pay(&ada, order.id, key("k"), Some(wallet())).await;
        assert!(matches!(unknown, Err(CallError::Unknown(_))), "{unknown:?}");
        let running = shop.pay(&ada, order.id, key("k"), Some(wallet())).await;
        assert_eq!(running.unwrap_err().refused(), Some(OrderRefused::InProgress));
        shop.rig.clock.forward(Duration::from_secs(31));
        let seen = shop.pay(&ada, order.id, key("k"), Some(wallet())).await.unwrap();
        assert_eq!(seen.payment.id, asked_for(&shop));
        let asked = shop.others.lock().continued.clone();
        assert_eq!(asked.len(), if lost { 2 } else { 1 });
        assert!(asked.windows(2).all(|two| two[0] == two[1]), "{asked:?}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_takeover_finds_what_an_event_has_told_already() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.fail("continue", Fault::AnswerLost);
    let unknown = shop.pay(&ada, order.id, key("k"), Some(wallet())).await;
    assert!(matches!(unknown, Err(CallError::Unknown(_))));
    let payment = asked_for(&shop);
    shop.rig
        .tell(PaymentCaptured { payment, order: order.id, amount: order.total, receipt: None })
        .await;
    shop.rig.clock.forward(Duration::from_secs(31));
    let seen = shop.pay(&ada, order.id, key("k"), Some(wallet())).await.unwrap();
    assert_eq!((seen.status, seen.payment.id), (OrderStatus::Paid, payment));
    assert_eq!(shop.others.lock().continued.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn what_payments_refuses_changes_nothing() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let wrong = ContinueRefused::WrongState { status: PaymentStatus::Captured };
    shop.others.lock().continuing = Some(Err(wrong));
    for with in [None, Some(wallet())] {
        let refused = shop.pay(&ada, order.id, any_key(), with).await.unwrap_err().refused();
        let status = "pending, its payment captured".to_owned();
        assert_eq!(refused, Some(OrderRefused::WrongState { status }));
    }
    let seen = shop.get(&ada, order.id).await;
    assert_eq!((seen.status, &seen.payment), (OrderStatus::Pending, &order.payment));
    shop.capture(&order).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Paid);
    shop.close().await;
}

#[tokio::test]
async fn what_was_not_done_may_be_tried_again_with_the_same_key() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.fail("continue", Fault::NotDone);
    let failed = shop.pay(&ada, order.id, key("k"), Some(wallet())).await;
    assert!(matches!(failed, Err(CallError::NotDone(_))), "{failed:?}");
    shop.others.lock().continuing = Some(Err(ContinueRefused::NotFound));
    let failed = shop.pay(&ada, order.id, key("k"), Some(wallet())).await;
    assert!(matches!(failed, Err(CallError::NotDone(_))), "payments has not heard of it yet");
    assert_eq!(shop.get(&ada, order.id).await.payment, order.payment);
    shop.others.lock().continuing = None;
    let seen = shop.pay(&ada, order.id, key("k"), Some(wallet())).await.unwrap();
    assert_eq!(seen.payment.method, PaymentMethod::Wallet);
    shop.close().await;
}

#[tokio::test]
async fn a_first_payment_that_failed_meanwhile_ends_the_order_if_no_other_begins() {
    let shop = Arc::new(Shop::open().await);
    let ada = shopper();
    let (order, go) = (shop.order(&ada).await, Arc::new(Notify::new()));
    shop.fail("continue", Fault::LateNotDone(Arc::clone(&go)));
    let paying = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        let pay = async move { shop.pay(&ada, order.id, key("k"), Some(wallet())).await };
        tokio::spawn(pay)
    };
    shop.reached("continue", 1).await;
    shop.rig
        .tell(PaymentFailed {
            payment: order.payment.id,
            order: order.id,
            failure_code: "card_declined".into(),
        })
        .await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Pending, "the other may still pay");
    go.notify_one();
    assert!(paying.await.unwrap().is_err());
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.cancel_reason, Some(CancelReason::PaymentFailed));
    shop.close().await;
}

#[tokio::test]
async fn only_a_pending_order_is_paid() {
    let shop = Shop::open().await;
    let ada = shopper();
    let paid = shop.paid_order(&ada).await;
    let cancelled = shop.order(&ada).await;
    shop.cancel(&ada, cancelled.id).await.unwrap();
    for (order, status) in [(paid.id, "paid"), (cancelled.id, "cancelled")] {
        for with in [None, Some(wallet())] {
            let refused = shop.pay(&ada, order, any_key(), with).await.unwrap_err().refused();
            assert_eq!(refused, Some(OrderRefused::WrongState { status: status.into() }));
        }
    }
    assert!(shop.others.lock().continued.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn only_the_owner_pays_and_by_a_way_that_can_be_used() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    for other in [shopper(), admin()] {
        let refused = shop.pay(&other, order.id, any_key(), None).await.unwrap_err().refused();
        assert_eq!(refused, Some(OrderRefused::NotFound));
    }
    let no_token = PayWith { method: PaymentMethod::Card, token: None };
    let refused = shop.pay(&ada, order.id, any_key(), Some(no_token)).await.unwrap_err().refused();
    assert!(
        matches!(refused, Some(OrderRefused::Invalid { field, .. }) if field == "payment.token")
    );

    shop.fill_named("cart-1".into(), &[("BOOK-1", 1)]);
    let placed = shop.rig.call(&Caller::Guest, guest_checkout("cart-1", any_key())).await.unwrap();
    let of = OrderRef { order: placed.order.id, token: placed.order_token };
    let by_wallet = PayOrder { of: of.clone(), idempotency: any_key(), payment: Some(wallet()) };
    let refused = shop.rig.call(&Caller::Guest, by_wallet).await.unwrap_err().refused();
    assert!(
        matches!(refused, Some(OrderRefused::Invalid { field, .. }) if field == "payment.method")
    );
    let by_card = PayOrder { of, idempotency: any_key(), payment: Some(card()) };
    assert!(shop.rig.call(&Caller::Guest, by_card).await.is_ok());
    shop.close().await;
}
