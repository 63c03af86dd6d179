//! The log of transactions: what was asked of a provider or done by hand, told from what is
//! recorded anyway. Pure.
//!
//! One line for each payment by card or wallet, each top-up, each refund and each confirmation.
//! A line stands at the time at which it was asked for and never moves; what it came to is told
//! as it is now.
use crate::attempt::{Attempt, State};
use crate::payment::Payment;
use crate::store::RefundRow;
use crate::store::confirmations::Confirmation;
use crate::wallet::Filling;
use contracts::payments::{PaymentStatus, Refund, RefundStatus, Transaction};

const CAPTURE: &str = "capture";
const VOID: &str = "void";

/// What charging came to: kind and outcome.
fn charged(status: PaymentStatus, attempt: Option<&Attempt>) -> (&'static str, &'static str) {
    match (status, attempt) {
        (PaymentStatus::Failed, _) => (CAPTURE, "declined"),
        (PaymentStatus::Voided, Some(attempt)) if attempt.state != State::Done => (VOID, "asked"),
        (PaymentStatus::Voided, _) => (VOID, "done"),
        (PaymentStatus::Pending | PaymentStatus::Authorized, Some(attempt))
            if attempt.tries > 0 =>
        {
            (CAPTURE, "unknown")
        }
        (PaymentStatus::Pending | PaymentStatus::Authorized | PaymentStatus::RequiresAction, _) => {
            (CAPTURE, "asked")
        }
        _ => (CAPTURE, "done"),
    }
}

/// Whether a payment has a line of its own: one that is paid later has that of its confirmation,
/// unless it was refused, or cost nothing.
pub fn is_begun_at_once(payment: &Payment) -> bool {
    !payment.method.pays_later()
        || payment.status == PaymentStatus::Failed
        || payment.amount.is_zero()
}

/// The line of a payment that was begun at once; `attempt` is the one that charges its card.
pub fn of_payment(payment: &Payment, attempt: Option<&Attempt>) -> Transaction {
    // What was taken after the payment had ended was taken all the same.
    let taken = !payment.captured.is_zero();
    let (kind, outcome) = if taken { (CAPTURE, "done") } else { charged(payment.status, attempt) };
    Transaction {
        payment: payment.id.0,
        kind: kind.to_owned(),
        amount: payment.amount,
        outcome: outcome.to_owned(),
        provider_ref: attempt.map(|attempt| attempt.id.to_string()),
        failure_code: payment.failure_code.clone().filter(|_| !taken),
        by: None,
        at: payment.created_at,
    }
}

/// The line of a top-up.
pub fn of_top_up(filling: &Filling, attempt: Option<&Attempt>) -> Transaction {
    let (kind, outcome) = charged(filling.status, attempt);
    Transaction {
        payment: filling.id.0,
        kind: kind.to_owned(),
        amount: filling.amount,
        outcome: outcome.to_owned(),
        provider_ref: attempt.map(|attempt| attempt.id.to_string()),
        failure_code: filling.failure_code.clone(),
        by: None,
        at: filling.created_at,
    }
}

/// The line of a refund; `attempt` is the one that gives it back by card. One that is still
/// asked for tells why it was declined the last time.
pub fn of_refund(refund: &RefundRow, attempt: Option<&Attempt>) -> Transaction {
    let outcome = match refund.status {
        RefundStatus::Pending => "asked",
        RefundStatus::Done => "done",
        RefundStatus::Failed => "declined",
    };
    Transaction {
        payment: refund.payment.0,
        kind: "refund".to_owned(),
        amount: refund.amount,
        outcome: outcome.to_owned(),
        provider_ref: attempt.map(|attempt| attempt.id.to_string()),
        failure_code: refund.failure_code.clone(),
        by: refund.by,
        at: refund.created_at,
    }
}

/// The line of what was done by hand.
pub fn of_confirmation(done: &Confirmation) -> Transaction {
    Transaction {
        payment: done.payment.0,
        kind: done.kind.clone(),
        amount: done.amount,
        outcome: "done".to_owned(),
        provider_ref: None,
        failure_code: None,
        by: done.by,
        at: done.at,
    }
}

/// A refund as it is shown.
pub const fn refund(row: &RefundRow) -> Refund {
    let RefundRow { id, payment, amount, status, created_at, .. } = *row;
    Refund { id, payment, amount, status, created_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{Purpose, Step};
    use contracts::payments::PaymentMethod;
    use contracts::{Currency, Money, OrderId, PaymentId, Timestamp};
    use uuid::Uuid;

    const START: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn payment() -> (Payment, Attempt) {
        let (id, key) = (PaymentId(Uuid::from_u128(1)), Uuid::from_u128(3));
        let (order, amount) = (OrderId(Uuid::from_u128(2)), Money::new(100, Currency::USD));
        let payment = Payment::new(id, order, None, PaymentMethod::Card, amount, START);
        let purpose = Purpose::Payment(id);
        (payment, Attempt::new(key, Step::Charge, purpose, amount, None, START))
    }
    fn told(payment: &Payment, attempt: &Attempt) -> (String, String, Option<String>) {
        let line = of_payment(payment, Some(attempt));
        assert_eq!(line.provider_ref, Some(attempt.id.to_string()));
        (line.kind, line.outcome, line.failure_code)
    }
    fn line(kind: &str, outcome: &str) -> (String, String, Option<String>) {
        (kind.to_owned(), outcome.to_owned(), None)
    }

    #[test]
    fn a_line_tells_what_charging_came_to() {
        let (mut payment, mut attempt) = payment();
        assert_eq!(told(&payment, &attempt), line("capture", "asked"));
        attempt.lease(START);
        assert_eq!(told(&payment, &attempt), line("capture", "unknown"));
        payment.require_action();
        assert_eq!(told(&payment, &attempt), line("capture", "asked"));
        let (mut refused, mut captured) = (payment.clone(), payment.clone());
        refused.fail("card_declined");
        let declined = (CAPTURE.to_owned(), "declined".to_owned(), Some("card_declined".into()));
        assert_eq!(told(&refused, &attempt), declined);
        // It was captured nevertheless.
        refused.capture();
        assert_eq!(told(&refused, &attempt), line("capture", "done"));
        captured.capture();
        assert_eq!(told(&captured, &attempt), line("capture", "done"));
        payment.void();
        assert_eq!(told(&payment, &attempt), line("void", "asked"));
        attempt.finish();
        assert_eq!(told(&payment, &attempt), line("void", "done"));
        payment.capture();
        assert_eq!(told(&payment, &attempt), line("capture", "done"));
    }
}
