//! Bank transfers and cash on delivery.
use crate::shop::*;
use crate::web::{checkout_body, post};
use contracts::orders::{
    CancelReason, Checkout, Order, OrderCancelled, OrderDelivered, OrderFulfilled, OrderPaid,
    OrderPlaced, OrderRefused, OrderStatus, PayWith, ShipmentStatus,
};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{CallError, Caller};
use kit::config::Config;
use kit::testing::shopper;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOLD: Duration = Duration::from_secs(900);

fn by(method: PaymentMethod) -> PayWith {
    PayWith { method, token: None }
}
fn in_cash() -> PayWith {
    by(PaymentMethod::CashOnDelivery)
}
fn by_transfer() -> PayWith {
    by(PaymentMethod::BankTransfer)
}

impl Shop {
    async fn order_by(&self, who: &Caller, payment: PayWith) -> Order {
        self.fill(who, &[("BOOK-1", 2)]);
        let command = Checkout { payment, ..checkout(any_key()) };
        self.check_out(who, command).await.expect("an order")
    }
    async fn expire(&self) {
        self.rig.work("orders", "expire_orders").await;
    }
}

fn wrong_state(text: &str) -> Option<OrderRefused> {
    Some(OrderRefused::WrongState { status: text.into() })
}

#[tokio::test]
async fn cash_on_delivery_goes_out_unpaid_and_is_paid_once_when_it_arrived() {
    let shop = Arc::new(Shop::open().await);
    let (placed, paid) = (shop.rig.listen::<OrderPlaced>(), shop.rig.listen::<OrderPaid>());
    let (fulfilled, delivered) =
        (shop.rig.listen::<OrderFulfilled>(), shop.rig.listen::<OrderDelivered>());
    let ada = shopper();
    let order = shop.order_by(&ada, in_cash()).await;
    assert_eq!((order.status, order.expires_at), (OrderStatus::Pending, None));
    let sent = shop.ship(order.id, &[]).await.unwrap();
    assert_eq!(
        (sent.status, sent.payment.status),
        (OrderStatus::Fulfilled, PaymentStatus::Pending)
    );
    shop.parcel_is(order.id, sent.shipments[0].id, ShipmentStatus::Delivered).await.unwrap();

    // The capture comes through two replicas at once, and again.
    let mut capture = captured(&order);
    capture.receipt = Some(7);
    tokio::join!(shop.rig.tell(capture.clone()), shop.rig.tell(capture.clone()));
    let seen = shop.get(&ada, order.id).await;
    shop.rig.tell(capture).await;
    assert_eq!(shop.get(&ada, order.id).await, seen);
    assert_eq!(seen.status, OrderStatus::Delivered, "its state stays");
    assert_eq!(seen.payment.status, PaymentStatus::Captured);
    shop.rig.settled().await;
    let placed = placed.lock().clone();
    assert_eq!((placed[0].method, placed[0].expires_at), (PaymentMethod::CashOnDelivery, None));
    let paid = paid.lock().clone();
    assert_eq!((paid.len(), paid[0].placed_with), (1, Some(PaymentMethod::CashOnDelivery)));
    assert_eq!(paid[0].lines, placed[0].lines);
    assert_eq!((fulfilled.lock().len(), delivered.lock().len()), (1, 1));
    assert_eq!(delivered.lock()[0].payment, order.payment.id);
    let steps = format!("{:?}", seen.shipments[0].ended_at);
    assert!(steps.contains("Some"));
    shop.close().await;
}

