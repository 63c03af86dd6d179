//! A card provider to try things with: it plays an outside party.
//!
//! It has a book of its own, written in transactions of its own, by idempotency key: the book
//! survives our crash and answers questions. It is told nothing of payments, and payments reads
//! nothing of it but its answers, which can be lost ([`Lost`]).
//!
//! | token | what happens |
//! |---|---|
//! | `tok_visa` | pays |
//! | `tok_chargeDeclined`, `tok_insufficientFunds` | is refused |
//! | `tok_threeDSecure` | waits until the shopper has confirmed it |
//! | `tok_timeout` | the answer is lost, and the charge is made two seconds later |
//! | `tok_chargedThenError` | the charge is made, and the answer is lost |
//! | anything else | is refused as `invalid_token` |
use crate::store::sandbox_book::{self, Model};
use contracts::{Money, Timestamp};
use kit::Unexpected;
use kit::wave::{Batched, Wave, Waves};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// How long after its lost answer `tok_timeout` is charged.
pub const LATE: Duration = Duration::from_secs(2);

/// What the provider says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The money was taken.
    Captured,
    /// The card was refused.
    Declined(String),
    /// The shopper has to confirm it.
    RequiresAction,
    /// It will be decided.
    Pending,
    /// It was given up, and will never be taken.
    Voided,
    /// The money was given back.
    Refunded,
    /// The key is not known.
    NotFound,
}

/// No answer came: what was asked for may have been done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider did not answer: {0}")]
pub struct Lost(pub String);

#[derive(Clone, Debug)]
struct Asked {
    key: Uuid,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Charge { amount: Money, token: String },
    Complete,
    Void,
    Status,
    Refund { charge: Uuid, amount: Money },
}

/// The provider, as its clients see it.
#[derive(Clone)]
pub struct Sandbox(Batched<Asked, Result<Said, Lost>>);

impl Sandbox {
    /// Keeps its book in the database behind `waves`.
    pub fn new(waves: &Waves) -> Self {
        Self(waves.batched("sandbox", 250, |wave, asked: &[Asked]| Box::pin(answer(wave, asked))))
    }
    /// Takes `amount` from the card behind `token`. A known key is answered by what became of it.
    /// # Errors
    /// [`Lost`]
    pub async fn charge(&self, key: Uuid, amount: Money, token: String) -> Result<Said, Lost> {
        self.ask(key, What::Charge { amount, token }).await
    }
    /// The shopper has confirmed the charge.
    /// # Errors
    /// [`Lost`]
    pub async fn complete(&self, key: Uuid) -> Result<Said, Lost> {
        self.ask(key, What::Complete).await
    }
    /// Gives the charge up, if it was not made yet. An unknown key is marked, so that a late
    /// charge under it is not made.
    /// # Errors
    /// [`Lost`]
    pub async fn void(&self, key: Uuid) -> Result<Said, Lost> {
        self.ask(key, What::Void).await
    }
    /// What became of a key.
    /// # Errors
    /// [`Lost`]
    pub async fn status(&self, key: Uuid) -> Result<Said, Lost> {
        self.ask(key, What::Status).await
    }
    /// Gives back `amount` of a charge, once for each key.
    /// # Errors
    /// [`Lost`]
    pub async fn refund(&self, key: Uuid, charge: Uuid, amount: Money) -> Result<Said, Lost> {
        self.ask(key, What::Refund { charge, amount }).await
    }
    async fn ask(&self, key: Uuid, what: What) -> Result<Said, Lost> {
        let answered = self.0.run(Asked { key, what }).await;
        answered.unwrap_or_else(|not_run| Err(Lost(not_run.to_string())))
    }
}

async fn answer(wave: &mut Wave, asked: &[Asked]) -> Result<Vec<Result<Said, Lost>>, Unexpected> {
    let charges = asked.iter().filter_map(|asked| match asked.what {
        What::Refund { charge, .. } => Some(charge),
        _ => None,
    });
    let keys: BTreeSet<Uuid> = asked.iter().map(|asked| asked.key).chain(charges).collect();
    let loaded = sandbox_book::load(wave, keys).await?;
    let mut book = loaded.clone();
    let answers = asked.iter().map(|asked| reply(&mut book, asked, wave.now())).collect();
    sandbox_book::save(wave, &loaded, &book).await?;
    Ok(answers)
}

