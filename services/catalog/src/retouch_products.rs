//! After a name changed: its products are handed to the index again, a few hundred at a time, so
//! that renaming a category of a million products holds nobody up.
use crate::Catalog;
use crate::store::{self, ChangeLog};
use kit::problem::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;

/// The most products that one wave takes.
const MOST_AT_ONCE: u64 = 500;

/// A turn of the worker.
pub async fn turn(catalog: &Catalog) -> Result<Worked, Unexpected> {
    if !store::any_touched(catalog.db.reader()).await? {
        return Ok(Worked::Idle);
    }
    let retouched = catalog.waves.write((), |wave, ()| Box::pin(retouch_products(wave))).await;
    let more = retouched.map_err(Unexpected::from_error)?;
    Ok(if more { Worked::More } else { Worked::Idle })
}

/// Takes the next products; answers whether there may be more. Beside another replica it waits
/// for the change log, and then goes on where the other stopped.
/// # Errors
/// When the database fails.
pub async fn retouch_products(wave: &mut Wave) -> Result<bool, Unexpected> {
    let mut log = ChangeLog::lock(wave).await?;
    let more = store::retouch(wave, &mut log, MOST_AT_ONCE).await?;
    log.close(wave).await?;
    Ok(more)
}
