//! Time, chance and identity are handed in. Only `feria` holds a real clock.
use contracts::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// By how much the clocks of two requests may be read in another order than they came.
const JITTER: Duration = Duration::from_millis(100);

/// How long ago `at` was: for what is remembered. Where the clock was set back since, nobody knows.
pub fn age(at: Timestamp, now: Timestamp) -> Duration {
    if at <= now.after(JITTER) { now.since(at) } else { Duration::MAX }
}

/// Gives bytes that nobody can guess (or, in the simulation, that a seed decides).
pub trait Chance: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where a service gets time, chance and identity from.
#[derive(Clone)]
pub struct Sources {
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
}

impl Sources {
    /// From a clock and a source of chance.
    pub fn new(clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        Self { clock, chance }
    }
    /// Now, in UTC.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
    /// Fills `bytes` with chance.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.chance.fill(bytes);
    }
    /// A new id (UUIDv7, RFC 9562 §5.7): later ids sort behind earlier ones, by the millisecond.
    pub fn id<I: From<Uuid>>(&self) -> I {
        let mut bytes = [0; 10];
        self.chance.fill(&mut bytes);
        let millis = u64::try_from(self.now().micros() / 1000).unwrap_or(0);
        I::from(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
    /// 32 unguessable bytes, base64url: for tokens that are hashed at rest.
    pub fn token(&self) -> String {
        use base64::Engine as _;
        let mut bytes = [0; 32];
        self.chance.fill(&mut bytes);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// The smallest id of version 7 (RFC 9562) that is made at `time` or later.
pub fn first_id_at(time: Timestamp) -> Uuid {
    let millis = u128::try_from(time.micros().max(0) / 1_000).unwrap_or_default();
    Uuid::from_u128(millis << 80)
}