fn reply(book: &mut BTreeMap<Uuid, Model>, asked: &Asked, now: Timestamp) -> Result<Said, Lost> {
    let key = asked.key;
    for row in book.values_mut().filter(|row| row.state == "pending") {
        if row.settles_at <= now.micros() {
            row.state = "captured".to_owned();
        }
    }
    let known = book.get_mut(&key);
    match (&asked.what, known) {
        (What::Charge { amount, token }, None) => {
            let (row, lost) = new_charge(key, *amount, token, now);
            let said = stands(&row);
            book.insert(key, row);
            lost.map_or(Ok(said), |lost| Err(Lost(lost.to_owned())))
        }
        (What::Complete, Some(row)) if row.state == "requires_action" => {
            row.state = "captured".to_owned();
            Ok(Said::Captured)
        }
        (What::Void, Some(row)) if row.state == "requires_action" => {
            row.state = "voided".to_owned();
            Ok(Said::Voided)
        }
        (What::Void, None) => {
            book.insert(key, row(key, "charge", 0, "XXX", "voided", now));
            Ok(Said::Voided)
        }
        (What::Refund { charge, amount }, None) => Ok(refund(book, key, *charge, *amount, now)),
        (What::Complete | What::Status, None) => Ok(Said::NotFound),
        (_, Some(row)) => Ok(stands(row)),
    }
}

/// A new charge, and why its answer is lost.
fn new_charge(
    key: Uuid,
    amount: Money,
    token: &str,
    now: Timestamp,
) -> (Model, Option<&'static str>) {
    let (state, code, lost) = match token {
        "tok_visa" => ("captured", None, None),
        "tok_chargeDeclined" => ("declined", Some("card_declined"), None),
        "tok_insufficientFunds" => ("declined", Some("insufficient_funds"), None),
        "tok_threeDSecure" => ("requires_action", None, None),
        "tok_timeout" => ("pending", None, Some("timeout")),
        "tok_chargedThenError" => ("captured", None, Some("internal server error")),
        _ => ("declined", Some("invalid_token"), None),
    };
    let mut row = row(key, "charge", amount.minor, amount.currency.code(), state, now);
    row.token = Some(token.to_owned());
    row.code = code.map(str::to_owned);
    row.settles_at = now.after(LATE).micros();
    (row, lost)
}

fn refund(
    book: &mut BTreeMap<Uuid, Model>,
    key: Uuid,
    charge: Uuid,
    amount: Money,
    now: Timestamp,
) -> Said {
    let Some(charged) = book.get_mut(&charge) else { return Said::NotFound };
    let left = charged.amount - charged.refunded;
    let fits = amount.minor > 0 && amount.minor <= left;
    let same = charged.currency == amount.currency.code();
    if stands(charged) != Said::Captured || !fits || !same {
        return Said::Declined("refund_refused".to_owned());
    }
    charged.refunded += amount.minor;
    let mut back = row(key, "refund", amount.minor, amount.currency.code(), "refunded", now);
    back.charge = Some(charge);
    book.insert(key, back);
    Said::Refunded
}

fn row(key: Uuid, kind: &str, amount: i64, currency: &str, state: &str, now: Timestamp) -> Model {
    Model {
        id: key,
        kind: kind.to_owned(),
        charge: None,
        amount,
        refunded: 0,
        currency: currency.to_owned(),
        token: None,
        state: state.to_owned(),
        code: None,
        settles_at: now.micros(),
        at: now.micros(),
    }
}

