use super::*;
use crate::quote::totals;
use crate::tax::Taxes;
use contracts::{Currency, Quantity};
use proptest::prelude::*;
use uuid::Uuid;

const WHOLE: Option<Whole> = Some(Whole { restock: false });
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}
pub(crate) fn payment(n: u128) -> PaymentId {
    PaymentId(Uuid::from_u128(n))
}
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
fn card(n: u128) -> NextPayment {
    let expires_at = Some(NOW.after(std::time::Duration::from_secs(60)));
    NextPayment { id: payment(n), method: PaymentMethod::Card, expires_at }
}
pub(crate) fn pending() -> Order {
    placed(PaymentMethod::Wallet)
}
pub(crate) fn placed(method: PaymentMethod) -> Order {
    let item = CartLine {
        sku: "BOOK-1".parse().unwrap(),
        title: "A Book".into(),
        slug: "a-book".into(),
        image: None,
        quantity: Quantity::new(2).unwrap(),
        unit_price: usd(500),
        line_total: usd(1000),
    };
    let with = PayWith { method, token: None };
    let (order, placed) = Order::place(Placing {
        id: OrderId(Uuid::from_u128(7)),
        number: number([1; 7]),
        account: None,
        email: Some("ada@example.com".into()),
        cart: CartId(Uuid::from_u128(8)),
        cart_version: 3,
        items: vec![item],
        quote: totals(usd(1000), usd(499), Taxes::none(Currency::USD), usd(0)).unwrap(),
        shipping_method: ShippingMethod::Standard,
        shipping_address: serde_json::from_value(serde_json::json!({
            "name": "Ada", "line1": "1 Street", "city": "London",
            "postal_code": "SW1Y 4JH", "country": "GB"
        }))
        .unwrap(),
        payment: payment(1),
        with,
        bank_account: None,
        expires_at: (method != PaymentMethod::CashOnDelivery)
            .then(|| NOW.after(std::time::Duration::from_secs(900))),
        now: NOW,
    });
    assert_eq!((placed.total, placed.payment), (usd(1499), payment(1)));
    order
}
fn paid() -> Order {
    let mut order = pending();
    assert!(matches!(order.captured(payment(1), usd(1499), None, NOW), Ok(Some(News::Paid(_)))));
    order
}
fn in_state(status: OrderStatus) -> Order {
    Order { status, ..paid() }
}

#[test]
fn a_capture_pays_a_pending_order_once() {
    let mut order = paid();
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!((order.payment.status, order.expires_at), (PaymentStatus::Captured, None));
    let before = order.clone();
    assert_eq!(order.captured(payment(1), usd(1499), None, NOW), Ok(None));
    assert_eq!(order.payment_failed(payment(1), "card_declined", NOW), None);
    assert_eq!(order, before);
}

#[test]
fn a_capture_of_another_payment_or_amount_pays_nothing() {
    let mut order = pending();
    assert_eq!(order.captured(payment(9), usd(1499), None, NOW), Ok(None));
    assert!(order.captured(payment(1), usd(1498), None, NOW).is_err());
    assert!(order.captured(payment(1), Money::new(1499, Currency::EUR), None, NOW).is_err());
    assert_eq!(order, pending());
}

#[test]
fn a_refused_payment_cancels_and_says_why() {
    let mut order = pending();
    let Some(News::Cancelled(told)) = order.payment_failed(payment(1), "card_declined", NOW) else {
        panic!("it is cancelled");
    };
    assert!(!told.was_paid);
    assert_eq!(told.reason, CancelReason::PaymentFailed);
    assert_eq!(order.payment.failure_code.as_deref(), Some("card_declined"));
    assert_eq!(order.payment.status, PaymentStatus::Failed);
    assert_eq!(
        order.captured(payment(1), usd(1499), None, NOW),
        Ok(None),
        "payments gives it back"
    );
}

#[test]
fn cancelling_tells_whether_money_has_to_go_back_and_only_once() {
    for (mut order, was_paid) in [(pending(), false), (paid(), true)] {
        let Ok(Some(News::Cancelled(told))) = order.cancel(CancelReason::ByShopper, NOW) else {
            panic!("it is cancelled");
        };
        assert_eq!(told.was_paid, was_paid);
        let before = order.clone();
        assert_eq!(order.cancel(CancelReason::ByStaff, NOW), Ok(None));
        assert_eq!(order.stock_missing(NOW), None);
        assert_eq!(order, before);
    }
}

