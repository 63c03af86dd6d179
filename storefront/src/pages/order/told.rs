//! The news of an order that a shopper looks for first.
use super::just;
use crate::visitor::Visitor;
use crate::words;
use contracts::orders::{CancelReason, Order, OrderStatus};
use contracts::payments::{PaymentMethod, PaymentStatus};

/// What is told above an order.
pub struct Told {
    /// The class of the box.
    pub tone: &'static str,
    /// The headline.
    pub title: &'static str,
    /// What happened.
    pub text: String,
}

/// The news.
pub fn told(order: &Order, visitor: &Visitor) -> Option<Told> {
    let is_new = just(visitor, "placed") || just(visitor, "paying");
    let (tone, title, text) = match (order.status, order.payment.status) {
        (OrderStatus::Pending, PaymentStatus::RequiresAction) => (
            "is-warning",
            "Your bank asks you to confirm this payment",
            "Nothing has been charged.".to_owned(),
        ),
        (OrderStatus::Pending, PaymentStatus::Failed) => {
            let why = order.payment.failure_code.as_deref().map_or("", words::failure);
            ("is-error", "The payment was refused", why.to_owned())
        }
        (OrderStatus::Pending, _) => return Some(waiting(order)),
        (OrderStatus::Paid, _) if is_new => (
            "is-good",
            "Thank you! It is yours.",
            "Your payment arrived, and a receipt is on its way to you.".to_owned(),
        ),
        (OrderStatus::Cancelled, _) => cancelled(order),
        (OrderStatus::Refunded, _) => (
            "is-warning",
            "This order was given back",
            "What was paid goes back the way it came.".to_owned(),
        ),
        _ => return None,
    };
    Some(Told { tone, title, text })
}

/// What is waited for.
fn waiting(order: &Order) -> Told {
    let (tone, title, text) = match order.payment.method {
        PaymentMethod::BankTransfer => (
            "is-good",
            "Thank you! Now send the transfer",
            "We send your order as soon as the money has arrived.",
        ),
        PaymentMethod::CashOnDelivery => (
            "is-good",
            "Thank you! We are packing your order",
            "Have the money at hand when it comes.",
        ),
        PaymentMethod::Card | PaymentMethod::Wallet => (
            "is-warning",
            "We are waiting for your payment",
            "It takes a moment. This page looks again by itself.",
        ),
    };
    Told { tone, title, text: text.to_owned() }
}

fn cancelled(order: &Order) -> (&'static str, &'static str, String) {
    let back = match order.payment.status {
        PaymentStatus::Captured | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => {
            "What was paid goes back the way it came."
        }
        _ => "Nothing was charged.",
    };
    match order.cancel_reason {
        Some(CancelReason::PaymentFailed) => {
            let why = order
                .payment
                .failure_code
                .as_deref()
                .map_or("The payment was refused.", words::failure);
            let rest =
                "The order was cancelled and nothing was charged. Your cart is as you left it.";
            ("is-error", "The payment was refused", format!("{why} {rest}"))
        }
        Some(CancelReason::Expired) => (
            "is-warning",
            "Nobody paid in time",
            "The books were let go and nothing was charged. Your cart is as you left it."
                .to_owned(),
        ),
        Some(CancelReason::StockMissing) => (
            "is-error",
            "We could not find your books",
            format!("We are sorry: our shelf was emptier than we thought. {back}"),
        ),
        Some(CancelReason::Undeliverable) => (
            "is-warning",
            "The parcels came back to us",
            format!("Nobody took them, so the order was cancelled. {back}"),
        ),
        Some(CancelReason::ByStaff) => {
            ("is-warning", "The shop cancelled this order", back.to_owned())
        }
        Some(CancelReason::ByShopper) | None => {
            ("is-warning", "This order was cancelled", back.to_owned())
        }
    }
}
