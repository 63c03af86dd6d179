use crate::shop::*;
use contracts::Role;
use contracts::orders::{
    CancelOrder, CancelReason, Idempotency, OrderCancelled, OrderPaid, OrderRefused, OrderStatus,
};
use contracts::payments::{Closing, PaymentStatus};
use contracts::{AccountId, CallError, Caller, SessionId};
use kit::testing::{admin, shopper};
use std::sync::Arc;

fn support(shop: &Shop) -> Caller {
    let (account, session) = (shop.rig.id::<AccountId>(), shop.rig.id::<SessionId>());
    Caller::Account { account, session, role: Role::Support }
}

#[tokio::test]
async fn a_pending_order_is_closed_first_and_then_cancelled() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.order(&ada).await;
    let cancelled = shop.cancel(&ada, order.id).await.unwrap();
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::ByShopper));
    assert_eq!(cancelled.payment.status, PaymentStatus::Voided);
    assert_eq!(shop.others.lock().closed[0].payment, order.payment.id);
    shop.rig.settled().await;
    assert!(!told.lock()[0].was_paid);
    shop.close().await;
}

#[tokio::test]
async fn a_paid_order_is_cancelled_for_its_money_to_go_back() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.paid_order(&ada).await;
    let cancelled = shop.cancel(&ada, order.id).await.unwrap();
    assert_eq!(cancelled.payment.status, PaymentStatus::Captured, "until payments gives it back");
    assert!(shop.others.lock().closed.is_empty());
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!((told.len(), told[0].was_paid, told[0].payment), (1, true, order.payment.id));
    shop.close().await;
}

#[tokio::test]
async fn money_that_came_before_closing_is_told_as_paid_and_then_as_cancelled() {
    let shop = Shop::open().await;
    let (paid, cancelled) = (shop.rig.listen::<OrderPaid>(), shop.rig.listen::<OrderCancelled>());
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.others.lock().closing = Some(Closing::Captured { amount: order.total });
    let seen = shop.cancel(&ada, order.id).await.unwrap();
    assert_eq!((seen.status, seen.version), (OrderStatus::Cancelled, 3));
    shop.capture(&order).await;
    shop.rig.settled().await;
    assert_eq!((paid.lock().len(), cancelled.lock().len()), (1, 1));
    assert!(cancelled.lock()[0].was_paid);
    assert_eq!(shop.get(&ada, order.id).await, seen);
    shop.close().await;
}

#[tokio::test]
async fn cancelling_fifty_times_at_once_is_told_once() {
    let shop = Arc::new(Shop::open().await);
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    for order in [shop.order(&ada).await, shop.paid_order(&shopper()).await] {
        let who = if order.status == OrderStatus::Paid { admin() } else { ada.clone() };
        let all: Vec<_> = (0..50)
            .map(|_| {
                let (shop, who) = (Arc::clone(&shop), who.clone());
                tokio::spawn(async move { shop.cancel(&who, order.id).await })
            })
            .collect();
        let mut answers = Vec::new();
        for one in all {
            answers.push(one.await.unwrap().unwrap());
        }
        assert!(answers.iter().all(|seen| *seen == answers[0]));
        assert_eq!(answers[0].status, OrderStatus::Cancelled);
    }
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 2);
    assert_eq!(told.lock().iter().filter(|told| told.was_paid).count(), 1);
    shop.close().await;
}

#[tokio::test]
async fn cancelling_a_cancelled_order_answers_it_unchanged() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.rig.tell(failed(&order)).await;
    let before = shop.get(&ada, order.id).await;
    assert_eq!(shop.cancel(&ada, order.id).await.unwrap(), before);
    assert_eq!(before.cancel_reason, Some(CancelReason::PaymentFailed));
    shop.close().await;
}

#[tokio::test]
async fn staff_cancel_in_their_own_name() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let cancelled = shop.cancel(&support(&shop), order.id).await.unwrap();
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::ByStaff));
    shop.close().await;
}

#[tokio::test]
async fn what_is_on_its_way_is_not_cancelled() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await;
    for status in ["fulfilled", "delivered", "refunded"] {
        shop.sql(&format!("UPDATE orders SET status = '{status}'")).await;
        let refused = shop.cancel(&ada, order.id).await.unwrap_err().refused();
        assert_eq!(refused, Some(OrderRefused::WrongState { status: status.into() }));
    }
    shop.close().await;
}

#[tokio::test]
async fn the_same_key_answers_the_same_and_refuses_another_body() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let cancel =
        |body| CancelOrder { of: of(order.id), idempotency: Idempotency { key: "k".into(), body } };
    let first = shop.rig.call(&ada, cancel([0; 32])).await.unwrap();
    assert_eq!(shop.rig.call(&ada, cancel([0; 32])).await.unwrap(), first);
    assert_eq!(shop.others.lock().closed.len(), 1);
    let reused = shop.rig.call(&ada, cancel([1; 32])).await.unwrap_err().refused();
    assert_eq!(reused, Some(OrderRefused::KeyReused));
    let other = shop.order(&ada).await;
    let same_key = CancelOrder { of: of(other.id), ..cancel([0; 32]) };
    assert_eq!(shop.rig.call(&ada, same_key).await.unwrap().id, other.id, "a key is of one order");
    shop.close().await;
}

#[tokio::test]
async fn a_payment_that_could_not_be_closed_cancels_nothing_and_the_same_key_tries_again() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    for fault in [Fault::NotDone, Fault::RequestLost, Fault::AnswerLost] {
        let order = shop.order(&ada).await;
        let unknown = !matches!(fault, Fault::NotDone);
        shop.fail("close", fault);
        let cancel = CancelOrder { of: of(order.id), idempotency: key("k") };
        let lost = shop.rig.call(&ada, cancel.clone()).await.unwrap_err();
        assert_eq!(matches!(lost, CallError::Unknown(_)), unknown, "{lost:?}");
        assert_eq!(shop.status(order.id).await, OrderStatus::Pending);
        let cancelled = shop.rig.call(&ada, cancel).await.unwrap();
        assert_eq!(cancelled.status, OrderStatus::Cancelled);
    }
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 3);
    shop.close().await;
}
