//! Orders that end: closed, cancelled, and money that comes too late.
use crate::*;
use futures_util::future::join_all;

#[tokio::test]
async fn closing_before_capture_captures_nothing_and_says_so_again() {
    let shop = Shop::open().await;
    let order =
        shop.placed(None, card("tok_threeDSecure"), 700, PaymentStatus::RequiresAction).await;
    for _ in 0..3 {
        assert_eq!(shop.close(&order).await, Closing::Closed);
    }
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Voided));
    shop.pass(2).await;
    // The provider was told as well.
    assert_eq!(shop.charges().await[0].3, "voided");
    assert!(shop.captured.lock().is_empty() && shop.failed.lock().is_empty());
    shop.end().await;
}

#[tokio::test]
async fn closing_after_capture_says_how_much_and_says_so_again() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    for with in [wallet(), card("tok_visa")] {
        let order = shop.placed(payer.account(), with, 600, PaymentStatus::Captured).await;
        let kept = Closing::Captured { amount: usd(600) };
        assert_eq!((shop.close(&order).await, shop.close(&order).await), (kept, kept));
        assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Captured));
        // The answer stays the answer, whatever comes afterwards.
        shop.cancel(&order).await;
        shop.until(order.payment, PaymentStatus::Refunded).await;
        assert_eq!(shop.close(&order).await, kept);
    }
    shop.end().await;
}

#[tokio::test]
async fn an_order_that_is_closed_before_it_is_heard_of_is_voided_at_birth() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    for with in [wallet(), card("tok_visa")] {
        let order = shop.order(payer.account(), with, 600);
        assert_eq!(shop.close(&order).await, Closing::Closed);
        shop.rig.tell(order.clone()).await;
        assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Voided));
        assert_eq!(shop.close(&order).await, Closing::Closed);
        shop.pass(3).await;
    }
    assert_eq!(shop.balance(&payer).await, 1_000);
    assert!(shop.captured.lock().is_empty() && shop.failed.lock().is_empty());
    assert_eq!(shop.charges().await.len(), 1, "the top-up's");
    shop.end().await;
}

#[tokio::test]
async fn money_captured_after_closing_goes_back_in_full() {
    let shop = Shop::open().await;
    for end in ["close", "cancel"] {
        let order = shop.order(None, card("tok_timeout"), 800);
        shop.rig.tell(order.clone()).await;
        shop.pass(1).await;
        assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Pending));
        if end == "close" {
            assert_eq!(shop.close(&order).await, Closing::Closed);
        } else {
            shop.cancel(&order).await;
        }
        assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Voided));
        shop.pass(10).await;
        shop.until(order.payment, PaymentStatus::Refunded).await;
        assert_eq!(shop.close(&order).await, Closing::Closed);
        shop.rig.settled().await;
        let told = shop.refunded.lock().pop().unwrap();
        assert_eq!((told.order, told.payment), (order.order, order.payment));
        assert_eq!((told.amount, told.refunded, told.whole), (usd(800), usd(800), true));
        shop.cancel(&order).await;
        shop.pass(5).await;
        assert!(shop.refunded.lock().is_empty(), "once");
    }
    assert!(shop.captured.lock().is_empty());
    let late = (Some("tok_timeout".to_owned()), 800, 800, "captured".to_owned());
    assert_eq!(shop.charges().await, [late.clone(), late]);
    assert_eq!(book_sum(shop.db(), "sales").await, 0);
    assert_eq!(book_sum(shop.db(), "card").await, 0);
    shop.end().await;
}

