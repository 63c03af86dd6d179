//! Payments that start when an order is placed: every token's outcome.
use crate::*;

#[tokio::test]
async fn a_good_card_pays_at_once_and_by_itself() {
    let shop = Shop::open().await;
    let started = std::time::Instant::now();
    for count in 1..=10 {
        let order = shop.order(None, card("tok_visa"), 1999);
        shop.rig.tell(order.clone()).await;
        // Nobody gives the worker a turn but the commit of the intent: by its own clock it would
        // look every half a second.
        while shop.captured.lock().len() < count {
            assert!(started.elapsed() < Duration::from_millis(2500), "the worker was not woken");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let captured = shop.captured.lock().pop().unwrap();
        let expected = PaymentCaptured {
            payment: order.payment,
            order: order.order,
            amount: order.total,
            receipt: Some(i64::try_from(count).unwrap()),
        };
        assert_eq!(captured, expected);
        shop.captured.lock().push(captured);
    }
    assert_eq!(shop.charges().await[0], (Some("tok_visa".into()), 1999, 0, "captured".into()));
    assert_eq!(shop.charges().await.len(), 10);
    assert_eq!(book_sum(shop.db(), "sales").await, 19_990);
    shop.end().await;
}

#[tokio::test]
async fn a_refused_card_fails_with_its_reason_and_moves_nothing() {
    let shop = Shop::open().await;
    for (token, code) in [
        ("tok_chargeDeclined", "card_declined"),
        ("tok_insufficientFunds", "insufficient_funds"),
        ("tok_of_nobody", "invalid_token"),
    ] {
        let order = shop.placed(None, card(token), 500, PaymentStatus::Failed).await;
        let failed = shop.failed.lock().pop().unwrap();
        assert_eq!((failed.payment, failed.order), (order.payment, order.order));
        assert_eq!(failed.failure_code, code);
    }
    assert!(shop.captured.lock().is_empty());
    assert_eq!(book_sum(shop.db(), "sales").await, 0);
    shop.end().await;
}

#[tokio::test]
async fn a_token_that_no_provider_can_be_asked_with_fails_at_once() {
    let shop = Shop::open().await;
    let long = "x".repeat(201);
    for token in [None, Some(""), Some("tok\0visa"), Some("tok visa"), Some(long.as_str())] {
        let with = PayWith { method: PaymentMethod::Card, token: token.map(str::to_owned) };
        shop.placed(None, with, 500, PaymentStatus::Failed).await;
        assert_eq!(shop.failed.lock().pop().unwrap().failure_code, "invalid_token");
    }
    assert!(shop.charges().await.is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_card_that_needs_its_owner_waits_and_takes_nothing() {
    let shop = Shop::open().await;
    let order =
        shop.placed(None, card("tok_threeDSecure"), 700, PaymentStatus::RequiresAction).await;
    shop.pass(60).await;
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::RequiresAction));
    assert_eq!(shop.asks.lock().len(), 1);
    assert!(shop.captured.lock().is_empty());
    assert_eq!(book_sum(shop.db(), "sales").await, 0);
    shop.end().await;
}

#[tokio::test]
async fn a_late_charge_is_asked_about_and_captured_once() {
    let shop = Shop::open().await;
    let order = shop.order(None, card("tok_timeout"), 800);
    shop.rig.tell(order.clone()).await;
    shop.pass(1).await;
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Pending));
    assert!(shop.captured.lock().is_empty());
    shop.pass(3).await;
    shop.until(order.payment, PaymentStatus::Captured).await;
    shop.pass(60).await;
    assert_eq!(shop.captured.lock().len(), 1);
    assert_eq!(shop.charges().await.len(), 1);
    shop.end().await;
}

#[tokio::test]
async fn a_charge_whose_answer_was_an_error_is_captured_once() {
    let shop = Shop::open().await;
    let order = shop.placed(None, card("tok_chargedThenError"), 900, PaymentStatus::Captured).await;
    shop.pass(60).await;
    assert_eq!(shop.captured.lock().len(), 1);
    assert_eq!(
        shop.charges().await,
        [(Some("tok_chargedThenError".into()), 900, 0, "captured".into())]
    );
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Captured));
    shop.end().await;
}

#[tokio::test]
async fn a_redelivered_order_charges_once() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(5_000).await;
    for with in [card("tok_visa"), wallet()] {
        let order = shop.order(payer.account(), with, 1_000);
        let id = shop.rig.tell(order.clone()).await;
        shop.rig.tell_again(id, order.clone()).await;
        // Even under another id, the bill knows that it was placed.
        shop.rig.tell(order.clone()).await;
        shop.until(order.payment, PaymentStatus::Captured).await;
        shop.rig.tell(order.clone()).await;
        shop.pass(2).await;
    }
    assert_eq!(shop.captured.lock().len(), 2);
    assert_eq!(shop.balance(&payer).await, 4_000);
    // The top-up, and the one order by card.
    assert_eq!(shop.charges().await.len(), 2);
    shop.end().await;
}

#[tokio::test]
async fn what_costs_nothing_is_paid_and_asks_nobody() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(0).await;
    shop.placed(payer.account(), wallet(), 0, PaymentStatus::Captured).await;
    let free = shop.placed(None, card("tok_visa"), 0, PaymentStatus::Captured).await;
    assert!(shop.charges().await.is_empty());
    shop.cancel(&free).await;
    assert!(shop.refunded.lock().is_empty());
    assert_eq!(shop.close(&free).await, Closing::Closed);
    shop.placed(None, card("tok_visa"), -5, PaymentStatus::Failed).await;
    assert_eq!(shop.failed.lock().pop().unwrap().failure_code, "invalid_amount");
    shop.end().await;
}
