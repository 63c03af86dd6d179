//! Orders that were placed, wallets and news.
use crate::town::{Town, order, order_id, usd};
use contracts::orders::{
    CancelOrder, CancelReason, GetOrder, GetReceipt, GetTracking, OrderRefused, OrderStatus,
    PayOrder, Tracking,
};
use contracts::payments::{PaymentMethod, PaymentStatus, TopUp, TopUpRefused, ToppedUp};
use contracts::{CallError, TopUpId};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

fn with_order(status: OrderStatus, payment: PaymentStatus) -> Town {
    Town::new().play::<GetOrder>(move |_, _| Ok(order(status, payment))).play::<GetTracking>(
        move |_, _| {
            let step = |status| contracts::orders::TrackingStep { status, at: crate::town::now() };
            let timeline = vec![step(OrderStatus::Pending), step(status)];
            Ok(Tracking { status, tracking: None, shipments: Vec::new(), timeline })
        },
    )
}
fn page() -> String {
    format!("/orders/{}", order_id())
}

#[tokio::test]
async fn an_order_tells_how_it_stands_and_what_can_be_done() {
    let look = async |status, payment| {
        with_order(status, payment).open().logged_in("ada").get(&page()).await
    };
    let seen = look(OrderStatus::Pending, PaymentStatus::Pending).await;
    seen.is(200).tells("http-equiv=\"refresh\"").tells("Waiting for payment").tells("/cancel\"");
    seen.hides("/pay\"").hides("/receipt").tells("held for you until").tells("09:26 UTC");
    let seen = look(OrderStatus::Pending, PaymentStatus::RequiresAction).await;
    seen.is(200)
        .hides("http-equiv=\"refresh\"")
        .tells("Confirm payment")
        .tells("Or pay another way");
    seen.tells("120.00 <small>USD</small>");
    let action = with_order(OrderStatus::Pending, PaymentStatus::RequiresAction);
    let seen = action.open().logged_in("ada").get(&format!("{}?notice=paying", page())).await;
    seen.is(200).tells(&format!("content=\"2;url={}?notice=placed\"", page()));
    let seen = look(OrderStatus::Paid, PaymentStatus::Captured).await;
    seen.is(200)
        .hides("http-equiv=\"refresh\"")
        .tells("/receipt")
        .tells("/cancel\"")
        .tells("24.97");
    seen.tells("12 St James&#39;s Square\nSW1Y 4JH London");
    let seen = look(OrderStatus::Cancelled, PaymentStatus::Failed).await;
    seen.is(200).tells("Your card was declined.").tells("href=\"/checkout\"").hides("/cancel\"");
    let failed = with_order(OrderStatus::Cancelled, PaymentStatus::Failed);
    let seen = failed.open().logged_in("ada").get(&format!("{}?notice=placed", page())).await;
    seen.is(200).hides("Thank you");
    let seen = look(OrderStatus::Delivered, PaymentStatus::Captured).await;
    seen.is(200).hides("/cancel\"").tells("is-delivered");
}

#[tokio::test]
async fn why_an_order_was_cancelled_is_told() {
    for (reason, told) in [
        (CancelReason::Expired, "Nobody paid in time"),
        (CancelReason::ByShopper, "<h2>This order was cancelled</h2><p>Nothing was charged."),
        (CancelReason::ByStaff, "The shop cancelled this order"),
        (CancelReason::StockMissing, "We could not find your books"),
    ] {
        let mut browser = Town::new()
            .play::<GetOrder>(move |_, _| {
                let mut order = order(OrderStatus::Cancelled, PaymentStatus::Voided);
                order.cancel_reason = Some(reason);
                Ok(order)
            })
            .open()
            .logged_in("ada");
        browser.get(&page()).await.is(200).tells(told);
    }
}

#[tokio::test]
async fn a_payment_is_confirmed_or_made_another_way_once() {
    let sent: Arc<Mutex<Vec<PayOrder>>> = Arc::default();
    let heard = Arc::clone(&sent);
    let town = with_order(OrderStatus::Pending, PaymentStatus::RequiresAction);
    let town = town.play::<PayOrder>(move |_, pay: PayOrder| {
        let mut heard = heard.lock().unwrap();
        heard.push(pay);
        match heard.len() {
            4 => Err(CallError::Refused(OrderRefused::WrongState { status: "paid".to_owned() })),
            _ => Ok(order(OrderStatus::Pending, PaymentStatus::Pending)),
        }
    });
    let mut browser = town.open().logged_in("ada");
    let key = browser.get(&page()).await.hidden("idempotency_key");
    let pay = format!("{}/pay", page());
    for _ in 0..2 {
        let seen = browser.post(&pay, &[("idempotency_key", &key)]).await;
        assert_eq!(seen.is(303).to(), format!("{}?notice=paying", page()));
    }
    let card = [("idempotency_key", "k2"), ("payment_method", "card"), ("card_token", "tok_visa")];
    browser.post(&pay, &card).await.is(303);
    browser.post(&pay, &card).await.is(409).tells("not possible any more");
    let wrong = [("payment_method", "gold"), ("idempotency_key", "k3")];
    browser.post(&pay, &wrong).await.is(422).tells("Payment method must be chosen");
    let sent = sent.lock().unwrap();
    assert_eq!(sent[0].idempotency, sent[1].idempotency);
    assert_eq!((sent[0].idempotency.key.as_str(), &sent[0].payment), (key.as_str(), &None));
    let with = sent[2].payment.as_ref().unwrap();
    assert_eq!((with.method, with.token.as_deref()), (PaymentMethod::Card, Some("tok_visa")));
}