#[test]
fn what_was_handed_to_the_carrier_is_not_cancelled() {
    for status in [OrderStatus::Fulfilled, OrderStatus::Delivered, OrderStatus::Refunded] {
        let refused = in_state(status).cancel(CancelReason::ByStaff, NOW);
        assert_eq!(refused, Err(WrongState(status_name(status).to_owned())));
        assert_eq!(in_state(status).stock_missing(NOW), None);
        assert_eq!(in_state(status).captured(payment(1), usd(1499), None, NOW), Ok(None));
    }
}

#[test]
fn while_another_payment_is_asked_for_either_may_pay() {
    let mut by_first = pending();
    by_first.switch_to(card(2), None).unwrap();
    assert!(by_first.captured(payment(1), usd(1499), None, NOW).unwrap().is_some());

    let mut by_second = pending();
    by_second.switch_to(card(2), None).unwrap();
    assert!(by_second.captured(payment(2), usd(1499), None, NOW).unwrap().is_some());
    assert_eq!((by_second.payment.id, by_second.payment.method), (payment(2), PaymentMethod::Card));
}

#[test]
fn once_another_payment_began_the_first_one_neither_pays_nor_fails() {
    let mut order = pending();
    order.switch_to(card(2), None).unwrap();
    order.switched(payment(2));
    assert_eq!(order.captured(payment(1), usd(1499), None, NOW), Ok(None));
    assert_eq!(order.payment_failed(payment(1), "card_declined", NOW), None);
    assert_eq!(order.status, OrderStatus::Pending);
    assert!(order.payment_failed(payment(2), "card_declined", NOW).is_some());
}

#[test]
fn a_payment_that_fails_while_another_is_asked_for_decides_only_if_that_one_never_begins() {
    let mut order = pending();
    order.switch_to(card(2), None).unwrap();
    assert_eq!(order.payment_failed(payment(1), "card_declined", NOW), None);
    assert_eq!(order.status, OrderStatus::Pending);
    let mut begun = order.clone();
    begun.switched(payment(2));
    assert_eq!(begun.payment.failure_code, None);
    assert!(begun.captured(payment(2), usd(1499), None, NOW).unwrap().is_some());
    assert!(matches!(order.not_switched(payment(2), NOW), Some(News::Cancelled(_))));
    assert_eq!(order.not_switched(payment(2), NOW), None);
}

#[test]
fn a_refund_is_shown_and_never_shrinks() {
    let mut order = paid();
    assert_eq!(order.refunded(payment(1), usd(500), None, NOW), None);
    assert_eq!(order.payment.status, PaymentStatus::PartiallyRefunded);
    let before = order.clone();
    assert_eq!(order.refunded(payment(1), usd(500), None, NOW), None);
    for (of, amount, whole) in [(1, 400, None), (1, 1500, WHOLE), (9, 1499, WHOLE)] {
        assert_eq!(order.refunded(payment(of), usd(amount), whole, NOW), None);
    }
    assert_eq!(order, before);
    assert!(order.refunded(payment(1), usd(1499), WHOLE, NOW).is_some());
    assert_eq!((order.payment.status, order.refunded), (PaymentStatus::Refunded, usd(1499)));
}

#[test]
fn a_payment_that_went_back_whole_cancels_what_was_not_sent_and_is_told_once() {
    let mut order = paid();
    assert_eq!(order.refunded(payment(1), usd(1498), None, NOW), None, "a part is only shown");
    assert_eq!(order.status, OrderStatus::Paid);
    let Some(News::Cancelled(told)) = order.refunded(payment(1), usd(1499), WHOLE, NOW) else {
        panic!("it is cancelled");
    };
    assert_eq!((told.was_paid, told.reason), (true, CancelReason::ByStaff));
    assert_eq!(order.payment.status, PaymentStatus::Refunded);
    let before = order.clone();
    assert_eq!(order.refunded(payment(1), usd(1499), WHOLE, NOW), None);
    assert_eq!(order, before);

    let mut cancelled = paid();
    cancelled.cancel(CancelReason::ByShopper, NOW).unwrap();
    assert_eq!(cancelled.refunded(payment(1), usd(1499), WHOLE, NOW), None);
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::ByShopper), "what ended it stays");
}

