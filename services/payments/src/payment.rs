//! A payment: how an order is paid, from being asked for to being given back. Pure.
use contracts::payments::{PaymentMethod, PaymentRefunded, PaymentStatus, RefundRefused};
use contracts::{AccountId, Money, OrderId, PaymentId, RefundId, Timestamp};
use uuid::Uuid;

use crate::ledger::Purse;

/// One payment of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Chosen by orders.
    pub id: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// Whose wallet; none for a guest.
    pub account: Option<AccountId>,
    /// By which method.
    pub method: PaymentMethod,
    /// How much is asked for.
    pub amount: Money,
    /// Where it stands. `Voided` stays while money that came too late goes back.
    pub status: PaymentStatus,
    /// Why it failed.
    pub failure_code: Option<String>,
    /// What was taken: nothing or all.
    pub captured: Money,
    /// What was given back, or is on its way back.
    pub promised: Money,
    /// What was given back.
    pub refunded: Money,
    /// The attempt that charges the card: the provider's key.
    pub charge: Option<Uuid>,
    /// Whether the shopper completed the action that was required.
    pub continued: bool,
    /// The number of its receipt, once money was captured that stays.
    pub receipt: Option<i64>,
    /// Rises with every change.
    pub version: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What a capture comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The money is ours.
    Stands,
    /// The payment had ended before: the money was taken, and all of it is to go back.
    GoesBack,
    /// It was captured before.
    Known,
}

impl Payment {
    /// A payment that is asked for.
    pub fn new(
        id: PaymentId,
        order: OrderId,
        account: Option<AccountId>,
        method: PaymentMethod,
        amount: Money,
        now: Timestamp,
    ) -> Self {
        let nothing = Money::zero(amount.currency);
        Self {
            id,
            order,
            account,
            method,
            amount,
            status: PaymentStatus::Pending,
            failure_code: None,
            captured: nothing,
            promised: nothing,
            refunded: nothing,
            charge: None,
            continued: false,
            receipt: None,
            version: 1,
            created_at: now,
        }
    }
    /// Whether nothing is decided yet.
    pub const fn is_open(&self) -> bool {
        matches!(
            self.status,
            PaymentStatus::Pending | PaymentStatus::RequiresAction | PaymentStatus::Authorized
        )
    }
    /// Whether money was captured that stays, or stayed until somebody gave it back.
    pub const fn is_captured(&self) -> bool {
        matches!(
            self.status,
            PaymentStatus::Captured | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded
        )
    }
    /// What it is paid from and back to; none for a wallet payment of nobody.
    pub fn purse(&self) -> Option<Purse> {
        match self.method {
            PaymentMethod::Card => Some(Purse::Card),
            PaymentMethod::Wallet => self.account.map(Purse::Wallet),
            PaymentMethod::BankTransfer => Some(Purse::Bank),
            PaymentMethod::CashOnDelivery => Some(Purse::Cash),
        }
    }
    /// The money was taken.
    pub fn capture(&mut self) -> Capture {
        if !self.captured.is_zero() || self.status == PaymentStatus::Captured {
            return Capture::Known;
        }
        self.version += 1;
        self.captured = self.amount;
        if self.is_open() {
            self.status = PaymentStatus::Captured;
            return Capture::Stands;
        }
        Capture::GoesBack
    }
    /// It was refused; false when that changes nothing.
    pub fn fail(&mut self, code: &str) -> bool {
        let open = self.is_open();
        if open {
            self.status = PaymentStatus::Failed;
            self.failure_code = Some(code.to_owned());
            self.version += 1;
        }
        open
    }
    /// The shopper has to confirm it; false when that changes nothing.
    pub fn require_action(&mut self) -> bool {
        let asked = self.status == PaymentStatus::Pending;
        if asked {
            self.status = PaymentStatus::RequiresAction;
            self.version += 1;
        }
        asked
    }
    /// The shopper confirmed it; false when that changes nothing.
    pub fn go_on(&mut self) -> bool {
        let goes_on = self.status == PaymentStatus::RequiresAction && !self.continued;
        if goes_on {
            self.continued = true;
            self.version += 1;
        }
        goes_on
    }
    /// No money may stay captured any more; false when that changes nothing.
    pub fn void(&mut self) -> bool {
        let open = self.is_open();
        if open {
            self.status = PaymentStatus::Voided;
            self.version += 1;
        }
        open
    }
    /// What can still be given back.
    pub const fn left(&self) -> Money {
        Money::new(self.captured.minor - self.promised.minor, self.amount.currency)
    }
    /// Promises to give back `amount`, or all that is left; answers how much.
    /// # Errors
    /// When nothing is left, or less than that; and when that is not more than nothing.
    pub fn promise(&mut self, amount: Option<Money>) -> Result<Money, RefundRefused> {
        let left = self.left();
        let amount = amount.unwrap_or(left);
        if left.minor <= 0 {
            return Err(RefundRefused::NothingCaptured);
        }
        if amount.currency != left.currency || amount.minor > left.minor {
            return Err(RefundRefused::TooMuch { left });
        }
        if amount.minor <= 0 {
            let (field, reason) = ("amount.amount".to_owned(), "must be at least 1".to_owned());
            return Err(RefundRefused::Invalid { field, reason });
        }
        self.promised.minor += amount.minor;
        self.version += 1;
        Ok(amount)
    }
    /// What was promised does not arrive: it is left to be given back again.
    pub const fn take_back(&mut self, amount: Money) {
        self.promised.minor -= amount.minor;
        self.version += 1;
    }
    /// What was promised arrived.
    pub fn give_back(&mut self, refund: RefundId, amount: Money, restock: bool) -> PaymentRefunded {
        self.refunded.minor = self.promised.minor.min(self.refunded.minor + amount.minor);
        let whole = self.refunded == self.captured;
        self.status =
            if whole { PaymentStatus::Refunded } else { PaymentStatus::PartiallyRefunded };
        self.version += 1;
        PaymentRefunded {
            payment: self.id,
            order: self.order,
            refund,
            amount,
            refunded: self.refunded,
            whole,
            restock,
        }
    }
}

