//! Make a category, an author or a genre, or change one.
use crate::Catalog;
use crate::product::{Shelf, squeezed};
use crate::shelf::{check, check_place, invalid};
use crate::store::{self, ChangeLog, SlugOf};
use contracts::caller::Permission;
use contracts::catalog::{SaveShelfEntry, ShelfChanged, ShelfEntry, ShelfRefused};
use contracts::{CallError, Caller};
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Answers the call.
pub async fn answer(
    catalog: &Catalog,
    caller: &Caller,
    call: SaveShelfEntry,
) -> Result<ShelfEntry, CallError<ShelfRefused>> {
    let saved = catalog.waves.write((caller.clone(), call), |wave, (caller, call)| {
        Box::pin(save_shelf_entry(wave, caller, call))
    });
    let saved = saved.await?.map_err(CallError::Refused);
    catalog.shown.drop_products();
    saved
}

type Decided<T> = Result<Result<T, ShelfRefused>, Unexpected>;

/// Saves the entry. The index learns the products of one that is called or stands otherwise
/// by and by.
/// # Errors
/// When the database fails.
pub async fn save_shelf_entry(
    wave: &mut Wave,
    caller: &Caller,
    command: &SaveShelfEntry,
) -> Decided<ShelfEntry> {
    if !caller.may(Permission::ManageCatalog) {
        return Ok(Err(ShelfRefused::NotAllowed));
    }
    if let Err(refused) = check(command) {
        return Ok(Err(refused));
    }
    // Names come and change under this lock only.
    let _log = ChangeLog::lock(wave).await?;
    if let Some(field) = taken(wave, command).await? {
        return Ok(Err(ShelfRefused::Taken { field: field.to_owned() }));
    }
    match command.id {
        None => make(wave, command).await,
        Some(id) => change(wave, id, command).await,
    }
}

/// The field of which another entry has what is asked for.
async fn taken(wave: &Wave, command: &SaveShelfEntry) -> Result<Option<&'static str>, Unexpected> {
    let another = |owner: Option<Uuid>| owner.is_some() && owner != command.id;
    if let Some(name) = &command.name
        && another(store::name_owner(wave.tx(), command.shelf, name).await?)
    {
        return Ok(Some("name"));
    }
    if let Some(slug) = &command.slug
        && another(store::slug_owner(wave.tx(), SlugOf::Shelf(command.shelf), slug).await?)
    {
        return Ok(Some("slug"));
    }
    Ok(None)
}

async fn make(wave: &mut Wave, command: &SaveShelfEntry) -> Decided<ShelfEntry> {
    let parent = command.parent.flatten();
    if let Some(parent) = parent
        && let Err(refused) = place(wave, None, parent).await?
    {
        return Ok(Err(refused));
    }
    let name = command.name.as_deref().unwrap_or_default();
    let slug = command.slug.clone();
    let entry = store::insert_entry(wave, command.shelf, name, slug, parent).await?;
    wave.tell(1, ShelfChanged { shelf: command.shelf, entry: entry.id })?;
    Ok(Ok(entry))
}

async fn change(wave: &mut Wave, id: Uuid, command: &SaveShelfEntry) -> Decided<ShelfEntry> {
    let found = store::shelf_entry(wave.tx(), command.shelf, id).await?;
    let Some((before, version)) = found else { return Ok(Err(ShelfRefused::NotFound)) };
    let mut after = before.clone();
    if let Some(name) = &command.name {
        after.name = squeezed(name);
    }
    if let Some(slug) = &command.slug {
        after.slug.clone_from(slug);
    }
    if let Some(parent) = command.parent {
        after.parent = parent;
    }
    if after == before {
        return Ok(Ok(before));
    }
    if let Some(parent) = after.parent.filter(|_| after.parent != before.parent)
        && let Err(refused) = place(wave, Some(id), parent).await?
    {
        return Ok(Err(refused));
    }
    store::change_entry(wave, command.shelf, &before, &after, version).await?;
    wave.wake("shelves");
    wave.tell(version + 1, ShelfChanged { shelf: command.shelf, entry: id })?;
    Ok(Ok(after))
}

/// Whether the category may stand below `parent`.
async fn place(wave: &Wave, category: Option<Uuid>, parent: Uuid) -> Decided<()> {
    let tx = wave.tx();
    if store::shelf_entry(tx, Shelf::Categories, parent).await?.is_none() {
        return Ok(Err(invalid("parent", "is no category")));
    }
    let above = store::above(tx, parent).await?;
    let below = match category {
        Some(category) => store::below(tx, category).await?,
        None => BTreeMap::new(),
    };
    Ok(check_place(category, parent, &above, &below))
}