#[tokio::test]
async fn cancelling_goes_back_to_the_order_and_a_strangers_order_is_not_found() {
    let mut browser = Town::new()
        .play::<CancelOrder>(|_, cancel: CancelOrder| match cancel.of.order == order_id() {
            true => Ok(order(OrderStatus::Cancelled, PaymentStatus::Refunded)),
            false => Err(CallError::Refused(OrderRefused::NotFound)),
        })
        .open()
        .logged_in("ada");
    let seen = browser.post(&format!("{}/cancel", page()), &[("idempotency_key", "k")]).await;
    assert_eq!(seen.is(303).to(), format!("{}?notice=cancelled", page()));
    let other = format!("/orders/{}", Uuid::from_u128(99));
    browser.get(&other).await.is(404).tells("error-code");
    browser.post(&format!("{other}/cancel"), &[]).await.is(404);
    browser.post("/orders/x/cancel", &[]).await.is(404);
}

#[tokio::test]
async fn there_is_a_receipt_once_an_order_is_paid() {
    Town::new()
        .open()
        .logged_in("ada")
        .get(&format!("{}/receipt", page()))
        .await
        .is(200)
        .tells("24.97");
    let mut browser = Town::new()
        .play::<GetReceipt>(|_, _| {
            Err(CallError::Refused(OrderRefused::WrongState { status: "pending".to_owned() }))
        })
        .open()
        .logged_in("ada");
    let seen = browser.get(&format!("{}/receipt", page())).await;
    seen.is(409).tells("as soon as the order is paid");
}

#[tokio::test]
async fn what_belongs_to_an_account_needs_a_login() {
    let mut browser = Town::new().open();
    for path in ["/orders", "/wallet", "/notifications"] {
        let seen = browser.get(path).await;
        assert_eq!(seen.is(303).to(), format!("/login?next={path}"));
    }
    let seen = browser.post("/wallet/top-ups", &[("amount", "1")]).await;
    assert_eq!(seen.is(303).to(), "/login?next=/wallet");
    let mut ada = browser.another().logged_in("ada");
    let seen = ada.get("/orders").await;
    seen.is(200).tells("Order 7Q4K-2M9D").tells("2 books").tells("cursor=orders%20cursor");
    assert_eq!(seen.headers["cache-control"], "private, no-store");
    ada.get("/notifications").await.is(200).tells("is paid").tells("14 March 2026, 09:26 UTC");
    let seen = ada.get("/wallet").await;
    seen.is(200)
        .tells("120.00 <small>USD</small>")
        .tells("price out\">−24.97")
        .tells("price in\">+100.00");
    seen.tells("cursor=wallet%20cursor");
}

#[tokio::test]
async fn a_top_up_is_read_exactly_and_told_how_it_ended() {
    let sent: Arc<Mutex<Vec<TopUp>>> = Arc::default();
    let heard = Arc::clone(&sent);
    let mut browser = Town::new()
        .play::<TopUp>(move |_, top_up: TopUp| {
            let (amount, token) = (top_up.amount, top_up.with.token.clone().unwrap_or_default());
            heard.lock().unwrap().push(top_up);
            let status = match token.as_str() {
                "tok_visa" => PaymentStatus::Captured,
                "tok_timeout" => PaymentStatus::Pending,
                "tok_chargeDeclined" => {
                    let failure_code = "card_declined".to_owned();
                    return Err(CallError::Refused(TopUpRefused::Declined { failure_code }));
                }
                _ => PaymentStatus::Failed,
            };
            Ok(ToppedUp { id: TopUpId(Uuid::nil()), amount, status, failure_code: None })
        })
        .open()
        .logged_in("ada");
    let key = browser.get("/wallet").await.hidden("idempotency_key");
    let form = |amount, token| {
        [("idempotency_key", key.as_str()), ("amount", amount), ("card_token", token)]
    };
    let seen = browser.post("/wallet/top-ups", &form("25.10", "tok_visa")).await;
    assert_eq!(seen.is(303).to(), "/wallet?notice=topped_up");
    let seen = browser.post("/wallet/top-ups", &form("25.10", "tok_timeout")).await;
    assert_eq!(seen.is(303).to(), "/wallet?notice=topping_up");
    for token in ["tok_chargeDeclined", "tok_other"] {
        let seen = browser.post("/wallet/top-ups", &form("5", token)).await;
        seen.is(422).tells("class=\"fault\"").tells("value=\"5\"");
        assert_ne!(seen.hidden("idempotency_key"), key);
    }
    let sent_before = sent.lock().unwrap().len();
    for amount in ["", "-5", "1e5", "19.999", "1,5", "999999999999999999999", "x"] {
        let seen = browser.post("/wallet/top-ups", &form(amount, "tok_visa")).await;
        seen.is(422).tells("id=\"amount-fault\"");
    }
    browser.post("/wallet/top-ups", &form("5", "")).await.is(422).tells("Must be chosen");
    let sent = sent.lock().unwrap();
    assert_eq!(sent.len(), sent_before);
    assert_eq!((sent[0].amount, sent[0].idempotency.key.as_str()), (usd(2510), key.as_str()));
}