/// An order as payments knows it: which payment is the present one, and whether it is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Which order.
    pub order: OrderId,
    /// Its present payment; none while it is only known to be closed.
    pub present: Option<PaymentId>,
    /// Whether its placing was heard of.
    pub placed: bool,
    /// Whether nothing may be captured any more.
    pub closed: bool,
    /// What was captured when it was closed, in minor units: what closing answers for ever.
    pub kept: i64,
}

impl Bill {
    /// Of an order that was not heard of before.
    pub const fn new(order: OrderId) -> Self {
        Self { order, present: None, placed: false, closed: false, kept: 0 }
    }
}

/// The token of a way to pay, if the provider can be asked with it: 1 to 200 visible characters.
pub fn usable_token(token: Option<&str>) -> Option<&str> {
    token.filter(|token| {
        (1..=200).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// The name of a status on the wire and in the database.
pub const fn status_name(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Pending => "pending",
        PaymentStatus::RequiresAction => "requires_action",
        PaymentStatus::Authorized => "authorized",
        PaymentStatus::Captured => "captured",
        PaymentStatus::Failed => "failed",
        PaymentStatus::Voided => "voided",
        PaymentStatus::PartiallyRefunded => "partially_refunded",
        PaymentStatus::Refunded => "refunded",
    }
}

/// The status of that name.
pub fn status_named(name: &str) -> Option<PaymentStatus> {
    [
        PaymentStatus::Pending,
        PaymentStatus::RequiresAction,
        PaymentStatus::Authorized,
        PaymentStatus::Captured,
        PaymentStatus::Failed,
        PaymentStatus::Voided,
        PaymentStatus::PartiallyRefunded,
        PaymentStatus::Refunded,
    ]
    .into_iter()
    .find(|status| status_name(*status) == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;
    use proptest::prelude::*;

    fn payment(minor: i64) -> Payment {
        let amount = Money::new(minor, Currency::USD);
        let (id, order) = (PaymentId(Uuid::from_u128(1)), OrderId(Uuid::from_u128(2)));
        Payment::new(id, order, None, PaymentMethod::Card, amount, Timestamp::from_micros(0))
    }
    fn refund() -> RefundId {
        RefundId(Uuid::from_u128(3))
    }
    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    #[test]
    fn a_capture_stands_once() {
        let mut paid = payment(100);
        assert_eq!(paid.capture(), Capture::Stands);
        assert_eq!(paid.capture(), Capture::Known);
        assert_eq!((paid.status, paid.captured), (PaymentStatus::Captured, usd(100)));
        let mut free = payment(0);
        assert_eq!(free.capture(), Capture::Stands);
        assert_eq!(free.capture(), Capture::Known);
    }

    #[test]
    fn what_is_captured_after_the_end_goes_back_whole() {
        for end in [Payment::void, |p: &mut Payment| p.fail("card_declined")] {
            let mut late = payment(100);
            assert!(end(&mut late));
            assert_eq!(late.capture(), Capture::GoesBack);
            assert!(!late.is_captured());
            let back = late.promise(None).unwrap();
            assert!(late.give_back(refund(), back, false).whole);
            assert_eq!(late.status, PaymentStatus::Refunded);
        }
    }

    #[test]
    fn partial_refunds_add_up_and_never_exceed_the_capture() {
        let mut paid = payment(100);
        paid.capture();
        assert_eq!(paid.promise(Some(usd(30))), Ok(usd(30)));
        assert_eq!(paid.promise(Some(usd(71))), Err(RefundRefused::TooMuch { left: usd(70) }));
        let euro = Money::new(1, Currency::EUR);
        assert_eq!(paid.promise(Some(euro)), Err(RefundRefused::TooMuch { left: usd(70) }));
        let first = paid.give_back(refund(), usd(30), true);
        assert!(first.restock);
        assert_eq!((first.refunded, first.whole), (usd(30), false));
        assert_eq!(paid.status, PaymentStatus::PartiallyRefunded);
        assert_eq!(paid.promise(None), Ok(usd(70)));
        assert_eq!(paid.promise(None), Err(RefundRefused::NothingCaptured));
        assert!(paid.give_back(refund(), usd(70), false).whole);
    }

    #[test]
    fn a_failed_payment_has_nothing_to_give_back() {
        let mut failed = payment(100);
        failed.fail("card_declined");
        assert_eq!(failed.promise(None), Err(RefundRefused::NothingCaptured));
        assert_eq!(failed.promise(Some(usd(1))), Err(RefundRefused::NothingCaptured));
        assert!(!failed.void() && !failed.require_action() && !failed.go_on());
    }

    #[test]
    fn every_status_has_its_name() {
        let names = ["pending", "requires_action", "authorized", "captured", "failed", "voided"];
        for name in names.into_iter().chain(["partially_refunded", "refunded"]) {
            let status = status_named(name).unwrap();
            assert_eq!(serde_json::to_value(status).unwrap(), name);
        }
        assert_eq!(status_named("paid"), None);
    }

    #[test]
    fn a_token_is_visible_and_short() {
        assert_eq!(usable_token(Some("tok_visa")), Some("tok_visa"));
        for bad in ["", "a b", "a\0", "ü", &"x".repeat(201)] {
            assert_eq!(usable_token(Some(bad)), None);
        }
        assert_eq!(usable_token(None), None);
    }

    proptest! {
        #[test]
        fn whatever_happens_no_more_goes_back_than_came(
            steps in prop::collection::vec((0..7_u8, -5..150_i64), 0..60),
        ) {
            let mut payment = payment(100);
            let (mut came, mut back, mut version) = (0, 0, payment.version);
            let mut on_its_way = Vec::new();
            for (step, amount) in steps {
                match step {
                    0 => if payment.capture() != Capture::Known { came += 100 },
                    1 => { payment.fail("card_declined"); }
                    2 => { payment.void(); }
                    3 => { payment.require_action(); payment.go_on(); }
                    4 => on_its_way.extend(payment.promise(Some(usd(amount))).ok()),
                    5 => if let Some(amount) = on_its_way.pop() { payment.take_back(amount) },
                    _ => if let Some(amount) = on_its_way.pop() {
                        payment.give_back(refund(), amount, false);
                        back += amount.minor;
                    }
                }
                prop_assert!(payment.version >= version);
                version = payment.version;
                prop_assert!(came <= 100);
                prop_assert_eq!((payment.captured.minor, payment.refunded.minor), (came, back));
                prop_assert!(0 <= back && back <= payment.promised.minor && payment.promised.minor <= came);
                prop_assert_eq!(payment.status == PaymentStatus::Refunded, came > 0 && back == came);
            }
        }
    }
}