#[tokio::test]
async fn cash_on_delivery_never_expires() {
    let shop = Shop::open().await;
    let ada = shopper();
    let pending = shop.order_by(&ada, in_cash()).await.id;
    let sent = shop.order_by(&ada, in_cash()).await.id;
    shop.ship(sent, &[("BOOK-1", 1)]).await.unwrap();
    let switched = shop.order(&ada).await.id;
    shop.pay(&ada, switched, any_key(), Some(in_cash())).await.unwrap();
    shop.rig.clock.forward(DAY * 400);
    shop.expire().await;
    for order in [pending, sent, switched] {
        assert_eq!(shop.status(order).await, OrderStatus::Pending);
    }
    assert!(shop.others.lock().closed.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_switch_from_cash_whose_outcome_nobody_learns_ends_with_the_time_of_the_other() {
    let shop = Shop::open().await;
    let ada = shopper();
    let (lost, undone) =
        (shop.order_by(&ada, in_cash()).await.id, shop.order_by(&ada, in_cash()).await.id);
    shop.fail("continue", Fault::RequestLost);
    let unknown = shop.pay(&ada, lost, key("l"), Some(by_transfer())).await;
    assert!(matches!(unknown, Err(CallError::Unknown(_))));
    shop.fail("continue", Fault::NotDone);
    let not_done = shop.pay(&ada, undone, key("u"), Some(by_transfer())).await;
    assert!(matches!(not_done, Err(CallError::NotDone(_))));
    assert!(shop.ship(lost, &[]).await.is_err(), "nobody knows who is to pay");
    shop.rig.clock.forward(DAY * 8);
    shop.expire().await;
    assert_eq!(shop.status(lost).await, OrderStatus::Cancelled);
    // It is to be paid on delivery, as if nobody had asked.
    shop.rig.clock.forward(DAY * 400);
    shop.expire().await;
    shop.ship(undone, &[]).await.unwrap();
    shop.close().await;
}

#[tokio::test]
async fn what_nobody_took_and_paid_is_cancelled_when_its_last_parcel_is_back() {
    let shop = Shop::open().await;
    let told = shop.rig.listen::<OrderCancelled>();
    let ada = shopper();
    let order = shop.order_by(&ada, in_cash()).await;
    shop.ship(order.id, &[("BOOK-1", 1)]).await.unwrap();
    let sent = shop.ship(order.id, &[]).await.unwrap();
    for (parcel, status) in
        [(1, OrderStatus::Fulfilled), (1, OrderStatus::Fulfilled), (0, OrderStatus::Cancelled)]
    {
        let id = sent.shipments[parcel].id;
        let seen = shop.parcel_is(order.id, id, ShipmentStatus::Returned).await.unwrap();
        assert_eq!(seen.status, status);
    }
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.cancel_reason, Some(CancelReason::Undeliverable));
    assert_eq!(seen.payment.status, PaymentStatus::Voided);
    shop.capture(&order).await;
    assert_eq!(shop.get(&ada, order.id).await, seen);
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!((told.len(), told[0].was_paid), (1, false));
    assert_eq!((told[0].reason, told[0].payment), (CancelReason::Undeliverable, order.payment.id));
    assert!(shop.others.lock().closed.is_empty(), "payments voids it when it hears");
    assert!(shop.check_out(&ada, checkout(any_key())).await.is_ok(), "the cart is free again");
    shop.close().await;
}

#[tokio::test]
async fn nothing_is_sent_to_be_paid_on_delivery_while_its_payment_is_being_closed() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    let order = shop.order_by(&ada, in_cash()).await.id;
    shop.fail("close", Fault::Late(Arc::clone(&go)));
    let cancelling = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move { shop.cancel(&ada, order).await })
    };
    shop.reached("close", 1).await;
    let being_cancelled = wrong_state("pending, and being cancelled");
    let sent = shop.ship(order, &[]).await.unwrap_err().refused();
    assert_eq!(sent, being_cancelled);
    let paid = shop.pay(&ada, order, any_key(), Some(card())).await.unwrap_err().refused();
    assert_eq!(paid, being_cancelled);
    go.notify_one();
    assert_eq!(cancelling.await.unwrap().unwrap().status, OrderStatus::Cancelled);
    shop.close().await;
}