#[test]
fn the_receipts_number_is_kept_whenever_it_comes() {
    let mut order = pending();
    order.captured(payment(1), usd(1499), Some(7), NOW).unwrap();
    assert_eq!((order.receipt, order.paid_at, order.version), (Some(7), Some(NOW), 2));
    // Closing and continuing find the money before the event names its receipt.
    let mut late = pending();
    late.captured_at_closing(usd(1499), NOW).unwrap();
    late.cancel(CancelReason::ByShopper, NOW).unwrap();
    assert_eq!(late.receipt, None);
    assert_eq!(late.captured(payment(1), usd(1499), Some(8), NOW.after(DAY)), Ok(None));
    assert_eq!((late.receipt, late.paid_at), (Some(8), Some(NOW)));
    let before = late.clone();
    assert_eq!(late.captured(payment(1), usd(1499), Some(9), NOW), Ok(None));
    assert_eq!(late, before);
    let mut ended = pending();
    ended.cancel(CancelReason::Expired, NOW).unwrap();
    assert_eq!(ended.captured(payment(1), usd(1499), Some(9), NOW), Ok(None));
    assert_eq!(ended.receipt, None, "money that goes back has none");
}

#[test]
fn an_order_waits_for_as_long_as_its_present_payment_may_take() {
    let mut order = pending();
    let before = order.expires_at;
    let later = NOW.after(DAY);
    let method = PaymentMethod::BankTransfer;
    let transfer = NextPayment { id: payment(2), method, expires_at: Some(later) };
    order.switch_to(transfer, Some("IBAN".into())).unwrap();
    assert_eq!(order.expires_at, before, "until payments has begun it");
    assert_eq!(order.view().payment.instructions, None);
    let again = NextPayment { expires_at: Some(later.after(DAY)), ..transfer };
    order.switch_to(again, None).unwrap();
    order.switched(payment(2));
    assert_eq!(order.expires_at, Some(later), "repeating a try wins no time");
    let shown = order.view().payment;
    assert_eq!(shown.instructions.as_deref(), Some("IBAN"));
    assert_eq!(shown.reference, Some(creditor_reference(&order.number)));
    let method = PaymentMethod::CashOnDelivery;
    order.switch_to(NextPayment { id: payment(3), method, expires_at: None }, None).unwrap();
    order.switched(payment(3));
    assert_eq!((order.expires_at, order.view().payment.reference), (None, None));
    order.switch_to(card(4), None).unwrap();
    order.switched(payment(4));
    assert_eq!(order.expires_at, card(4).expires_at);
}

#[test]
fn an_order_that_waits_for_ever_has_an_end_while_nobody_knows_which_payment_pays() {
    let mut order = placed(PaymentMethod::CashOnDelivery);
    assert!(order.is_to_be_paid_by(PaymentMethod::CashOnDelivery));
    order.switch_to(card(2), None).unwrap();
    assert_eq!(order.expires_at, card(2).expires_at);
    assert!(!order.is_to_be_paid_by(PaymentMethod::CashOnDelivery));
    order.not_switched(payment(2), NOW);
    assert_eq!(order.expires_at, None);
    order.switch_to(card(3), None).unwrap();
    // Asked to be paid on delivery again: its end stays until payments has begun that.
    let method = PaymentMethod::CashOnDelivery;
    order.switch_to(NextPayment { id: payment(4), method, expires_at: None }, None).unwrap();
    assert_eq!(order.expires_at, card(3).expires_at);
    order.switched(payment(4));
    assert_eq!((order.next, order.expires_at), (None, None));
}

#[test]
fn an_order_that_is_being_closed_keeps_its_end_whatever_becomes_of_another_payment() {
    let method = PaymentMethod::CashOnDelivery;
    let cash = NextPayment { id: payment(2), method, expires_at: None };
    let closing = Order { closing: true, expires_at: Some(NOW), ..placed(method) };
    for next in [cash, card(2)] {
        let mut order = Order { next: Some(next), ..closing.clone() };
        order.switched(payment(2));
        assert_eq!((order.payment.method, order.expires_at), (next.method, Some(NOW)));
        let mut order = Order { next: Some(next), ..closing.clone() };
        order.not_switched(payment(2), NOW);
        assert_eq!((order.payment.method, order.expires_at), (method, Some(NOW)));
    }
}

#[test]
fn an_order_that_is_being_cancelled_begins_no_other_payment() {
    let mut order = Order { closing: true, ..pending() };
    let refused = order.switch_to(card(2), None);
    assert_eq!(refused, Err(WrongState("pending, and being cancelled".into())));
    assert!(order.captured(payment(1), usd(1499), None, NOW).unwrap().is_some());
}

