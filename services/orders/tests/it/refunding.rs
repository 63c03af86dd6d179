//! What becomes of an order whose money goes back.
use crate::shop::*;
use contracts::orders::{
    CancelReason, Order, OrderCancelled, OrderRefunded, OrderStatus, ShipmentStatus,
};
use contracts::payments::{PaymentRefunded, PaymentStatus};
use kit::testing::shopper;
use std::sync::Arc;

fn given_back(shop: &Shop, order: &Order, minor: i64, restock: bool) -> PaymentRefunded {
    PaymentRefunded {
        payment: order.payment.id,
        order: order.id,
        refund: shop.rig.id(),
        amount: usd(minor),
        refunded: usd(minor),
        whole: minor == order.total.minor,
        restock,
    }
}
fn whole(shop: &Shop, order: &Order, restock: bool) -> PaymentRefunded {
    given_back(shop, order, order.total.minor, restock)
}

#[tokio::test]
async fn a_part_is_only_shown() {
    let shop = Shop::open().await;
    let (ada, cancelled) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let refunded = shop.rig.listen::<OrderRefunded>();
    let order = shop.paid_order(&ada).await;
    shop.rig.tell(given_back(&shop, &order, 100, true)).await;
    let sent = shop.ship(order.id, &[]).await.unwrap();
    assert_eq!((sent.status, sent.refunded), (OrderStatus::Fulfilled, usd(100)));
    shop.rig.tell(given_back(&shop, &order, 200, true)).await;
    let seen = shop.get(&ada, order.id).await;
    assert_eq!((seen.status, seen.refunded), (OrderStatus::Fulfilled, usd(200)));
    assert_eq!(seen.payment.status, PaymentStatus::PartiallyRefunded);
    shop.rig.settled().await;
    assert_eq!((cancelled.lock().len(), refunded.lock().len()), (0, 0));
    shop.close().await;
}

#[tokio::test]
async fn before_it_is_sent_an_order_is_cancelled_by_it() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderCancelled>());
    let order = shop.paid_order(&ada).await;
    for _ in 0..2 {
        shop.rig.tell(whole(&shop, &order, false)).await;
    }
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(
        (seen.status, seen.cancel_reason),
        (OrderStatus::Cancelled, Some(CancelReason::ByStaff))
    );
    assert_eq!((seen.payment.status, seen.refunded), (PaymentStatus::Refunded, order.total));
    assert!(shop.ship(order.id, &[]).await.is_err());
    assert_eq!(shop.cancel(&ada, order.id).await.unwrap(), seen);
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!((told.len(), told[0].was_paid), (1, true));
    shop.close().await;
}

#[tokio::test]
async fn after_it_was_sent_an_order_is_refunded_and_tells_whether_its_goods_are_back() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderRefunded>());
    for (arrived, restock) in [(false, true), (true, false)] {
        let order = shop.paid_order(&ada).await;
        let sent = shop.ship(order.id, &[]).await.unwrap();
        if arrived {
            let id = sent.shipments[0].id;
            shop.parcel_is(order.id, id, ShipmentStatus::Delivered).await.unwrap();
        }
        for _ in 0..2 {
            shop.rig.tell(whole(&shop, &order, restock)).await;
        }
        let seen = shop.get(&ada, order.id).await;
        assert_eq!((seen.status, seen.refunded), (OrderStatus::Refunded, order.total));
        shop.rig.settled().await;
        let told = std::mem::take(&mut *told.lock());
        assert_eq!((told.len(), told[0].restock, told[0].order), (1, restock, order.id));
        assert_eq!(told[0].lines[0].quantity, pieces(2));
    }
    shop.close().await;
}

#[tokio::test]
async fn what_was_sent_in_part_is_refunded_and_its_rest_stays() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderRefunded>());
    let order = shop.paid_order(&ada).await;
    shop.ship(order.id, &[("BOOK-1", 1)]).await.unwrap();
    shop.rig.tell(whole(&shop, &order, true)).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Refunded);
    assert!(shop.ship(order.id, &[]).await.is_err(), "no more is sent");
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn a_refund_while_shipping_ends_in_one_of_the_two() {
    let shop = Arc::new(Shop::open().await);
    let (cancelled, refunded) =
        (shop.rig.listen::<OrderCancelled>(), shop.rig.listen::<OrderRefunded>());
    let mut sent = 0;
    for round in 0..10_u32 {
        let order = shop.paid_order(&shopper()).await;
        let refund = {
            let (shop, event) = (Arc::clone(&shop), whole(&shop, &order, true));
            tokio::spawn(async move { shop.rig.tell(event).await })
        };
        for _ in 0..round * 2 {
            tokio::task::yield_now().await;
        }
        let shipped = shop.ship(order.id, &[]).await.is_ok();
        refund.await.unwrap();
        let ended = if shipped { OrderStatus::Refunded } else { OrderStatus::Cancelled };
        assert_eq!(shop.status(order.id).await, ended);
        sent += usize::from(shipped);
    }
    shop.rig.settled().await;
    assert_eq!((refunded.lock().len(), cancelled.lock().len()), (sent, 10 - sent));
    shop.close().await;
}

#[tokio::test]
async fn a_refund_while_cancelling_is_told_once() {
    let shop = Arc::new(Shop::open().await);
    let told = shop.rig.listen::<OrderCancelled>();
    for _ in 0..10 {
        let ada = shopper();
        let order = shop.paid_order(&ada).await;
        let event = whole(&shop, &order, true);
        let (_, cancelled) = tokio::join!(shop.rig.tell(event), shop.cancel(&ada, order.id));
        assert_eq!(cancelled.unwrap().status, OrderStatus::Cancelled);
        assert_eq!(shop.get(&ada, order.id).await.refunded, order.total);
    }
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 10);
    shop.close().await;
}