#[tokio::test]
async fn what_is_partly_on_its_way_is_not_even_closed() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order_by(&ada, in_cash()).await.id;
    shop.ship(order, &[("BOOK-1", 1)]).await.unwrap();
    let why = wrong_state("pending, and partly on its way");
    assert_eq!(shop.cancel(&ada, order).await.unwrap_err().refused(), why);
    let paid = shop.pay(&ada, order, any_key(), Some(card())).await.unwrap_err().refused();
    assert_eq!(paid, why);
    assert!(shop.others.lock().closed.is_empty(), "the carrier still brings its money");
    assert!(shop.others.lock().continued.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn shipping_while_cancelling_never_closes_what_is_on_its_way() {
    let shop = Arc::new(Shop::open().await);
    for round in 0..12_u32 {
        let ada = shopper();
        let order = shop.order_by(&ada, in_cash()).await.id;
        let cancelling = {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.cancel(&ada, order).await })
        };
        for _ in 0..round * 2 {
            tokio::task::yield_now().await;
        }
        let shipped = shop.ship(order, &[]).await;
        let dropped = cancelling.await.unwrap();
        let closed = shop.others.lock().closed.iter().any(|closed| closed.order == order);
        let status = shop.status(order).await;
        assert_ne!(shipped.is_ok(), dropped.is_ok(), "{shipped:?} {dropped:?}");
        assert_ne!(shipped.is_ok(), closed, "what is sent is not closed");
        let sent = status == OrderStatus::Fulfilled;
        assert_eq!((sent, status == OrderStatus::Cancelled), (shipped.is_ok(), dropped.is_ok()));
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cancellation_that_failed_half_way_is_finished_by_whoever_repeats_it() {
    let shop = Shop::open().await;
    let ada = shopper();
    for fault in [Fault::NotDone, Fault::RequestLost, Fault::AnswerLost] {
        let order = shop.order_by(&ada, in_cash()).await.id;
        shop.fail("close", fault);
        let lost = shop.cancel(&ada, order).await;
        assert!(matches!(lost, Err(CallError::NotDone(_) | CallError::Unknown(_))), "{lost:?}");
        // Payments may have closed it.
        let sent = shop.ship(order, &[]).await.unwrap_err().refused();
        assert_eq!(sent, wrong_state("pending, and being cancelled"));
        let cancelled = shop.cancel(&ada, order).await.unwrap();
        assert_eq!(cancelled.status, OrderStatus::Cancelled);
    }
    shop.close().await;
}

#[tokio::test]
async fn an_overdue_order_begins_no_other_payment_while_its_own_is_being_closed() {
    let shop = Arc::new(Shop::open().await);
    let (ada, go) = (shopper(), Arc::new(Notify::new()));
    let order = shop.order(&ada).await.id;
    for _ in 0..20 {
        shop.fail("close", Fault::Late(Arc::clone(&go)));
    }
    shop.rig.clock.forward(HOLD);
    let expiring = {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { shop.expire().await })
    };
    shop.reached("close", 1).await;
    let switched = shop.pay(&ada, order, any_key(), Some(in_cash())).await;
    assert_eq!(switched.unwrap_err().refused(), wrong_state("pending, and being cancelled"));
    while !expiring.is_finished() {
        go.notify_waiters();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(shop.status(order).await, OrderStatus::Cancelled);
    shop.close().await;
}

fn with_account() -> Config {
    let mut config = Config::default();
    config.payments.bank_account = "Feria Books, DE02 1203 0000 0000 2020 51".into();
    config
}

#[tokio::test]
async fn a_transfer_names_the_order_and_the_account_and_waits_for_days() {
    let shop = Shop::open_with(with_account()).await;
    let (ada, paid) = (shopper(), shop.rig.listen::<OrderPaid>());
    let order = shop.order_by(&ada, by_transfer()).await;
    let reference = orders::methods::creditor_reference(&order.number);
    assert_eq!(order.payment.reference.as_ref(), Some(&reference));
    assert!(reference.starts_with("RF") && reference.len() == 14, "{reference}");
    let account = with_account().payments.bank_account;
    assert_eq!(order.payment.instructions, Some(account));
    let days = with_account().payments.bank_transfer_days;
    assert_eq!(order.expires_at, Some(order.created_at.after(DAY * days)));
    assert_eq!(shop.get(&ada, order.id).await, order);
    shop.rig.clock.forward(DAY * days - Duration::from_micros(1));
    shop.expire().await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Pending);
    shop.capture(&order).await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Paid);
    shop.rig.settled().await;
    assert_eq!(paid.lock()[0].placed_with, Some(PaymentMethod::BankTransfer));

    let late = shop.order_by(&ada, by_transfer()).await.id;
    let by_card = shop.order(&ada).await;
    assert_eq!((by_card.payment.reference, by_card.payment.instructions), (None, None));
    shop.rig.clock.forward(DAY * days);
    shop.expire().await;
    assert_eq!(shop.get(&ada, late).await.cancel_reason, Some(CancelReason::Expired));
    shop.close().await;
}

