//! Authors, genres and categories.
use super::rows::name;
use super::shelf_named;
use crate::product::{Shelf, is_slug, name_key, shelf_key, slug_of, suffixed};
use contracts::catalog::Named;
use kit::db::insert_all;
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, PaginatorTrait, QueryOrder, QuerySelect};
use std::collections::{BTreeMap, BTreeSet};

/// A shelf's place among the three, and the key of a name on it.
pub type NameKey = (&'static str, String);

/// The ids of `wanted` (shelf and key, with the name as it was written); new ones are made.
/// The change log is locked, so that nobody else makes one meanwhile.
pub async fn name_ids(
    wave: &Wave,
    wanted: BTreeMap<NameKey, String>,
) -> Result<BTreeMap<NameKey, Uuid>, Unexpected> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let keys: BTreeSet<&str> = wanted.keys().map(|(_, key)| key.as_str()).collect();
    let rows =
        name::Entity::find().filter(name::Column::NameKey.is_in(keys)).all(wave.tx()).await?;
    let mut ids: BTreeMap<NameKey, Uuid> = BTreeMap::new();
    for row in rows {
        if let Some(shelf) = shelf_named(&row.shelf) {
            ids.insert((shelf_key(shelf), row.name_key), row.id);
        }
    }
    let new: Vec<(NameKey, String)> =
        wanted.into_iter().filter(|(key, _)| !ids.contains_key(key)).collect();
    if new.is_empty() {
        return Ok(ids);
    }
    let slugs: BTreeSet<String> = new.iter().map(|(_, name)| slug_of(name)).collect();
    let taken = name::Entity::find().filter(name::Column::Slug.is_in(slugs)).all(wave.tx()).await?;
    let mut taken: BTreeSet<(String, String)> =
        taken.into_iter().map(|row| (row.shelf, row.slug)).collect();
    let mut rows = Vec::with_capacity(new.len());
    for ((shelf, key), written) in new {
        let id: Uuid = wave.id();
        let slug = slug_of(&written);
        let free = taken.insert((shelf.to_owned(), slug.clone()));
        rows.push(name::ActiveModel {
            id: Set(id),
            shelf: Set(shelf.to_owned()),
            slug: Set(if free { slug } else { suffixed(&slug, id) }),
            name: Set(written),
            name_key: Set(key.clone()),
        });
        ids.insert((shelf, key), id);
    }
    insert_all(wave.tx(), rows).await?;
    Ok(ids)
}

/// The id of the author, genre or category that `text` names by id, slug or name.
pub async fn find_name(
    db: &impl ConnectionTrait,
    shelf: Shelf,
    text: &str,
) -> Result<Option<Uuid>, Unexpected> {
    let on_shelf = name::Entity::find().filter(name::Column::Shelf.eq(shelf_key(shelf)));
    if let Ok(id) = Uuid::parse_str(text) {
        return Ok(on_shelf.filter(name::Column::Id.eq(id)).one(db).await?.map(|row| row.id));
    }
    if is_slug(text) {
        let by_slug = on_shelf.clone().filter(name::Column::Slug.eq(text)).one(db).await?;
        if let Some(row) = by_slug {
            return Ok(Some(row.id));
        }
    }
    // PostgreSQL takes no NUL in a text, and no name has one.
    if text.contains('\0') {
        return Ok(None);
    }
    let by_name = on_shelf.filter(name::Column::NameKey.eq(name_key(text)));
    Ok(by_name.one(db).await?.map(|row| row.id))
}

/// A page of a shelf by name, and how many names it has.
pub async fn list_names(
    db: &impl ConnectionTrait,
    shelf: Shelf,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Named<Uuid>>, u64), Unexpected> {
    let on_shelf = name::Entity::find().filter(name::Column::Shelf.eq(shelf_key(shelf)));
    let total = on_shelf.clone().count(db).await?;
    let rows =
        on_shelf.order_by_asc(name::Column::NameKey).offset(offset).limit(limit).all(db).await?;
    let named = |row: name::Model| Named { id: row.id, slug: row.slug, name: row.name };
    Ok((rows.into_iter().map(named).collect(), total))
}
