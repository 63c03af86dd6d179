//! Take a category, an author or a genre away from all products.
use crate::Catalog;
use crate::store::{self, ChangeLog};
use contracts::caller::Permission;
use contracts::catalog::{DeleteShelfEntry, ShelfChanged, ShelfRefused};
use contracts::{CallError, Caller};
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Answers the call.
pub async fn answer(
    catalog: &Catalog,
    caller: &Caller,
    call: DeleteShelfEntry,
) -> Result<(), CallError<ShelfRefused>> {
    let deleted = catalog.waves.write((caller.clone(), call), |wave, (caller, call)| {
        Box::pin(delete_shelf_entry(wave, caller, call))
    });
    let deleted = deleted.await?.map_err(CallError::Refused);
    catalog.shown.drop_products();
    deleted
}

/// Deletes the entry: nothing shows it any more. Its rows at products, of which there may be
/// very many, go by and by (see [`crate::retouch_products`]).
/// # Errors
/// When the database fails.
pub async fn delete_shelf_entry(
    wave: &mut Wave,
    caller: &Caller,
    command: &DeleteShelfEntry,
) -> Result<Result<(), ShelfRefused>, Unexpected> {
    if !caller.may(Permission::ManageCatalog) {
        return Ok(Err(ShelfRefused::NotAllowed));
    }
    // Names come and change under this lock only.
    let _log = ChangeLog::lock(wave).await?;
    let found = store::shelf_entry(wave.tx(), command.shelf, command.id).await?;
    let Some((entry, version)) = found else { return Ok(Err(ShelfRefused::NotFound)) };
    store::remove_entry(wave, &entry, version).await?;
    wave.wake("shelves");
    wave.tell(version + 1, ShelfChanged { shelf: command.shelf, entry: command.id })?;
    Ok(Ok(()))
}