#[tokio::test]
async fn the_time_follows_the_method_that_is_switched_to() {
    let shop = Shop::open_with(with_account()).await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.rig.clock.forward(Duration::from_secs(600));
    let seen = shop.pay(&ada, order.id, any_key(), Some(by_transfer())).await.unwrap();
    let switched_at = order.created_at.after(Duration::from_secs(600));
    let days = with_account().payments.bank_transfer_days;
    assert_eq!(seen.expires_at, Some(switched_at.after(DAY * days)));
    assert!(seen.payment.reference.is_some() && seen.payment.instructions.is_some());
    shop.rig.clock.forward(HOLD);
    shop.expire().await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Pending);
    let seen = shop.pay(&ada, order.id, any_key(), Some(in_cash())).await.unwrap();
    assert_eq!((seen.expires_at, seen.payment.reference), (None, None));
    let seen = shop.pay(&ada, order.id, any_key(), Some(card())).await.unwrap();
    assert_eq!(seen.expires_at, Some(switched_at.after(HOLD * 2)));
    shop.rig.clock.forward(HOLD);
    shop.expire().await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Cancelled);
    shop.close().await;
}

#[tokio::test]
async fn a_switch_that_never_began_leaves_the_time_as_it_was() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.fail("continue", Fault::RequestLost);
    let lost = shop.pay(&ada, order.id, key("k"), Some(by_transfer())).await;
    assert!(matches!(lost, Err(CallError::Unknown(_))));
    assert_eq!(shop.get(&ada, order.id).await.expires_at, order.expires_at);
    shop.rig.clock.forward(HOLD);
    shop.expire().await;
    assert_eq!(shop.status(order.id).await, OrderStatus::Cancelled);
    shop.close().await;
}

#[tokio::test]
async fn a_method_that_is_not_offered_is_refused_by_its_field() {
    let mut config = Config::default();
    config.payments.methods = "card, cash_on_delivery".into();
    let shop = Shop::open_with(config).await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    for method in ["wallet", "bank_transfer"] {
        let mut body = checkout_body();
        body["payment"] = serde_json::json!({"method": method});
        let asked = post(&shop, &ada, "/v1/checkout", "k", &body.to_string()).await;
        assert_eq!((asked.status.as_u16(), asked.field().as_str()), (400, "payment.method"));
    }
    let order = shop.order(&ada).await.id;
    let path = format!("/v1/orders/{order}/pay");
    let body = r#"{"payment": {"method": "bank_transfer"}}"#;
    let asked = post(&shop, &ada, &path, "k", body).await;
    assert_eq!((asked.status.as_u16(), asked.field().as_str()), (400, "payment.method"));
    let body = r#"{"payment": {"method": "cash_on_delivery"}}"#;
    let asked = post(&shop, &ada, &path, "l", body).await;
    assert_eq!(asked.status.as_u16(), 200, "{}", asked.text);
    shop.close().await;
}

#[tokio::test]
async fn nobody_waits_for_money_that_comes_later() {
    let shop = Shop::open().await;
    let ada = shopper();
    for method in ["bank_transfer", "cash_on_delivery"] {
        shop.fill(&ada, &[("BOOK-1", 1)]);
        let mut body = checkout_body();
        body["payment"] = serde_json::json!({"method": method});
        let headers = [
            ("idempotency-key", method),
            ("content-type", "application/json"),
            ("prefer", "wait=25"),
        ];
        let started = std::time::Instant::now();
        let body = body.to_string();
        let placed = crate::web::send(&shop, &ada, "POST", "/v1/checkout", &headers, body).await;
        assert_eq!(placed.status.as_u16(), 201, "{}", placed.text);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_that_is_interrupted_is_finished_by_the_clock_though_the_order_had_none() {
    let shop = Shop::open().await;
    let ada = shopper();
    for (payment, fault) in [
        (in_cash(), Fault::AnswerLost),
        (in_cash(), Fault::NotDone),
        (by_transfer(), Fault::RequestLost),
    ] {
        let order = shop.order_by(&ada, payment).await;
        shop.fail("close", fault);
        assert!(shop.cancel(&ada, order.id).await.is_err());
        let refused = shop.ship(order.id, &[]).await.err().and_then(CallError::refused);
        assert_eq!(refused, wrong_state("pending, and being cancelled"));
        shop.rig.clock.forward(Duration::from_secs(59));
        shop.expire().await;
        assert_eq!(shop.status(order.id).await, OrderStatus::Pending, "somebody may be at it");
        shop.rig.clock.forward(Duration::from_secs(1));
        shop.expire().await;
        assert_eq!(shop.status(order.id).await, OrderStatus::Cancelled);
    }
    shop.close().await;
}
