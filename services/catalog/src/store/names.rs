//! Authors, genres and categories, by name.
use super::rows::{category_above, change_log, name};
use super::shelf_named;
use super::slugs::{SlugOf, old_slugs_among, slug_owner};
use crate::product::{SHELVES, Shelf, is_slug, name_key, shelf_key, slug_of, squeezed, suffixed};
use contracts::catalog::ShelfEntry;
use kit::db::{Among as _, Change, Kind, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, PaginatorTrait, QueryOrder, QuerySelect};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A shelf's place among the three, and the key of a name on it.
pub type NameKey = (&'static str, String);

/// A name that is new: where it stands, and what it is part of.
pub(super) struct New {
    pub id: Uuid,
    pub shelf: &'static str,
    pub key: String,
    pub written: String,
    /// A free one that was chosen; none derives it from the name.
    pub slug: Option<String>,
    pub parent: Option<Uuid>,
}

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
    // Both columns of the index: there may be a million names.
    let rows = name::Entity::find()
        .filter(name::Column::Shelf.is_in(SHELVES.map(shelf_key)))
        .filter(name::Column::NameKey.among(keys))
        .all(wave.tx())
        .await?;
    let mut ids: BTreeMap<NameKey, Uuid> = BTreeMap::new();
    for row in rows {
        if let Some(shelf) = shelf_named(&row.shelf) {
            ids.insert((shelf_key(shelf), row.name_key), row.id);
        }
    }
    let mut new = Vec::new();
    for ((shelf, key), written) in wanted {
        if let std::collections::btree_map::Entry::Vacant(free) = ids.entry((shelf, key.clone())) {
            let id = *free.insert(wave.id());
            new.push(New { id, shelf, key, written, slug: None, parent: None });
        }
    }
    insert_names(wave, new).await?;
    Ok(ids)
}

/// The ids of the categories at the ends of `paths`: each path has names from an outermost
/// category down to the one that is meant. What is missing is made where the path says; what is
/// there is found by its name alone, and stays where it is, for staff may have moved it. Empty
/// names are passed over. The change log is locked.
pub async fn category_paths(
    wave: &Wave,
    paths: &BTreeSet<Vec<String>>,
) -> Result<BTreeMap<Vec<String>, Uuid>, Unexpected> {
    let keys: BTreeSet<String> = paths.iter().flatten().map(|name| name_key(name)).collect();
    let known = name::Entity::find()
        .select_only()
        .columns([name::Column::NameKey])
        .columns([name::Column::Id])
        .filter(name::Column::Shelf.eq(shelf_key(Shelf::Categories)))
        .filter(name::Column::NameKey.among(keys));
    let known: Vec<(String, Uuid)> = known.into_tuple().all(wave.tx()).await?;
    let mut ids: BTreeMap<String, Uuid> = known.into_iter().collect();
    let mut above = above_of(wave.tx(), ids.values().copied()).await?;
    // A path that says where a category stands comes before one that only names it.
    let mut longest: Vec<&Vec<String>> = paths.iter().collect();
    longest.sort_by_key(|path| Reverse(path.len()));
    let (mut new, mut places) = (Vec::new(), Vec::new());
    for name in longest.iter().flat_map(|path| with_parents(path)) {
        let (parent, written, key) = name;
        if ids.contains_key(&key) {
            continue;
        }
        let (id, parent) = (wave.id::<Uuid>(), parent.and_then(|key| ids.get(&key).copied()));
        let mut all = parent.and_then(|parent| above.get(&parent).cloned()).unwrap_or_default();
        all.extend(parent);
        places.extend(all.iter().map(|above| place(id, *above)));
        above.insert(id, all);
        ids.insert(key.clone(), id);
        let shelf = shelf_key(Shelf::Categories);
        new.push(New { id, shelf, key, written, slug: None, parent });
    }
    insert_names(wave, new).await?;
    insert_all(wave.tx(), places).await?;
    let last = |path: &Vec<String>| -> Option<Uuid> {
        let key = path.iter().map(|name| name_key(name)).rfind(|key| !key.is_empty());
        ids.get(&key?).copied()
    };
    Ok(paths.iter().filter_map(|path| Some((path.clone(), last(path)?))).collect())
}

