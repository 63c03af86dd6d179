//! What was changed by others is noticed: the change log is looked at twice a second, by whoever
//! asks first, and nothing is shown that was not looked after for a second. For prices, which a
//! checkout charges, it is looked at every time.
use crate::Catalog;
use crate::store;
use contracts::{ProductId, Timestamp};
use kit::clock::age;
use kit::problem::Unexpected;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Who finds that nobody has looked for so long waits until somebody has.
const LATE: Duration = Duration::from_secs(1);
/// What nobody could look after for so long is forgotten.
const GIVE_UP: Duration = Duration::from_secs(5);
/// So many changed products are forgotten one by one.
const FEW: u64 = 1_000;

/// Looks at the change log, unless that was done a moment ago. What is in memory is forgotten
/// where nobody could look for long: whoever asks then finds out whether the database answers.
pub async fn look(catalog: &Catalog, now: Timestamp) {
    let shown = &catalog.shown;
    let since = || {
        let looked = Timestamp::from_micros(shown.looked.load(Ordering::Acquire));
        age(looked, now)
    };
    let waited = since();
    if waited < LOOK_EVERY {
        return;
    }
    let _alone = if waited < LATE {
        let Ok(alone) = shown.looking.try_lock() else { return };
        alone
    } else {
        shown.looking.lock().await
    };
    if since() < LOOK_EVERY {
        return;
    }
    match read(catalog).await {
        Ok(()) => shown.looked.store(now.micros(), Ordering::Release),
        Err(error) => {
            tracing::warn!(%error, "the change log cannot be read");
            if waited >= GIVE_UP {
                shown.drop_products();
            }
        }
    }
}

/// Has the memory follow, for the worker of the index, which is woken by every change.
/// # Errors
/// When the database cannot be read.
pub async fn follow(catalog: &Catalog, last: i64) -> Result<(), Unexpected> {
    if catalog.shown.followed.load(Ordering::Acquire) == last {
        return Ok(());
    }
    let _alone = catalog.shown.looking.lock().await;
    read(catalog).await
}

/// Has the memory follow every change that was committed before this was called.
/// # Errors
/// When the database cannot be read.
pub async fn catch_up(catalog: &Catalog) -> Result<(), Unexpected> {
    let last = store::last_number(catalog.db.reader()).await?;
    follow(catalog, last).await
}

async fn read(catalog: &Catalog) -> Result<(), Unexpected> {
    let (db, shown) = (catalog.db.reader(), &catalog.shown);
    let (_, last) = store::last_change(db).await?;
    let followed = shown.followed.load(Ordering::Acquire);
    if last == followed {
        return Ok(());
    }
    let changed = match last > followed && followed >= 0 {
        true => store::changed_after(db, followed, FEW).await?,
        // Another database, or the first look.
        false => Vec::new(),
    };
    let few = !changed.is_empty() && u64::try_from(changed.len()).is_ok_and(|count| count < FEW);
    if few {
        changed.iter().for_each(|(id, _)| shown.drop_product(ProductId(*id)));
        shown.drop_names();
    } else {
        shown.drop_products();
    }
    shown.followed.store(last, Ordering::Release);
    Ok(())
}
