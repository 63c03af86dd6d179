//! A letter: the intent to write to somebody, from the fact that asks for it to the mail.
//!
//! `due` -> `written`, or `dropped` when there is nobody to write to. A worker claims a letter by
//! the clock; whoever claims it later has a higher number of tries, which fences the earlier.
use contracts::orders::CancelReason;
use contracts::{AccountId, NotificationId, OrderId, Timestamp};
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

/// What a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody registered.
    Welcome,
    /// An order was placed.
    OrderConfirmation,
    /// An order was paid.
    Receipt,
    /// An order was cancelled.
    Cancellation,
}

impl Kind {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::OrderConfirmation => "order_confirmation",
            Self::Receipt => "receipt",
            Self::Cancellation => "cancellation",
        }
    }
}
impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Welcome, Self::OrderConfirmation, Self::Receipt, Self::Cancellation]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("no letter is of the kind {text:?}"))
    }
}

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To be written.
    Due,
    /// Its mail was written.
    Written,
    /// There is nobody to write to.
    Dropped,
}

impl State {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Written => "written",
            Self::Dropped => "dropped",
        }
    }
}

/// A letter to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Of the letter, its mail and its notification: the id of the event that asks for it.
    pub id: NotificationId,
    /// What for.
    pub kind: Kind,
    /// About which order; none for a welcome.
    pub order: Option<OrderId>,
    /// To whom; none for a guest.
    pub account: Option<AccountId>,
    /// Why the order was cancelled.
    pub reason: Option<CancelReason>,
    /// Whether a cancelled order had been paid.
    pub was_paid: bool,
    /// When that happened which it tells.
    pub told_at: Timestamp,
    /// How many times it was claimed.
    pub tries: i64,
}

impl Letter {
    /// How long a worker may take to write what it claimed.
    pub const CLAIM: Duration = Duration::from_secs(60);

    /// The aggregate it is about: there is one letter of a kind about each.
    pub fn about(&self) -> Uuid {
        match (self.order, self.account) {
            (Some(order), _) => order.0,
            (None, Some(account)) => account.0,
            (None, None) => self.id.0,
        }
    }
    /// When to try again after a neighbour did not answer: 1 s, 2 s, 4 s, up to 5 minutes.
    pub fn again_at(&self, now: Timestamp) -> Timestamp {
        let doublings = u32::try_from(self.tries - 1).unwrap_or(0).min(9);
        now.after(Duration::from_secs(1 << doublings).min(Duration::from_secs(300)))
    }
}

/// What came of trying to write a letter: a mail, with what the person sees in the shop.
pub type Outcome = Result<Mail, Unwritten>;

/// Why a letter was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// Nobody can be written to, for this reason: never.
    Dropped(&'static str),
    /// A neighbour did not answer: later.
    Later,
}

/// A mail as it is kept and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `<id@domain>`, the same however often it is sent.
    pub message_id: String,
    /// The address it goes to.
    pub to: String,
    /// One line.
    pub subject: String,
    /// For those who read plain text.
    pub text: String,
    /// For all others.
    pub html: String,
    /// The same in one line, for the list in the shop.
    pub title: String,
    /// And in a paragraph.
    pub body: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(tries: i64) -> Letter {
        Letter {
            id: NotificationId(Uuid::nil()),
            kind: Kind::Receipt,
            order: None,
            account: None,
            reason: None,
            was_paid: false,
            told_at: Timestamp::from_micros(0),
            tries,
        }
    }

    #[test]
    fn a_kind_and_its_name_are_one() {
        for name in ["welcome", "order_confirmation", "receipt", "cancellation"] {
            assert_eq!(name.parse::<Kind>().unwrap().as_str(), name);
        }
        assert!("invoice".parse::<Kind>().is_err());
    }

    #[test]
    fn a_letter_waits_longer_each_time_and_never_over_five_minutes() {
        let now = Timestamp::from_micros(0);
        let waits: Vec<i64> =
            [1, 2, 3, 9, 10, 1_000_000].map(|tries| tried(tries).again_at(now).seconds()).to_vec();
        assert_eq!(waits, [1, 2, 4, 256, 300, 300]);
        assert_eq!(tried(0).again_at(now).seconds(), 1);
        assert_eq!(tried(i64::MIN + 1).again_at(now).seconds(), 1);
    }
}
