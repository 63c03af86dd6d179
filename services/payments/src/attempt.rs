//! An attempt at a provider: what is asked of it, under one key, until its answer is known. Pure.
//!
//! Its id is the provider's idempotency key. The row is committed before the provider is asked;
//! an answer that got lost is asked about under the same key.
use contracts::{Money, PaymentId, RefundId, Timestamp, TopUpId};
use std::time::Duration;
use uuid::Uuid;

/// How long whoever asks the provider has for it.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long to wait before an unknown outcome is asked about again, at first.
const SOON: Duration = Duration::from_secs(1);
/// How often it is asked about soon; then the pauses double.
const SOON_TRIES: i64 = 5;
/// The longest pause.
const LATEST: Duration = Duration::from_secs(300);
/// How long a refund that the provider declines is asked for again.
pub const REFUND_TRIED_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long to wait before it is asked for again, at first; then the pauses double.
const DECLINED_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause then.
const DECLINED_LATEST: Duration = Duration::from_secs(6 * 3600);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the money.
    Charge,
    /// The shopper confirmed it: take the money.
    Complete,
    /// Do not take it any more, or say that it was taken.
    Void,
    /// Give it back.
    Refund,
}

impl Step {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Complete => "complete",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
    /// The step of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Charge, Self::Complete, Self::Void, Self::Refund]
            .into_iter()
            .find(|step| step.as_str() == name)
    }
}

/// Whether somebody has to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// At `next_at`, unless somebody has it on lease.
    Due,
    /// Not before the shopper has confirmed it.
    Waiting,
    /// Never again.
    Done,
}

impl State {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Waiting => "waiting",
            Self::Done => "done",
        }
    }
    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Due, Self::Waiting, Self::Done].into_iter().find(|state| state.as_str() == name)
    }
}

/// What an attempt is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To pay an order.
    Payment(PaymentId),
    /// To fill a wallet.
    TopUp(TopUpId),
    /// To give back a payment, or a part of it.
    Refund {
        /// Of which payment.
        payment: PaymentId,
        /// Which refund.
        refund: RefundId,
        /// The key under which the provider charged.
        charge: Uuid,
    },
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The provider's idempotency key.
    pub id: Uuid,
    /// What is asked.
    pub step: Step,
    /// Whether somebody has to ask.
    pub state: State,
    /// What for.
    pub purpose: Purpose,
    /// How much.
    pub amount: Money,
    /// The card's token.
    pub token: Option<String>,
    /// How often somebody took it on.
    pub tries: i64,
    /// Until when somebody has it.
    pub leased_until: Timestamp,
    /// When to ask next.
    pub next_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Attempt {
    /// An attempt that is due at once.
    pub const fn new(
        id: Uuid,
        step: Step,
        purpose: Purpose,
        amount: Money,
        token: Option<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            step,
            state: State::Due,
            purpose,
            amount,
            token,
            tries: 0,
            leased_until: Timestamp::from_micros(0),
            next_at: now,
            created_at: now,
        }
    }
    /// Somebody takes it on.
    pub fn lease(&mut self, now: Timestamp) {
        self.tries += 1;
        self.leased_until = now.after(LEASE);
    }
    /// Its outcome is known.
    pub const fn finish(&mut self) {
        self.state = State::Done;
        self.leased_until = Timestamp::from_micros(0);
    }
    /// Its outcome is not known yet: asked about later.
    pub fn ask_again(&mut self, now: Timestamp) {
        self.leased_until = Timestamp::from_micros(0);
        if self.state == State::Due {
            self.next_at = now.after(pause(self.tries));
        }
    }
    /// The provider declined a refund. It is asked for again with growing pauses, as much of what
    /// stands in the way passes; true when that was tried long enough, and nobody asks any more.
    pub fn decline(&mut self, now: Timestamp) -> bool {
        if self.state != State::Due {
            return false;
        }
        self.leased_until = Timestamp::from_micros(0);
        if now.since(self.created_at) >= REFUND_TRIED_FOR {
            self.finish();
            return true;
        }
        let doublings = self.tries.saturating_sub(1).clamp(0, 16);
        let pause = DECLINED_PAUSE.saturating_mul(1 << doublings).min(DECLINED_LATEST);
        self.next_at = now.after(pause);
        false
    }
    /// The provider says that there is news of it: asked about now. One that nobody took on yet
    /// is due anyway.
    pub fn look_again(&mut self, now: Timestamp) {
        if self.state != State::Done && self.tries > 0 {
            (self.state, self.next_at) = (State::Due, now);
        }
    }
    /// The shopper has to confirm it, unless that happened, or nobody wants the money any more.
    pub fn wait_for_shopper(&mut self, now: Timestamp) {
        match (self.state, self.step) {
            (State::Due, Step::Charge) => {
                self.state = State::Waiting;
                self.leased_until = Timestamp::from_micros(0);
            }
            (State::Due, Step::Void) => {
                self.leased_until = Timestamp::from_micros(0);
                self.next_at = now;
            }
            _ => self.ask_again(now),
        }
    }
    /// The shopper confirmed it; false when nothing waits for that.
    pub fn complete(&mut self, now: Timestamp) -> bool {
        // Due again while it waits: it is only being asked about.
        let asked_about = self.state == State::Due && self.tries > 0;
        let completes = self.step == Step::Charge && (self.state == State::Waiting || asked_about);
        if completes {
            (self.state, self.step, self.next_at) = (State::Due, Step::Complete, now);
        }
        completes
    }
    /// Nobody wants the money any more. Where the provider may know of it, it is told, so that
    /// it either never takes the money or says that it did.
    pub fn void(&mut self, now: Timestamp) {
        if self.state == State::Done {
            return;
        }
        if self.tries == 0 {
            return self.finish();
        }
        (self.state, self.step, self.next_at) = (State::Due, Step::Void, now);
    }
}

