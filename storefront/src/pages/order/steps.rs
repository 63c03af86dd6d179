//! The way of an order: the steps behind it, the one that it is at, and those ahead.
use crate::words::When;
use contracts::orders::{CancelReason, Order, OrderStatus, TrackingStep};
use contracts::payments::{PaymentMethod, PaymentStatus};

/// One step.
pub struct Step {
    /// The class of it.
    pub class: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// When it was done.
    pub at: Option<When>,
    /// What is to be said of it.
    pub word: &'static str,
}

/// The steps of an order, each with the status that it begins with.
const WAY: [(OrderStatus, &str); 4] = [
    (OrderStatus::Pending, "Placed"),
    (OrderStatus::Paid, "Paid"),
    (OrderStatus::Fulfilled, "On its way"),
    (OrderStatus::Delivered, "Delivered"),
];

/// Those of an order by this method: cash comes last, and makes no step of its own.
fn way(method: PaymentMethod) -> impl Iterator<Item = (OrderStatus, &'static str)> {
    let cash = method == PaymentMethod::CashOnDelivery;
    WAY.into_iter().filter(move |(status, _)| !cash || *status != OrderStatus::Paid)
}

/// All steps, by what the order became and when.
pub fn steps(order: &Order, timeline: &[TrackingStep]) -> Vec<Step> {
    let done_at = |status| timeline.iter().find(|step| step.status == status).map(|step| step.at);
    let placed = done_at(OrderStatus::Pending).unwrap_or(order.created_at);
    let stopped = match order.status {
        OrderStatus::Cancelled => Some("Cancelled"),
        OrderStatus::Refunded => Some("Refunded"),
        _ => None,
    };
    let cash_came = timeline.iter().any(|step| step.status == OrderStatus::Paid);
    let method = match order.payment.method {
        // An order that was paid before it was sent has that step, whatever was meant at first.
        PaymentMethod::CashOnDelivery if cash_came => PaymentMethod::Card,
        method => method,
    };
    let rank = way(method).position(|(status, _)| status == order.status);
    let mut steps = Vec::new();
    let mut now = true;
    for (place, (status, name)) in way(method).enumerate() {
        let at = if status == OrderStatus::Pending { Some(placed) } else { done_at(status) };
        if at.is_some() || rank.is_some_and(|rank| place <= rank) {
            let word = done(order, status);
            steps.push(Step { class: "is-done", name, at: at.map(When), word });
        } else if stopped.is_none() {
            let (class, word) = if now { ("is-now", word(order)) } else { ("", "") };
            steps.push(Step { class, name: ahead(status, name), at: None, word });
            now = false;
        }
    }
    if let Some(name) = stopped {
        let at = done_at(order.status).map(When);
        steps.push(Step { class: "is-stopped", name, at, word: why(order) });
    }
    steps
}

/// What a step is called that is still ahead.
const fn ahead(status: OrderStatus, name: &'static str) -> &'static str {
    match status {
        OrderStatus::Paid => "Payment",
        _ => name,
    }
}

/// What is to be said of a step that was done.
fn done(order: &Order, status: OrderStatus) -> &'static str {
    let cash = order.payment.method == PaymentMethod::CashOnDelivery;
    match (status, order.payment.status) {
        (OrderStatus::Delivered, PaymentStatus::Captured) if cash => "paid in cash",
        _ => "",
    }
}

/// What the order waits for.
fn word(order: &Order) -> &'static str {
    let sent = !order.shipments.is_empty();
    match (order.status, order.payment.status, order.payment.method) {
        (OrderStatus::Pending, PaymentStatus::RequiresAction, _) => "waiting for you",
        (OrderStatus::Pending, _, PaymentMethod::BankTransfer) => "waiting for your transfer",
        (OrderStatus::Pending, _, PaymentMethod::Card | PaymentMethod::Wallet) => {
            "waiting for the bank"
        }
        (OrderStatus::Pending | OrderStatus::Paid, ..) if sent => "a part is on its way",
        (OrderStatus::Pending | OrderStatus::Paid, ..) => "being packed",
        _ => "",
    }
}

const fn why(order: &Order) -> &'static str {
    match order.cancel_reason {
        Some(CancelReason::ByShopper) => "as you asked",
        Some(CancelReason::ByStaff) => "by the shop",
        Some(CancelReason::PaymentFailed) => "payment refused",
        Some(CancelReason::Expired) => "not paid in time",
        Some(CancelReason::StockMissing) => "out of stock",
        Some(CancelReason::Undeliverable) => "the parcels came back",
        None => "",
    }
}