#[tokio::test]
async fn closing_beside_the_provider_ends_with_the_money_in_one_place() {
    let shop = Shop::open().await;
    let orders: Vec<OrderPlaced> = (0..24)
        .map(|n| shop.order(None, card(["tok_visa", "tok_chargedThenError"][n % 2]), 100))
        .collect();
    let closings = join_all(orders.iter().map(|order| {
        let shop = &shop;
        async move {
            let (_, closing) = tokio::join!(shop.rig.tell(order.clone()), shop.close(order));
            closing
        }
    }))
    .await;
    shop.pass(40).await;
    for (order, closing) in orders.iter().zip(closings) {
        let payment = shop.payment(order.payment).await.unwrap();
        let kept = payment.captured.minor - payment.refunded.minor;
        match closing {
            Closing::Captured { amount } => assert_eq!((amount, kept), (usd(100), 100)),
            Closing::Closed => assert_eq!(kept, 0, "{payment:?}"),
        }
        let told = shop.captured.lock().iter().filter(|told| told.order == order.order).count();
        assert_eq!(told, usize::from(kept > 0));
    }
    shop.end().await;
}

#[tokio::test]
async fn cancelling_many_times_pays_back_once() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    for with in [wallet(), card("tok_visa")] {
        let order = shop.placed(payer.account(), with, 400, PaymentStatus::Captured).await;
        join_all((0..8).map(|_| shop.cancel(&order))).await;
        shop.until(order.payment, PaymentStatus::Refunded).await;
        shop.cancel(&order).await;
        shop.pass(3).await;
        shop.rig.settled().await;
        let told = std::mem::take(&mut *shop.refunded.lock());
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].order, told[0].amount, told[0].whole), (order.order, usd(400), true));
        assert_eq!(shop.balance(&payer).await, 1_000);
    }
    let refunded: i64 = shop.charges().await.iter().map(|charge| charge.2).sum();
    assert_eq!(refunded, 400);
    shop.end().await;
}

#[tokio::test]
async fn a_failed_purchase_cannot_be_cancelled_for_money() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(100).await;
    for with in [wallet(), card("tok_chargeDeclined")] {
        let order = shop.placed(payer.account(), with, 400, PaymentStatus::Failed).await;
        for _ in 0..3 {
            shop.rig.tell(OrderCancelled { was_paid: true, ..cancelled(&order) }).await;
        }
        assert_eq!(shop.close(&order).await, Closing::Closed);
        shop.pass(3).await;
        assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Failed));
    }
    assert_eq!(shop.balance(&payer).await, 100);
    assert!(shop.refunded.lock().is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_cancellation_of_an_order_that_was_never_heard_of_closes_it() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(500).await;
    let order = shop.order(payer.account(), wallet(), 400);
    shop.cancel(&order).await;
    shop.rig.tell(order.clone()).await;
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Voided));
    assert_eq!(shop.balance(&payer).await, 500);
    shop.end().await;
}

#[tokio::test]
async fn a_set_of_many_orders_is_placed_and_cancelled_whole() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(100_000).await;
    let orders: Vec<OrderPlaced> = (0..150)
        .map(|n| match n % 3 {
            0 => shop.order(payer.account(), wallet(), 100),
            1 => shop.order(None, card("tok_visa"), 200),
            _ => shop.order(None, card("tok_threeDSecure"), 300),
        })
        .collect();
    join_all(orders.iter().map(|order| shop.rig.tell(order.clone()))).await;
    for (n, order) in orders.iter().enumerate() {
        let status =
            if n % 3 == 2 { PaymentStatus::RequiresAction } else { PaymentStatus::Captured };
        shop.until(order.payment, status).await;
    }
    assert_eq!(shop.balance(&payer).await, 100_000 - 50 * 100);
    join_all(orders.iter().map(|order| shop.cancel(order))).await;
    for (n, order) in orders.iter().enumerate() {
        let status = if n % 3 == 2 { PaymentStatus::Voided } else { PaymentStatus::Refunded };
        shop.until(order.payment, status).await;
    }
    shop.rig.settled().await;
    assert_eq!(shop.refunded.lock().len(), 100);
    assert_eq!(shop.balance(&payer).await, 100_000);
    shop.end().await;
}
