//! The real clock and the real chance. Everything else in the house has them handed in.
use contracts::Timestamp;
use kit::clock::{Chance, Clock, Sources};
use rand::Rng as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time of this machine.
struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        // A machine whose clock stands before 1970 gets 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Bytes of a generator that is seeded, and seeded again, by the operating system.
struct OsChance;

impl Chance for OsChance {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Real time and real chance.
pub fn real() -> Sources {
    Sources::new(Arc::new(RealClock), Arc::new(OsChance))
}
