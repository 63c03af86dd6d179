//! Carts that nobody touched for long, and those of accounts that are gone, are forgotten.
use crate::Carts;
use crate::store;
use contracts::cart::CartExpired;
use contracts::identity::AccountErased;
use contracts::{AccountId, Timestamp};
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;
use std::time::Duration;

/// The most carts that one wave forgets.
const MOST: u64 = 200;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Before which time a cart has to have been touched last to be forgotten.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// A guest's, and one that was merged.
    guest: Timestamp,
    /// An account's.
    account: Timestamp,
}

/// One turn of the worker: forgets some carts, and tells of each.
/// # Errors
/// When the database fails.
pub async fn expire_carts(carts: &Carts) -> Result<Worked, Unexpected> {
    let now = carts.sources.now();
    let ago = |days: u32| now.before(DAY.saturating_mul(days));
    let limits =
        Limits { guest: ago(carts.kept_for.guest_days), account: ago(carts.kept_for.account_days) };
    let due = store::due(carts.db.reader(), limits.guest, limits.account, MOST).await?;
    if due.is_empty() {
        return Ok(Worked::Idle);
    }
    let full = u64::try_from(due.len()).unwrap_or(u64::MAX) >= MOST;
    let expired = carts.waves.write((limits, due), |wave, (limits, due)| {
        Box::pin(async move {
            // Locked and looked at again: a cart that was touched meanwhile stays.
            let gone = store::lock_due(wave, due, limits.guest, limits.account).await?;
            store::delete(wave, &gone).await?;
            // A merged cart lives on in another one: that it is forgotten is no news.
            for kept in gone.iter().filter(|kept| kept.merged_into.is_none()) {
                let fact = CartExpired { cart: kept.id, account: kept.account };
                wave.tell(kept.cart.version + 1, fact)?;
            }
            Ok(())
        })
    });
    expired.await.map_err(Unexpected::from_error)?;
    Ok(if full { Worked::More } else { Worked::Idle })
}

/// Forgets the carts of accounts that were erased. One that is gone already is passed over.
/// # Errors
/// When the database fails.
pub async fn forget_accounts(
    wave: &mut Wave,
    heard: &[Heard<AccountErased>],
) -> Result<(), Unexpected> {
    let accounts: Vec<AccountId> = heard.iter().map(|heard| heard.event.account).collect();
    let gone = store::lock(wave, accounts, Vec::new()).await?;
    store::delete(wave, &gone).await
}