/// What became of a key.
fn stands(row: &Model) -> Said {
    match row.state.as_str() {
        "pending" => Said::Pending,
        "captured" => Said::Captured,
        "requires_action" => Said::RequiresAction,
        "voided" => Said::Voided,
        "refunded" => Said::Refunded,
        _ => Said::Declined(row.code.clone().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;

    const START: Timestamp = Timestamp::from_micros(1_000_000_000);
    const KEY: Uuid = Uuid::from_u128(1);

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }
    fn charge(token: &str) -> Asked {
        Asked { key: KEY, what: What::Charge { amount: usd(100), token: token.to_owned() } }
    }
    fn of(key: Uuid, what: What) -> Asked {
        Asked { key, what }
    }

    #[test]
    fn each_token_does_what_its_name_says() {
        let declined = |code: &str| Ok(Said::Declined(code.to_owned()));
        for (token, said) in [
            ("tok_visa", Ok(Said::Captured)),
            ("tok_chargeDeclined", declined("card_declined")),
            ("tok_insufficientFunds", declined("insufficient_funds")),
            ("tok_threeDSecure", Ok(Said::RequiresAction)),
            ("tok_timeout", Err(Lost("timeout".into()))),
            ("tok_chargedThenError", Err(Lost("internal server error".into()))),
            ("tok_nobody", declined("invalid_token")),
        ] {
            assert_eq!(reply(&mut BTreeMap::new(), &charge(token), START), said, "{token}");
        }
    }

    #[test]
    fn a_late_charge_is_made_by_the_clock_and_a_known_key_charges_once() {
        let mut book = BTreeMap::new();
        assert!(reply(&mut book, &charge("tok_timeout"), START).is_err());
        let early = START.after(Duration::from_millis(1999));
        assert_eq!(reply(&mut book, &of(KEY, What::Status), early), Ok(Said::Pending));
        assert_eq!(reply(&mut book, &of(KEY, What::Void), early), Ok(Said::Pending));
        let late = START.after(LATE);
        assert_eq!(reply(&mut book, &of(KEY, What::Status), late), Ok(Said::Captured));
        assert_eq!(reply(&mut book, &charge("tok_timeout"), late), Ok(Said::Captured));
        assert_eq!(book.len(), 1);
    }

    #[test]
    fn a_voided_key_is_never_charged_and_a_completed_one_not_voided() {
        let mut book = BTreeMap::new();
        assert_eq!(reply(&mut book, &of(KEY, What::Status), START), Ok(Said::NotFound));
        assert_eq!(reply(&mut book, &of(KEY, What::Complete), START), Ok(Said::NotFound));
        assert_eq!(reply(&mut book, &of(KEY, What::Void), START), Ok(Said::Voided));
        assert_eq!(reply(&mut book, &charge("tok_visa"), START), Ok(Said::Voided));

        let mut book = BTreeMap::new();
        assert_eq!(reply(&mut book, &charge("tok_threeDSecure"), START), Ok(Said::RequiresAction));
        assert_eq!(reply(&mut book, &of(KEY, What::Complete), START), Ok(Said::Captured));
        assert_eq!(reply(&mut book, &of(KEY, What::Void), START), Ok(Said::Captured));
        let mut book = BTreeMap::new();
        assert_eq!(reply(&mut book, &charge("tok_threeDSecure"), START), Ok(Said::RequiresAction));
        assert_eq!(reply(&mut book, &of(KEY, What::Void), START), Ok(Said::Voided));
        assert_eq!(reply(&mut book, &of(KEY, What::Complete), START), Ok(Said::Voided));
    }

    #[test]
    fn a_charge_is_given_back_once_for_each_key_and_never_beyond_itself() {
        let mut book = BTreeMap::new();
        let back =
            |key, minor| of(Uuid::from_u128(key), What::Refund { charge: KEY, amount: usd(minor) });
        assert_eq!(reply(&mut book, &back(2, 60), START), Ok(Said::NotFound));
        assert_eq!(reply(&mut book, &charge("tok_visa"), START), Ok(Said::Captured));
        assert_eq!(reply(&mut book, &back(2, 60), START), Ok(Said::Refunded));
        assert_eq!(reply(&mut book, &back(2, 60), START), Ok(Said::Refunded));
        let refused = Ok(Said::Declined("refund_refused".to_owned()));
        assert_eq!(reply(&mut book, &back(3, 41), START), refused);
        assert_eq!(reply(&mut book, &back(4, 40), START), Ok(Said::Refunded));
        assert_eq!(book[&KEY].refunded, 100);
    }
}
