//! Tells staff what runs out: one letter for all that was heard since the last one, at most every
//! quarter of an hour. What is noted under a SKU twice is told once.
use crate::letter::{Facts, Kind, Letter};
use crate::{DIGEST_LOW_STOCK, Notifications, WRITE_LETTERS, store};
use contracts::identity::StaffContacts;
use contracts::inventory::LowStock;
use contracts::{AccountId, Caller};
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;
use std::time::Duration;

/// How long staff has peace after a digest.
const PEACE: Duration = Duration::from_secs(15 * 60);
/// The most SKUs of one digest; the others are in the next.
const MOST: u64 = 200;

/// Notes what runs out. Hearing it again notes the same once more, under the same SKU; a fact
/// that is older than what is noted changes nothing.
/// # Errors
/// When the database fails.
pub async fn note(wave: &mut Wave, heard: &[Heard<LowStock>]) -> Result<(), Unexpected> {
    store::low_stock::note(wave.tx(), heard).await?;
    wave.wake(DIGEST_LOW_STOCK);
    Ok(())
}

/// One turn of the worker: asks who is staff, and has the digest written to each.
///
/// Beside another worker: both may ask, but the row that says when the last digest was written is
/// locked and looked at again, so that one of them writes it.
/// # Errors
/// When the database fails.
pub async fn digest_low_stock(service: &Notifications) -> Result<Worked, Unexpected> {
    let before = service.sources.now().before(PEACE);
    if !store::low_stock::is_due(service.db.reader(), before).await? {
        return Ok(Worked::Idle);
    }
    let staff = match service.calls.call(&Caller::Store, StaffContacts).await {
        Ok(staff) => staff,
        Err(error) => {
            tracing::warn!(?error, "the digest of low stock waits for identity");
            return Ok(Worked::Idle);
        }
    };
    let staff: Vec<AccountId> = staff.into_iter().map(|contact| contact.account).collect();
    let written = service
        .waves
        .write(staff, |wave, staff: &Vec<AccountId>| Box::pin(write_digest(wave, staff)));
    written.await.map_err(Unexpected::from_error)?;
    Ok(Worked::Idle)
}

async fn write_digest(wave: &mut Wave, staff: &[AccountId]) -> Result<(), Unexpected> {
    let (now, before) = (wave.now(), wave.now().before(PEACE));
    let (low, told_at) = store::low_stock::take(wave.tx(), before, now, MOST).await?;
    if low.is_empty() || staff.is_empty() {
        return Ok(());
    }
    let mut letters = Vec::with_capacity(staff.len());
    for account in staff {
        let id: contracts::NotificationId = wave.id();
        letters.push(Letter {
            id,
            kind: Kind::LowStock,
            about: id.0,
            order: None,
            account: Some(*account),
            reason: None,
            was_paid: false,
            facts: Facts { low: low.clone(), ..Facts::default() },
            told_at,
            tries: 0,
        });
    }
    store::letters::insert(wave.tx(), &letters, now).await?;
    wave.wake(WRITE_LETTERS);
    Ok(())
}