/// The pause after so many tries.
fn pause(tries: i64) -> Duration {
    let doublings = tries.saturating_sub(SOON_TRIES).clamp(0, 16);
    SOON.saturating_mul(1 << doublings).min(LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;

    const START: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn attempt() -> Attempt {
        let purpose = Purpose::Payment(PaymentId(Uuid::from_u128(1)));
        let amount = Money::new(100, Currency::USD);
        Attempt::new(Uuid::from_u128(2), Step::Charge, purpose, amount, None, START)
    }

    #[test]
    fn an_attempt_that_nobody_took_on_is_simply_dropped() {
        let mut fresh = attempt();
        fresh.void(START);
        assert_eq!(fresh.state, State::Done);
    }

    #[test]
    fn one_that_the_provider_may_know_of_is_voided_there() {
        let mut asked = attempt();
        asked.lease(START);
        asked.void(START);
        assert_eq!((asked.state, asked.step), (State::Due, Step::Void));
        assert_eq!(asked.leased_until, START.after(LEASE), "whoever asks is left to end");
        asked.wait_for_shopper(START);
        assert_eq!((asked.state, asked.step, asked.next_at), (State::Due, Step::Void, START));
        asked.finish();
        asked.void(START);
        assert_eq!(asked.state, State::Done);
    }

    #[test]
    fn a_waiting_one_goes_on_once_the_shopper_confirmed() {
        let mut waiting = attempt();
        waiting.complete(START);
        assert_eq!(waiting.step, Step::Charge, "nothing to confirm yet");
        waiting.lease(START);
        waiting.wait_for_shopper(START);
        assert_eq!(waiting.state, State::Waiting);
        waiting.complete(START);
        assert_eq!((waiting.state, waiting.step), (State::Due, Step::Complete));
    }

    #[test]
    fn one_that_is_asked_about_meanwhile_goes_on_all_the_same() {
        let mut waiting = attempt();
        waiting.look_again(START);
        assert_eq!(waiting, attempt(), "nobody took it on yet");
        waiting.lease(START);
        waiting.wait_for_shopper(START);
        waiting.look_again(START.after(SOON));
        assert_eq!((waiting.state, waiting.next_at), (State::Due, START.after(SOON)));
        assert!(waiting.complete(START) && !waiting.complete(START));
        // Whoever asked about it brings the old answer.
        waiting.wait_for_shopper(START);
        assert_eq!((waiting.state, waiting.step), (State::Due, Step::Complete));
        waiting.finish();
        waiting.look_again(START);
        assert_eq!(waiting.state, State::Done);
    }

    #[test]
    fn a_declined_refund_is_asked_for_again_for_a_day_and_no_longer() {
        let mut refund = Attempt { step: Step::Refund, ..attempt() };
        let (mut now, mut pauses) = (START, Vec::new());
        loop {
            refund.lease(now);
            if refund.decline(now) {
                break;
            }
            assert_eq!(refund.leased_until, Timestamp::from_micros(0));
            pauses.push(refund.next_at.since(now).as_secs());
            now = refund.next_at;
        }
        assert!(pauses.starts_with(&[60, 120, 240, 480]), "{pauses:?}");
        assert!(pauses.is_sorted() && pauses.len() < 20, "{pauses:?}");
        assert_eq!(pauses.last(), Some(&(6 * 3600)));
        assert!(now.since(START) >= REFUND_TRIED_FOR);
        assert_eq!(refund.state, State::Done);
        assert!(!refund.decline(now), "once");
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        let mut unknown = attempt();
        unknown.lease(START);
        unknown.ask_again(START);
        assert_eq!(unknown.next_at, START.after(Duration::from_secs(1)));
        assert_eq!(unknown.leased_until, Timestamp::from_micros(0));
        assert_eq!(pause(6), Duration::from_secs(2));
        assert_eq!(pause(i64::MAX), LATEST);
        assert_eq!(pause(0), SOON);
    }

    #[test]
    fn names_are_read_back() {
        for step in [Step::Charge, Step::Complete, Step::Void, Step::Refund] {
            assert_eq!(Step::named(step.as_str()), Some(step));
        }
        for state in [State::Due, State::Waiting, State::Done] {
            assert_eq!(State::named(state.as_str()), Some(state));
        }
        assert_eq!((Step::named("x"), State::named("x")), (None, None));
    }
}
