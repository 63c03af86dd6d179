//! The worker that asks the card provider. No transaction is open while it asks: it takes due
//! attempts on lease and commits, asks, and commits what was said.
use crate::Payments;
use crate::attempt::{Attempt, Purpose, Step};
use crate::sandbox::{Lost, Said, Sandbox};
use crate::settle::Outcome;
use crate::store::{Sheet, reads};
use contracts::Timestamp;
use futures_util::future::join_all;
use kit::Unexpected;
use kit::wave::{NotRun, Wave};
use kit::worker::Worked;

/// The worker's name.
pub const WORKER: &str = "provider";
/// How many attempts are taken on at a time.
const MOST: u64 = 200;

/// One turn: whatever is due.
/// # Errors
/// When the database fails. What was asked and not committed is asked about when its lease ends.
pub async fn turn(payments: &Payments) -> Result<Worked, Unexpected> {
    if !reads::is_any_due(payments.db.reader(), payments.sources.now()).await? {
        return Ok(Worked::Idle);
    }
    let taken = payments.waves.write((), |wave, ()| Box::pin(take_due(wave))).await;
    let taken = match taken {
        Err(NotRun::Stopped) => return Ok(Worked::Idle),
        other => other.map_err(Unexpected::from_error)?,
    };
    if taken.is_empty() {
        return Ok(Worked::Idle);
    }
    let outcomes = join_all(taken.into_iter().map(|attempt| ask(&payments.sandbox, attempt))).await;
    for settled in payments.settle.run_all(outcomes).await {
        settled.map_err(Unexpected::from_error)?;
    }
    Ok(Worked::More)
}

/// Takes due attempts on lease.
/// # Errors
/// When the database fails.
pub async fn take_due(wave: &mut Wave) -> Result<Vec<Attempt>, Unexpected> {
    let mut sheet = Sheet::default();
    sheet.load_due_attempts(wave, MOST).await?;
    let keys: Vec<_> = sheet.attempts.iter().map(|attempt| attempt.id).collect();
    for key in keys {
        if let Some(attempt) = sheet.attempts.get_mut(key) {
            attempt.lease(wave.now());
        }
    }
    let taken = sheet.attempts.iter().cloned().collect();
    sheet.save(wave).await?;
    Ok(taken)
}

/// Ends all leases: for a store that restarts alone, where whoever held them is gone.
/// # Errors
/// When the database fails.
pub async fn free_leases(wave: &mut Wave) -> Result<(), Unexpected> {
    let mut sheet = Sheet::default();
    sheet.load_leased_attempts(wave).await?;
    let keys: Vec<_> = sheet.attempts.iter().map(|attempt| attempt.id).collect();
    for key in keys {
        if let Some(attempt) = sheet.attempts.get_mut(key) {
            attempt.leased_until = Timestamp::from_micros(0);
        }
    }
    sheet.save(wave).await
}

/// Asks the provider for one attempt that is on lease. A charge or a refund that was tried
/// before is asked about first; only a key that the provider does not know is used again.
pub async fn ask(sandbox: &Sandbox, attempt: Attempt) -> Outcome {
    let key = attempt.id;
    let is_first = attempt.tries <= 1;
    let said = match attempt.step {
        Step::Complete => sandbox.complete(key).await,
        Step::Void => sandbox.void(key).await,
        Step::Charge | Step::Refund if is_first => act(sandbox, &attempt).await,
        Step::Charge | Step::Refund => match sandbox.status(key).await {
            Ok(Said::NotFound) => act(sandbox, &attempt).await,
            known => known,
        },
    };
    let said = match said {
        // Most answers that get lost are found by asking once.
        Err(lost) => sandbox.status(key).await.map_err(|_| lost),
        said => said,
    };
    Outcome { attempt, said }
}

async fn act(sandbox: &Sandbox, attempt: &Attempt) -> Result<Said, Lost> {
    match attempt.purpose {
        Purpose::Refund { charge, .. } => sandbox.refund(attempt.id, charge, attempt.amount).await,
        Purpose::Payment(_) | Purpose::TopUp(_) => {
            let token = attempt.token.clone().unwrap_or_default();
            sandbox.charge(attempt.id, attempt.amount, token).await
        }
    }
}
