//! A letter: the intent to write to somebody, from the fact that asks for it to the mail.
//!
//! `due` -> `written`, or `dropped` when there is nobody to write to. A worker claims a letter by
//! the clock; whoever claims it later changes when it is due, which fences the earlier.
use contracts::orders::CancelReason;
use contracts::{AccountId, LinkId, Money, NotificationId, OrderId, ShipmentId, Sku, Timestamp};
use serde::{Deserialize, Serialize};
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
    /// A parcel is on its way.
    Shipment,
    /// All of an order arrived.
    Delivery,
    /// Money went back.
    Refund,
    /// Staff is told of what runs out.
    LowStock,
    /// Somebody asked for a new password.
    PasswordReset,
    /// An address is to be shown to be somebody's own.
    VerifyEmail,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Welcome,
        Self::OrderConfirmation,
        Self::Receipt,
        Self::Cancellation,
        Self::Shipment,
        Self::Delivery,
        Self::Refund,
        Self::LowStock,
        Self::PasswordReset,
        Self::VerifyEmail,
    ];
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::OrderConfirmation => "order_confirmation",
            Self::Receipt => "receipt",
            Self::Cancellation => "cancellation",
            Self::Shipment => "shipment",
            Self::Delivery => "delivery",
            Self::Refund => "refund",
            Self::LowStock => "low_stock",
            Self::PasswordReset => "password_reset",
            Self::VerifyEmail => "verify_email",
        }
    }
    /// Whether the letter is nothing without its link: it stays unwritten, and unsent, when the
    /// link is gone, and the shop's own list does not show it.
    pub const fn is_a_link(self) -> bool {
        matches!(self, Self::PasswordReset | Self::VerifyEmail)
    }
}
impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
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

/// What the event told that nobody can be asked about later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipment: Option<ShipmentId>,
    /// The link that the letter carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkId>,
    /// What went back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refunded>,
    /// What runs out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub low: Vec<Low>,
}

/// What went back to whoever paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// This time.
    pub amount: Money,
    /// Over all refunds.
    pub refunded: Money,
    /// Whether nothing is left to give back.
    pub whole: bool,
}

/// A SKU that runs out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Low {
    /// Which one.
    pub sku: Sku,
    /// How many could be ordered when it was told.
    pub available: i64,
    /// The number at which it was told.
    pub threshold: i64,
}

/// A letter to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Of the letter, its mail and its notification: the id of the event that asks for it.
    pub id: NotificationId,
    /// What for.
    pub kind: Kind,
    /// What it is about: order, account, parcel, refund or link. There is one letter of a kind
    /// about each.
    pub about: Uuid,
    /// About which order; none for a welcome.
    pub order: Option<OrderId>,
    /// To whom; none for a guest, and where only the order knows.
    pub account: Option<AccountId>,
    /// Why the order was cancelled.
    pub reason: Option<CancelReason>,
    /// Whether a cancelled order had been paid.
    pub was_paid: bool,
    /// What else was told.
    pub facts: Facts,
    /// When that happened which it tells.
    pub told_at: Timestamp,
    /// How many times it was tried before.
    pub tries: i64,
}

impl Letter {
    /// How long a worker may take to write what it claimed.
    pub const CLAIM: Duration = Duration::from_secs(60);
    /// How long a welcome waits for the link that usually comes right behind the registration.
    pub const FOR_LINK: Duration = Duration::from_secs(2);

    /// When a new letter is to be written.
    pub fn due_at(&self, now: Timestamp) -> Timestamp {
        match self.kind {
            Kind::Welcome if self.facts.link.is_none() => now.after(Self::FOR_LINK),
            _ => now,
        }
    }
    /// When to try again after a neighbour did not answer: 1 s, 2 s, 4 s, up to 5 minutes.
    pub fn again_at(&self, now: Timestamp) -> Timestamp {
        let doublings = u32::try_from(self.tries).unwrap_or(0).min(9);
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
    /// Whose it is; none for a guest.
    pub account: Option<AccountId>,
    /// The address it goes to.
    pub to: String,
    /// One line.
    pub subject: String,
    /// All that it says, as JSON: a [`crate::mail::Sheet`].
    pub words: String,
    /// The secret of the link in it, as it stands in the words.
    pub secret: Option<String>,
    /// Until when it is worth sending.
    pub expires_at: Option<Timestamp>,
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
            about: Uuid::nil(),
            order: None,
            account: None,
            reason: None,
            was_paid: false,
            facts: Facts::default(),
            told_at: Timestamp::from_micros(0),
            tries,
        }
    }

    #[test]
    fn a_kind_and_its_name_are_one() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("invoice".parse::<Kind>().is_err());
    }

    #[test]
    fn a_letter_waits_longer_each_time_and_never_over_five_minutes() {
        let now = Timestamp::from_micros(0);
        let waits: Vec<i64> =
            [0, 1, 2, 8, 9, 1_000_000].map(|tries| tried(tries).again_at(now).seconds()).to_vec();
        assert_eq!(waits, [1, 2, 4, 256, 300, 300]);
        assert_eq!(tried(i64::MIN).again_at(now).seconds(), 1);
    }

    #[test]
    fn only_a_welcome_without_its_link_waits() {
        let now = Timestamp::from_micros(0);
        assert_eq!(tried(0).due_at(now), now);
        let welcome = Letter { kind: Kind::Welcome, ..tried(0) };
        assert_eq!(welcome.due_at(now).seconds(), 2);
        let facts = Facts { link: Some(LinkId(Uuid::nil())), ..Facts::default() };
        assert_eq!(Letter { facts, ..welcome }.due_at(now), now);
    }

    #[test]
    fn what_says_nothing_more_is_an_empty_object() {
        assert_eq!(serde_json::to_string(&Facts::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Facts>("{}").unwrap(), Facts::default());
    }
}
