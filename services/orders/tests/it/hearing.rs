use crate::shop::*;
use contracts::Event;
use contracts::inventory::StockMissing;
use contracts::orders::{
    CancelReason, GetReceipt, GetTracking, OrderCancelled, OrderPaid, OrderStatus,
};
use contracts::payments::{PaymentActionRequired, PaymentCaptured, PaymentRefunded, PaymentStatus};
use kit::bus::Envelope;
use kit::testing::shopper;
use kit::wave::NotRun;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_capture_pays_the_order_and_is_told_once_however_often_it_comes() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPaid>());
    let order = shop.order(&ada).await;
    shop.rig.clock.forward(Duration::from_secs(5));
    let id = shop.rig.tell(captured(&order)).await;
    shop.rig.tell_again(id, captured(&order)).await;
    shop.rig.tell(captured(&order)).await;
    let paid = shop.get(&ada, order.id).await;
    assert_eq!((paid.status, paid.payment.status), (OrderStatus::Paid, PaymentStatus::Captured));
    assert_eq!((paid.expires_at, paid.version), (None, 2));
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].order, told[0].total), (order.id, order.total));
    assert_eq!(
        (told[0].account, &told[0].lines),
        (ada.account(), &shop.others.lock().holds[&order.id])
    );

    let tracking = shop.rig.call(&ada, GetTracking { of: of(order.id) }).await.unwrap();
    let steps: Vec<_> = tracking.timeline.iter().map(|step| step.status).collect();
    assert_eq!(steps, [OrderStatus::Pending, OrderStatus::Paid]);
    assert!(tracking.timeline[0].at < tracking.timeline[1].at);
    let receipt = shop.rig.call(&ada, GetReceipt { of: of(order.id) }).await.unwrap();
    assert_eq!((receipt.paid_at, receipt.refunded), (tracking.timeline[1].at, usd(0)));
    shop.close().await;
}

#[tokio::test]
async fn a_hundred_captures_and_failures_at_once_each_find_their_order() {
    let shop = Arc::new(Shop::open().await);
    let (paid, cancelled) = (shop.rig.listen::<OrderPaid>(), shop.rig.listen::<OrderCancelled>());
    let all: Vec<_> = (0..100)
        .map(|n| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move {
                let somebody = shopper();
                let order = shop.order(&somebody).await;
                if n % 2 == 0 {
                    shop.rig.tell(captured(&order)).await;
                } else {
                    shop.rig.tell(failed(&order)).await;
                }
                let now = shop.get(&somebody, order.id).await.status;
                let expected = if n % 2 == 0 { OrderStatus::Paid } else { OrderStatus::Cancelled };
                assert_eq!(now, expected);
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    shop.rig.settled().await;
    assert_eq!((paid.lock().len(), cancelled.lock().len()), (50, 50));
    shop.close().await;
}

#[tokio::test]
async fn a_refused_payment_cancels_the_order_and_says_why() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.order(&ada).await;
    let id = shop.rig.tell(failed(&order)).await;
    shop.rig.tell_again(id, failed(&order)).await;
    shop.rig.tell(failed(&order)).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.status, OrderStatus::Cancelled);
    assert_eq!(seen.cancel_reason, Some(CancelReason::PaymentFailed));
    assert_eq!(seen.payment.status, PaymentStatus::Failed);
    assert_eq!(seen.payment.failure_code.as_deref(), Some("card_declined"));
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!((told.len(), told[0].was_paid, told[0].payment), (1, false, order.payment.id));
    assert_eq!(told[0].reason, CancelReason::PaymentFailed);
    shop.close().await;
}

#[tokio::test]
async fn a_failure_after_the_order_was_paid_does_nothing() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.paid_order(&ada).await;
    shop.rig.tell(failed(&order)).await;
    assert_eq!(shop.get(&ada, order.id).await, order);
    shop.rig.settled().await;
    assert!(told.lock().is_empty());
    shop.close().await;
}

#[tokio::test]
async fn money_for_an_order_that_ended_pays_nothing() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPaid>());
    let order = shop.order(&ada).await;
    let cancelled = shop.cancel(&ada, order.id).await.unwrap();
    shop.capture(&order).await;
    assert_eq!(shop.get(&ada, order.id).await, cancelled);
    shop.rig.settled().await;
    assert!(told.lock().is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_capture_of_a_payment_that_is_not_the_orders_pays_nothing() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.rig.tell(PaymentCaptured { payment: shop.rig.id(), ..captured(&order) }).await;
    shop.rig.tell(PaymentCaptured { order: shop.rig.id(), ..captured(&order) }).await;
    assert_eq!(shop.get(&ada, order.id).await, order);
    shop.close().await;
}

#[tokio::test]
async fn a_capture_of_another_amount_is_parked_and_pays_nothing() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let less = PaymentCaptured { amount: usd(1), ..captured(&order) };
    let message = Envelope {
        id: shop.rig.id(),
        name: PaymentCaptured::NAME.into(),
        source: "payments".into(),
        subject: less.subject(),
        version: 2,
        part: 0,
        time: order.created_at,
        traceparent: None,
        body: serde_json::to_string(&less).unwrap().into(),
        typed: None,
    };
    let delivered = shop.rig.bus.deliver(Arc::new(message), "orders").await;
    assert!(matches!(delivered, Err(NotRun::Failed(_))), "{delivered:?}");
    assert_eq!(shop.get(&ada, order.id).await, order);
    shop.capture(&order).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Paid);
    shop.close().await;
}

#[tokio::test]
async fn an_action_that_is_required_is_shown() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let asked = PaymentActionRequired { payment: order.payment.id, order: order.id };
    shop.rig.tell(asked.clone()).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.payment.status, PaymentStatus::RequiresAction);
    assert_eq!(seen.status, OrderStatus::Pending);
    shop.capture(&order).await;
    shop.rig.tell(asked).await;
    assert_eq!(shop.get(&ada, order.id).await.payment.status, PaymentStatus::Captured);
    shop.close().await;
}

#[tokio::test]
async fn what_went_back_is_shown_on_the_order_and_its_receipt() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await;
    let refund = |refunded: i64, whole| PaymentRefunded {
        payment: order.payment.id,
        order: order.id,
        refund: shop.rig.id(),
        amount: usd(refunded),
        refunded: usd(refunded),
        whole,
        restock: false,
    };
    shop.rig.tell(refund(100, false)).await;
    assert_eq!(shop.get(&ada, order.id).await.payment.status, PaymentStatus::PartiallyRefunded);
    shop.rig.tell(refund(order.total.minor, true)).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.payment.status, PaymentStatus::Refunded);
    let receipt = shop.rig.call(&ada, GetReceipt { of: of(order.id) }).await.unwrap();
    assert_eq!(receipt.refunded, order.total);
    shop.close().await;
}

#[tokio::test]
async fn a_paid_order_whose_stock_is_missing_is_cancelled_for_its_money_to_go_back() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.paid_order(&ada).await;
    let missing = StockMissing { order: order.id, lines: Vec::new() };
    shop.rig.tell(missing.clone()).await;
    shop.rig.tell(missing).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.cancel_reason, Some(CancelReason::StockMissing));
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!((told.len(), told[0].was_paid), (1, true));
    shop.close().await;
}

#[tokio::test]
async fn every_change_raises_the_version() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await;
    let cancelled = shop.cancel(&ada, order.id).await.unwrap();
    assert_eq!((order.version, cancelled.version), (2, 3));
    shop.close().await;
}
