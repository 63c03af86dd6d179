//! A wallet, and the top-ups that fill it. Pure.
use contracts::payments::{PaymentStatus, ToppedUp};
use contracts::{AccountId, Money, Timestamp, TopUpId};

/// The most that one top-up brings, in minor units: 1,000,000.00 of a currency with cents.
pub const MOST_AT_ONCE: i64 = 100_000_000;

/// What an account can spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Whose.
    pub account: AccountId,
    /// Never negative.
    pub balance: Money,
    /// Rises with every movement.
    pub version: i64,
}

impl Wallet {
    /// An empty one.
    pub const fn new(account: AccountId, empty: Money) -> Self {
        Self { account, balance: Money::zero(empty.currency), version: 0 }
    }
    /// Why it cannot pay `amount`; none if it can.
    pub fn refusal(&self, amount: Money) -> Option<&'static str> {
        if self.balance.currency != amount.currency {
            Some("currency_mismatch")
        } else if self.balance.minor < amount.minor {
            Some("insufficient_funds")
        } else {
            None
        }
    }
    /// Moves `amount` in, or out where it is negative; false, and nothing moves, where it cannot.
    #[must_use]
    pub fn moves(&mut self, amount: Money) -> bool {
        let balance = self.balance.minor.checked_add(amount.minor);
        match balance.filter(|balance| *balance >= 0 && amount.currency == self.balance.currency) {
            Some(balance) => {
                self.balance.minor = balance;
                self.version += 1;
                true
            }
            None => false,
        }
    }
}

/// A top-up on its way into a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling {
    /// The top-up.
    pub id: TopUpId,
    /// Whose wallet.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
    /// `captured` once credited.
    pub status: PaymentStatus,
    /// Why it failed.
    pub failure_code: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Filling {
    /// A top-up that is asked for.
    pub const fn new(id: TopUpId, account: AccountId, amount: Money, now: Timestamp) -> Self {
        let status = PaymentStatus::Pending;
        Self { id, account, amount, status, failure_code: None, version: 1, created_at: now }
    }
    /// The card paid; false when that was known.
    pub fn credit(&mut self) -> bool {
        let credited = self.status != PaymentStatus::Captured;
        if credited {
            // Whatever was believed before: the provider has the money.
            (self.status, self.failure_code) = (PaymentStatus::Captured, None);
            self.version += 1;
        }
        credited
    }
    /// Nobody completed it, and the card will not be charged any more.
    pub fn void(&mut self) {
        if matches!(self.status, PaymentStatus::Pending | PaymentStatus::RequiresAction) {
            self.status = PaymentStatus::Voided;
            self.version += 1;
        }
    }
    /// The card was refused.
    pub fn fail(&mut self, code: &str) {
        if matches!(self.status, PaymentStatus::Pending | PaymentStatus::RequiresAction) {
            (self.status, self.failure_code) = (PaymentStatus::Failed, Some(code.to_owned()));
            self.version += 1;
        }
    }
    /// The shopper would have to confirm it.
    pub fn require_action(&mut self) {
        if self.status == PaymentStatus::Pending {
            self.status = PaymentStatus::RequiresAction;
            self.version += 1;
        }
    }
    /// As the client sees it.
    pub fn shown(&self) -> ToppedUp {
        let failure_code = self.failure_code.clone();
        ToppedUp { id: self.id, amount: self.amount, status: self.status, failure_code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn wallet() -> Wallet {
        Wallet::new(AccountId(Uuid::from_u128(1)), Money::zero(Currency::USD))
    }
    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    #[test]
    fn the_exact_balance_can_be_spent_and_no_cent_more() {
        let mut wallet = wallet();
        assert!(wallet.moves(usd(100)));
        assert_eq!(wallet.refusal(usd(100)), None);
        assert_eq!(wallet.refusal(usd(101)), Some("insufficient_funds"));
        assert_eq!(wallet.refusal(Money::new(1, Currency::EUR)), Some("currency_mismatch"));
        assert!(!wallet.moves(usd(-101)) && !wallet.moves(Money::new(1, Currency::EUR)));
        assert!(wallet.moves(usd(-100)));
        assert_eq!((wallet.balance, wallet.version), (usd(0), 2));
    }

    #[test]
    fn a_top_up_is_credited_once_and_a_refused_one_never_fails_twice() {
        let mut filling = Filling::new(
            TopUpId(Uuid::from_u128(2)),
            AccountId(Uuid::from_u128(1)),
            usd(5),
            Timestamp::from_micros(0),
        );
        filling.require_action();
        assert!(filling.credit() && !filling.credit());
        filling.fail("card_declined");
        filling.void();
        assert_eq!((filling.status, filling.shown().failure_code), (PaymentStatus::Captured, None));
    }

    proptest! {
        #[test]
        fn a_balance_is_never_negative_and_is_the_sum_of_what_moved(
            amounts in prop::collection::vec(-100..100_i64, 0..60),
        ) {
            let (mut wallet, mut sum) = (wallet(), 0);
            for amount in amounts {
                if wallet.moves(usd(amount)) { sum += amount; }
                prop_assert!(wallet.balance.minor >= 0);
                prop_assert_eq!(wallet.balance.minor, sum);
            }
        }
    }
}
