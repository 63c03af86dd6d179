//! How often one account may be tried: passwords that are wrong, letters that are asked for.
//!
//! The gateway limits each address that asks; whoever has many addresses is limited here, by what
//! is asked about. Counted alike for accounts that exist and for those that do not. In memory:
//! each replica counts for itself, and a restart forgets.
use crate::password::NotHashed;
use contracts::{CallError, Timestamp};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use kit::wave::NotRun;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Passwords that were wrong: guesses.
    Password,
    /// Letters to one address that somebody asked for.
    Letter,
    /// Uses of one link.
    Link,
}

impl Kind {
    /// How many may come at once, and how long it takes until one more may.
    const fn quota(self) -> (u32, Duration) {
        match self {
            Self::Password => (10, Duration::from_secs(30)),
            Self::Letter => (5, Duration::from_secs(120)),
            Self::Link => (10, Duration::from_secs(60)),
        }
    }
}

/// It was tried too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tried too often; once more in {seconds} s")]
pub struct TooOften {
    /// Until the next try may be made.
    pub seconds: u32,
}

/// After so many tries, those that are long ago are forgotten.
const FORGET_EVERY: u32 = 1024;

/// By what was tried: when all tries of now will have been paid back (GCRA).
#[derive(Default)]
struct Counted {
    until: BTreeMap<(Kind, String), Timestamp>,
    tries: u32,
}

/// Counts tries.
pub struct Tries(Option<Mutex<Counted>>);

impl Tries {
    /// A counter; one that refuses nothing where limits are switched off.
    pub fn new(limited: bool) -> Self {
        Self(limited.then(Mutex::default))
    }
    /// Counts one more try at `what`.
    /// # Errors
    /// When there were too many.
    pub fn take(&self, kind: Kind, what: &str, now: Timestamp) -> Result<(), TooOften> {
        let Some(counted) = &self.0 else { return Ok(()) };
        let mut counted = counted.lock();
        counted.tries = counted.tries.wrapping_add(1);
        if counted.tries.is_multiple_of(FORGET_EVERY) {
            counted.until.retain(|_, until| *until > now);
        }
        let (burst, each) = kind.quota();
        let until = counted.until.entry((kind, what.to_owned())).or_insert(now);
        let next = (*until).max(now).after(each);
        let most = now.after(each * burst);
        if next > most {
            let wait = next.since(most);
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            return Err(TooOften { seconds: seconds.saturating_add(1) });
        }
        *until = next;
        Ok(())
    }
    /// It was no guess: the try does not count.
    pub fn give_back(&self, kind: Kind, what: &str) {
        let Some(counted) = &self.0 else { return };
        if let Some(until) = counted.lock().until.get_mut(&(kind, what.to_owned())) {
            *until = until.before(kind.quota().1);
        }
    }
    /// Begins anew for `what`.
    pub fn forget(&self, kind: Kind, what: &str) {
        let Some(counted) = &self.0 else { return };
        counted.lock().until.remove(&(kind, what.to_owned()));
    }
}

/// How a use case that counts tries ends when it does not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried<E> {
    /// Nothing was looked at.
    TooOften(TooOften),
    /// As every call.
    Call(CallError<E>),
}

impl<E> Tried<E> {
    /// The domain said no.
    pub const fn refused(refusal: E) -> Self {
        Self::Call(CallError::Refused(refusal))
    }
    /// As the call answers it.
    pub fn call(self) -> CallError<E> {
        match self {
            Self::TooOften(why) => CallError::NotDone(why.to_string()),
            Self::Call(error) => error,
        }
    }
    /// As a route answers it: 429 `rate_limited` where it was tried too often.
    pub fn problem(self, refusal: impl FnOnce(E) -> Problem) -> Problem {
        match self {
            Self::TooOften(TooOften { seconds }) => Problem::rate_limited(seconds),
            Self::Call(error) => {
                let answer: HttpResult<()> = Err(error).or_problem(refusal);
                answer.err().unwrap_or_else(Problem::internal)
            }
        }
    }
}
impl<E> From<TooOften> for Tried<E> {
    fn from(why: TooOften) -> Self {
        Self::TooOften(why)
    }
}
impl<E> From<CallError<E>> for Tried<E> {
    fn from(error: CallError<E>) -> Self {
        Self::Call(error)
    }
}
impl<E> From<NotRun> for Tried<E> {
    fn from(why: NotRun) -> Self {
        Self::Call(why.into())
    }
}
impl<E> From<NotHashed> for Tried<E> {
    fn from(why: NotHashed) -> Self {
        Self::Call(why.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
    fn later(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    #[test]
    fn ten_guesses_may_come_at_once_and_then_one_each_half_minute() {
        let tries = Tries::new(true);
        let take = |what: &str, now| tries.take(Kind::Password, what, now);
        for _ in 0..10 {
            assert_eq!(take("ada", NOW), Ok(()));
        }
        assert_eq!(take("ada", NOW), Err(TooOften { seconds: 31 }));
        assert_eq!(take("eve", NOW), Ok(()), "another account");
        assert_eq!(tries.take(Kind::Letter, "ada", NOW), Ok(()), "another kind");
        assert_eq!(take("ada", later(29)), Err(TooOften { seconds: 2 }));
        assert_eq!(take("ada", later(30)), Ok(()));
        assert!(take("ada", later(30)).is_err());
        tries.give_back(Kind::Password, "ada");
        assert_eq!(take("ada", later(30)), Ok(()), "it was no guess");
        tries.forget(Kind::Password, "ada");
        assert_eq!(take("ada", later(30)), Ok(()));
    }

    #[test]
    fn what_was_given_back_never_makes_room_for_more_than_a_burst() {
        let tries = Tries::new(true);
        for _ in 0..50 {
            assert_eq!(tries.take(Kind::Password, "ada", NOW), Ok(()));
            tries.give_back(Kind::Password, "ada");
        }
        tries.give_back(Kind::Password, "ada");
        let taken = (0..50).filter(|_| tries.take(Kind::Password, "ada", NOW).is_ok()).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn those_that_are_long_ago_are_forgotten() {
        let tries = Tries::new(true);
        for guess in 0..5000 {
            assert_eq!(tries.take(Kind::Password, &guess.to_string(), later(guess)), Ok(()));
        }
        assert!(tries.0.unwrap().lock().until.len() < 1100);
    }

    #[test]
    fn limits_can_be_switched_off() {
        let tries = Tries::new(false);
        assert!((0..50).all(|_| tries.take(Kind::Letter, "ada", NOW).is_ok()));
    }
}