/// The names of a path, each with the key of the one that it is part of and its own.
fn with_parents(path: &[String]) -> Vec<(Option<String>, String, String)> {
    let mut parent = None;
    let mut named = Vec::with_capacity(path.len());
    for name in path {
        let key = name_key(name);
        if !key.is_empty() {
            named.push((parent.replace(key.clone()), squeezed(name), key));
        }
    }
    named
}

pub(super) const fn place(category: Uuid, above: Uuid) -> category_above::ActiveModel {
    category_above::ActiveModel { category_id: Set(category), above_id: Set(above) }
}

/// All categories above each of `ids`.
pub(super) async fn above_of(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, BTreeSet<Uuid>>, Unexpected> {
    let ids: Vec<Uuid> = ids.collect();
    let mut above: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    if ids.is_empty() {
        return Ok(above);
    }
    let found =
        category_above::Entity::find().filter(category_above::Column::CategoryId.among(ids));
    for row in found.all(db).await? {
        above.entry(row.category_id).or_default().insert(row.above_id);
    }
    Ok(above)
}

/// Inserts names, with free slugs and the next numbers.
pub(super) async fn insert_names(wave: &Wave, new: Vec<New>) -> Result<(), Unexpected> {
    if new.is_empty() {
        return Ok(());
    }
    let slugs: BTreeSet<String> = new.iter().map(|new| slug_of(&new.written)).collect();
    let mut taken = taken_on_shelves(wave, &slugs).await?;
    let first = next_numbers(wave, new.len()).await?;
    let mut rows = Vec::with_capacity(new.len());
    for (number, new) in (first..).zip(new) {
        let derived = slug_of(&new.written);
        // A slug that reads as an id would hide behind it.
        let free = Uuid::parse_str(&derived).is_err() && taken.insert((new.shelf, derived.clone()));
        let derived = if free { derived } else { suffixed(&derived, new.id) };
        rows.push(name::ActiveModel {
            id: Set(new.id),
            shelf: Set(new.shelf.to_owned()),
            slug: Set(new.slug.unwrap_or(derived)),
            name: Set(new.written),
            name_key: Set(new.key),
            parent_id: Set(new.parent),
            number: Set(Some(number)),
            version: Set(1),
        });
    }
    insert_all(wave.tx(), rows).await?;
    Ok(())
}

/// Which of `slugs` are taken or reserved, by shelf.
async fn taken_on_shelves(
    wave: &Wave,
    slugs: &BTreeSet<String>,
) -> Result<BTreeSet<(&'static str, String)>, Unexpected> {
    let used = name::Entity::find()
        .filter(name::Column::Shelf.is_in(SHELVES.map(shelf_key)))
        .filter(name::Column::Slug.among(slugs))
        .all(wave.tx())
        .await?;
    let mut taken: BTreeSet<(&'static str, String)> = BTreeSet::new();
    for row in used {
        taken.extend(shelf_named(&row.shelf).map(|shelf| (shelf_key(shelf), row.slug)));
    }
    for shelf in SHELVES {
        let old = old_slugs_among(wave, SlugOf::Shelf(shelf), slugs).await?;
        taken.extend(old.into_iter().map(|slug| (shelf_key(shelf), slug)));
    }
    Ok(taken)
}

/// The first of `count` numbers that no name has or had. The change log is locked.
async fn next_numbers(wave: &Wave, count: usize) -> Result<i64, Unexpected> {
    let count = i64::try_from(count).map_err(Unexpected::from_error)?;
    let row = change_log::Entity::find_by_id(1).one(wave.tx()).await?;
    let last = row.ok_or_else(|| Unexpected::new("the change log has no row"))?.last_name;
    change_log::Entity::update_many()
        .col_expr(change_log::Column::LastName, Expr::value(last + count))
        .exec(wave.tx())
        .await?;
    Ok(last + 1)
}

/// Numbers names that an older release made. The change log is locked.
pub async fn number_names(wave: &Wave) -> Result<(), Unexpected> {
    let bare = name::Entity::find()
        .select_only()
        .column(name::Column::Id)
        .filter(name::Column::Number.is_null())
        .order_by_asc(name::Column::Id);
    let bare: Vec<Uuid> = bare.into_tuple().all(wave.tx()).await?;
    if bare.is_empty() {
        return Ok(());
    }
    let first = next_numbers(wave, bare.len()).await?;
    let rows = (first..).zip(bare).map(|(number, id)| vec![id.into(), number.into()]);
    SetUpdate::of("names")
        .key("id", Kind::Id)
        .change(Change::To("number"), Kind::Int)
        .run(wave.tx(), rows.collect())
        .await?;
    Ok(())
}

/// What products can be filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundName {
    /// The author, genre or category.
    pub id: Uuid,
    /// Which of them.
    pub shelf: Shelf,
    /// Its number in the search index; none until this release has given it one.
    pub number: Option<i64>,
}

/// The author, genre or category that `text` names by id, slug, old slug or name.
pub async fn find_name(
    db: &impl ConnectionTrait,
    shelf: Shelf,
    text: &str,
) -> Result<Option<FoundName>, Unexpected> {
    let on_shelf = name::Entity::find().filter(name::Column::Shelf.eq(shelf_key(shelf)));
    let by_id = |id: Uuid| on_shelf.clone().filter(name::Column::Id.eq(id));
    let found = |row: name::Model| FoundName { id: row.id, shelf, number: row.number };
    if let Ok(id) = Uuid::parse_str(text) {
        return Ok(by_id(id).one(db).await?.map(found));
    }
    if is_slug(text)
        && let Some(owner) = slug_owner(db, SlugOf::Shelf(shelf), text).await?
    {
        return Ok(by_id(owner).one(db).await?.map(found));
    }
    // PostgreSQL takes no NUL in a text, and no name has one.
    if text.contains('\0') {
        return Ok(None);
    }
    let by_name = on_shelf.clone().filter(name::Column::NameKey.eq(name_key(text)));
    Ok(by_name.one(db).await?.map(found))
}

pub(super) fn entry(row: name::Model) -> ShelfEntry {
    ShelfEntry { id: row.id, slug: row.slug, name: row.name, parent: row.parent_id }
}

/// A page of a shelf by name, and how many names it has.
pub async fn list_names(
    db: &impl ConnectionTrait,
    shelf: Shelf,
    offset: u64,
    limit: u64,
) -> Result<(Vec<ShelfEntry>, u64), Unexpected> {
    let on_shelf = name::Entity::find().filter(name::Column::Shelf.eq(shelf_key(shelf)));
    let total = on_shelf.clone().count(db).await?;
    let rows =
        on_shelf.order_by_asc(name::Column::NameKey).offset(offset).limit(limit).all(db).await?;
    Ok((rows.into_iter().map(entry).collect(), total))
}

/// The path of each of the categories `ids`: the outermost first, itself last. Two statements.
pub async fn category_trails(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, Vec<ShelfEntry>>, Unexpected> {
    let ids: BTreeSet<Uuid> = ids.into_iter().collect();
    let above = above_of(db, ids.iter().copied()).await?;
    let mut all: BTreeSet<Uuid> = above.into_values().flatten().collect();
    all.extend(&ids);
    if all.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = name::Entity::find().filter(name::Column::Id.among(all)).all(db).await?;
    let entries: BTreeMap<Uuid, ShelfEntry> =
        rows.into_iter().map(|row| (row.id, entry(row))).collect();
    let trail = |id: Uuid| {
        let mut trail: Vec<ShelfEntry> = Vec::new();
        let mut next = entries.get(&id);
        // As many steps as there are entries, should the two statements ever disagree.
        while let Some(entry) = next.filter(|_| trail.len() < entries.len()) {
            trail.push(entry.clone());
            next = entry.parent.and_then(|parent| entries.get(&parent));
        }
        trail.reverse();
        trail
    };
    Ok(ids.into_iter().filter(|id| entries.contains_key(id)).map(|id| (id, trail(id))).collect())
}