#[test]
fn an_action_is_asked_for_only_while_the_order_is_pending() {
    let mut order = pending();
    order.action_required(payment(9));
    assert_eq!(order, pending());
    order.action_required(payment(1));
    assert_eq!((order.payment.status, order.version), (PaymentStatus::RequiresAction, 2));
    let mut order = paid();
    order.action_required(payment(1));
    assert_eq!(order, paid());
}

#[test]
fn states_are_called_as_on_the_wire() {
    for status in [
        OrderStatus::Pending,
        OrderStatus::Paid,
        OrderStatus::Fulfilled,
        OrderStatus::Delivered,
        OrderStatus::Cancelled,
        OrderStatus::Refunded,
    ] {
        assert_eq!(serde_json::to_value(status).unwrap(), status_name(status));
    }
}

#[test]
fn a_number_reads_like_one() {
    assert_eq!(number([0; 7]), "0000-0000-00");
    assert_eq!(number([0xff; 7]), "ZZZZ-ZZZZ-ZZ");
    assert_ne!(number([0, 0, 0, 0, 0, 0, 1]), number([0; 7]));
    let number = number([7, 130, 33, 200, 99, 1, 250]);
    assert_eq!(number.len(), 12);
    assert!(!number.contains(['I', 'L', 'O', 'U']));
}

#[derive(Clone, Debug)]
enum Fact {
    Captured(u128),
    ClosedCaptured,
    Failed(u128),
    Action(u128),
    Refunded(u128, i64),
    Missing,
    Cancel,
    Switch(u128),
    Switched(u128),
    NotSwitched(u128),
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let payment = 1_u128..4;
    prop_oneof![
        payment.clone().prop_map(Fact::Captured),
        Just(Fact::ClosedCaptured),
        payment.clone().prop_map(Fact::Failed),
        payment.clone().prop_map(Fact::Action),
        (payment.clone(), -5_i64..2000).prop_map(|(p, n)| Fact::Refunded(p, n)),
        Just(Fact::Missing),
        Just(Fact::Cancel),
        payment.clone().prop_map(Fact::Switch),
        payment.clone().prop_map(Fact::Switched),
        payment.prop_map(Fact::NotSwitched),
    ]
}

fn apply(order: &mut Order, fact: &Fact) -> Option<News> {
    match *fact {
        Fact::Captured(n) => order.captured(payment(n), usd(1499), None, NOW).unwrap(),
        Fact::ClosedCaptured => order.captured_at_closing(usd(1499), NOW).unwrap(),
        Fact::Failed(n) => order.payment_failed(payment(n), "declined", NOW),
        Fact::Missing => order.stock_missing(NOW),
        Fact::Cancel => order.cancel(CancelReason::ByShopper, NOW).unwrap(),
        Fact::NotSwitched(n) => order.not_switched(payment(n), NOW),
        Fact::Action(n) => {
            order.action_required(payment(n));
            None
        }
        Fact::Refunded(n, amount) => {
            let whole = WHOLE.filter(|_| amount == 1499);
            order.refunded(payment(n), usd(amount), whole, NOW)
        }
        Fact::Switch(n) => {
            // A decided order refuses it.
            let _ = order.switch_to(card(n), None);
            None
        }
        Fact::Switched(n) => {
            order.switched(payment(n));
            None
        }
    }
}

proptest! {
    #[test]
    fn whatever_comes_an_order_is_paid_and_cancelled_at_most_once(
        facts in proptest::collection::vec(any_fact(), 0..30),
    ) {
        let mut order = pending();
        let (mut paid, mut cancelled) = (0, 0);
        for fact in &facts {
            let before = order.clone();
            match apply(&mut order, fact) {
                Some(News::Paid(told)) => {
                    prop_assert_eq!((cancelled, told.total), (0, usd(1499)));
                    paid += 1;
                }
                Some(News::Cancelled(told)) => {
                    prop_assert_eq!(told.was_paid, paid == 1);
                    cancelled += 1;
                }
                Some(told) => prop_assert!(false, "nothing was sent: {:?}", told),
                None => prop_assert_eq!(before.status, order.status),
            }
            prop_assert_eq!(before == order, before.version == order.version, "{:?}", fact);
            prop_assert!(order.version >= before.version);
            prop_assert_eq!(order.expires_at.is_some(), order.status == OrderStatus::Pending);
            prop_assert_eq!(
                order.cancel_reason.is_some(),
                order.status == OrderStatus::Cancelled
            );
        }
        prop_assert!(paid <= 1 && cancelled <= 1);
        prop_assert_eq!(order.steps.len(), 1 + paid + cancelled);
    }
}
