//! The worker that gives up top-ups that nobody completes.
use crate::Payments;
use crate::provider;
use crate::store::{Sheet, reads, webhooks};
use kit::Unexpected;
use kit::wave::{NotRun, Wave};
use kit::worker::Worked;
use std::time::Duration;

/// The worker's name.
pub const WORKER: &str = "abandoned";
/// How often it looks.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long a top-up waits for its owner.
pub const WAITS: Duration = Duration::from_secs(3600);
/// How long messages of providers are remembered: they repeat them for some days at most.
const WEBHOOKS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many are given up at a time.
const MOST: u64 = 200;

/// One turn: the provider is told of what is given up, by its own worker, and decides: should
/// the money have been taken just then, it is credited.
/// # Errors
/// When the database fails.
pub async fn turn(payments: &Payments) -> Result<Worked, Unexpected> {
    let db = payments.db.reader();
    let now = payments.sources.now();
    let abandoned = reads::is_any_abandoned(db, now.before(WAITS)).await?;
    let forgotten = webhooks::is_any_before(db, now.before(WEBHOOKS_KEPT)).await?;
    if !abandoned && !forgotten {
        return Ok(Worked::Idle);
    }
    match payments.waves.write((), |wave, ()| Box::pin(void_abandoned(wave))).await {
        Ok(()) => Ok(Worked::More),
        Err(NotRun::Stopped) => Ok(Worked::Idle),
        Err(error) => Err(Unexpected::from_error(error)),
    }
}

async fn void_abandoned(wave: &mut Wave) -> Result<(), Unexpected> {
    webhooks::forget(wave, wave.now().before(WEBHOOKS_KEPT)).await?;
    let mut sheet = Sheet::default();
    sheet.load_abandoned_attempts(wave, wave.now().before(WAITS), MOST).await?;
    let keys: Vec<_> = sheet.attempts.iter().map(|attempt| attempt.id).collect();
    for key in keys {
        if let Some(attempt) = sheet.attempts.get_mut(key) {
            attempt.void(wave.now());
            wave.wake(provider::WORKER);
        }
    }
    sheet.save(wave).await
}
