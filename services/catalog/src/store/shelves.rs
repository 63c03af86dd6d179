//! The tree of categories, and changes of names that many products carry.
use super::ChangeLog;
use super::names::{New, above_of, entry, insert_names, place};
use super::rows::{category_above, name, product_name, touched_name};
use super::slugs::{SlugOf, free_slugs, reserve_slug};
use crate::product::{Shelf, name_key, shelf_key, squeezed};
use contracts::catalog::ShelfEntry;
use kit::db::{Among as _, Change, Kind, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, Condition, JoinType, QueryOrder, QuerySelect, QueryTrait};
use std::collections::{BTreeMap, BTreeSet};

/// How many ids one statement names: 500 products may have 75,000 names.
const MOST_LOOKED_UP: usize = 10_000;
/// The shelf of names that are deleted, until no product has them.
const GONE: &str = "gone";

/// The entry `id` of a shelf with its version.
pub async fn shelf_entry(
    db: &impl ConnectionTrait,
    shelf: Shelf,
    id: Uuid,
) -> Result<Option<(ShelfEntry, i64)>, Unexpected> {
    let row = name::Entity::find_by_id(id).filter(name::Column::Shelf.eq(shelf_key(shelf)));
    Ok(row.one(db).await?.map(|row| (row.version, row)).map(|(version, row)| (entry(row), version)))
}

/// Who is called `written` on the shelf.
pub async fn name_owner(
    db: &impl ConnectionTrait,
    shelf: Shelf,
    written: &str,
) -> Result<Option<Uuid>, Unexpected> {
    let found = name::Entity::find()
        .select_only()
        .column(name::Column::Id)
        .filter(name::Column::Shelf.eq(shelf_key(shelf)))
        .filter(name::Column::NameKey.eq(name_key(written)));
    Ok(found.into_tuple().one(db).await?)
}

/// The categories right below `parent` (none: the outermost ones), by name.
pub async fn children_of(
    db: &impl ConnectionTrait,
    parent: Uuid,
) -> Result<Vec<ShelfEntry>, Unexpected> {
    let children = name::Entity::find()
        .filter(name::Column::ParentId.eq(parent))
        .filter(name::Column::Shelf.eq(shelf_key(Shelf::Categories)))
        .order_by_asc(name::Column::NameKey);
    Ok(children.all(db).await?.into_iter().map(entry).collect())
}

/// All categories, by name.
pub async fn all_categories(db: &impl ConnectionTrait) -> Result<Vec<ShelfEntry>, Unexpected> {
    let all = name::Entity::find()
        .filter(name::Column::Shelf.eq(shelf_key(Shelf::Categories)))
        .order_by_asc(name::Column::NameKey);
    Ok(all.all(db).await?.into_iter().map(entry).collect())
}

/// The categories above `id`.
pub async fn above(db: &impl ConnectionTrait, id: Uuid) -> Result<BTreeSet<Uuid>, Unexpected> {
    Ok(above_of(db, std::iter::once(id)).await?.remove(&id).unwrap_or_default())
}

/// The categories below `id`, each with how deep it stands under it.
pub async fn below(
    db: &impl ConnectionTrait,
    id: Uuid,
) -> Result<BTreeMap<Uuid, usize>, Unexpected> {
    let below = category_above::Entity::find()
        .select_only()
        .column(category_above::Column::CategoryId)
        .filter(category_above::Column::AboveId.eq(id));
    let below: Vec<Uuid> = below.into_tuple().all(db).await?;
    let over = above(db, id).await?.len();
    let above = above_of(db, below.into_iter()).await?;
    Ok(above.into_iter().map(|(id, above)| (id, above.len().saturating_sub(over))).collect())
}

/// Makes a category, author or genre; all of it was checked. The change log is locked.
pub async fn insert_entry(
    wave: &Wave,
    shelf: Shelf,
    written: &str,
    slug: Option<String>,
    parent: Option<Uuid>,
) -> Result<ShelfEntry, Unexpected> {
    let id: Uuid = wave.id();
    let new = New {
        id,
        shelf: shelf_key(shelf),
        key: name_key(written),
        written: squeezed(written),
        slug,
        parent,
    };
    insert_names(wave, vec![new]).await?;
    put_below(wave, std::iter::once(id), parent).await?;
    let made = shelf_entry(wave.tx(), shelf, id).await?;
    Ok(made.ok_or_else(|| Unexpected::new("a new name is not there"))?.0)
}

/// Writes down that `ids` stand below `parent`, and below all that it is below.
async fn put_below(
    wave: &Wave,
    ids: impl Iterator<Item = Uuid>,
    parent: Option<Uuid>,
) -> Result<(), Unexpected> {
    let Some(parent) = parent else { return Ok(()) };
    let mut above = above(wave.tx(), parent).await?;
    above.insert(parent);
    let rows = ids.flat_map(|id| above.iter().map(move |above| place(id, *above)));
    insert_all(wave.tx(), rows.collect()).await?;
    Ok(())
}

/// Writes `after` over `before`, whose version it was. The change log is locked.
pub async fn change_entry(
    wave: &Wave,
    shelf: Shelf,
    before: &ShelfEntry,
    after: &ShelfEntry,
    version: i64,
) -> Result<(), Unexpected> {
    let row = name::ActiveModel {
        slug: Set(after.slug.clone()),
        name: Set(after.name.clone()),
        name_key: Set(name_key(&after.name)),
        parent_id: Set(after.parent),
        version: Set(version + 1),
        ..Default::default()
    };
    let it = name::Column::Id.eq(before.id);
    name::Entity::update_many().set(row).filter(it).exec(wave.tx()).await?;
    if after.slug != before.slug {
        let old = before.slug.clone();
        reserve_slug(wave, SlugOf::Shelf(shelf), before.id, old, &after.slug).await?;
    }
    if after.parent != before.parent {
        move_category(wave, before.id, after.parent).await?;
    }
    if after.parent != before.parent || after.name != before.name {
        touch(wave, vec![before.id]).await?;
    }
    Ok(())
}

/// Takes a category with all below it from where it stands, and puts it below `parent`.
async fn move_category(wave: &Wave, id: Uuid, parent: Option<Uuid>) -> Result<(), Unexpected> {
    let mut moved: Vec<Uuid> = below(wave.tx(), id).await?.into_keys().collect();
    moved.push(id);
    let above = above(wave.tx(), id).await?;
    category_above::Entity::delete_many()
        .filter(category_above::Column::CategoryId.among(moved.iter().copied()))
        .filter(category_above::Column::AboveId.among(above))
        .exec(wave.tx())
        .await?;
    put_below(wave, moved.into_iter(), parent).await
}

/// Takes an entry off its shelf: its children go to its parent, its slugs are free, and its
/// products let go of it by and by. The change log is locked.
pub async fn remove_entry(wave: &Wave, entry: &ShelfEntry, version: i64) -> Result<(), Unexpected> {
    let id = entry.id;
    let mut touched: Vec<Uuid> =
        children_of(wave.tx(), id).await?.into_iter().map(|child| child.id).collect();
    let free = id.simple().to_string();
    let row = name::ActiveModel {
        shelf: Set(GONE.to_owned()),
        slug: Set(free.clone()),
        name_key: Set(free),
        parent_id: Set(None),
        version: Set(version + 1),
        ..Default::default()
    };
    name::Entity::update_many().set(row).filter(name::Column::Id.eq(id)).exec(wave.tx()).await?;
    name::Entity::update_many()
        .col_expr(name::Column::ParentId, Expr::value(entry.parent))
        .filter(name::Column::ParentId.eq(id))
        .exec(wave.tx())
        .await?;
    let places = Condition::any()
        .add(category_above::Column::CategoryId.eq(id))
        .add(category_above::Column::AboveId.eq(id));
    category_above::Entity::delete_many().filter(places).exec(wave.tx()).await?;
    free_slugs(wave, id).await?;
    touched.push(id);
    touch(wave, touched).await
}

/// Has the index learn the products of `names` anew, from the first one on.
async fn touch(wave: &Wave, names: Vec<Uuid>) -> Result<(), Unexpected> {
    let again = touched_name::Column::NameId.among(names.iter().copied());
    touched_name::Entity::delete_many().filter(again).exec(wave.tx()).await?;
    let row = |id| touched_name::ActiveModel { name_id: Set(id), after_id: Set(None) };
    insert_all(wave.tx(), names.into_iter().map(row).collect()).await?;
    Ok(())
}

/// Whether there are products that the index has to learn anew for a name that changed.
pub async fn any_touched(db: &impl ConnectionTrait) -> Result<bool, Unexpected> {
    Ok(touched_name::Entity::find().limit(1).one(db).await?.is_some())
}

/// Gives at most `most` products of a name that changed a change of their own; those of a name
/// that is gone let go of it. Answers whether there may be more.
pub async fn retouch(wave: &Wave, log: &mut ChangeLog, most: u64) -> Result<bool, Unexpected> {
    let first = touched_name::Entity::find().order_by_asc(touched_name::Column::NameId).limit(1);
    let Some(touched) = first.one(wave.tx()).await? else { return Ok(false) };
    let id = touched.name_id;
    let row = name::Entity::find_by_id(id).one(wave.tx()).await?;
    let gone = row.as_ref().is_some_and(|row| row.shelf == GONE);
    let products = products_with(wave, id, touched.after_id, most).await?;
    let rows = products.iter().map(|product| vec![(*product).into(), log.next().into()]);
    SetUpdate::of("products")
        .key("id", Kind::Id)
        .change(Change::To("change_number"), Kind::Int)
        .run(wave.tx(), rows.collect())
        .await?;
    if gone {
        product_name::Entity::delete_many()
            .filter(product_name::Column::NameId.eq(id))
            .filter(product_name::Column::ProductId.among(products.iter().copied()))
            .exec(wave.tx())
            .await?;
    }
    let it = touched_name::Column::NameId.eq(id);
    if u64::try_from(products.len()).is_ok_and(|found| found >= most) {
        touched_name::Entity::update_many()
            .col_expr(touched_name::Column::AfterId, Expr::value(products.last().copied()))
            .filter(it)
            .exec(wave.tx())
            .await?;
        return Ok(true);
    }
    touched_name::Entity::delete_many().filter(it).exec(wave.tx()).await?;
    if gone {
        name::Entity::delete_many().filter(name::Column::Id.eq(id)).exec(wave.tx()).await?;
    }
    Ok(true)
}

/// The products after `after` that have the name, or a category below it.
async fn products_with(
    wave: &Wave,
    id: Uuid,
    after: Option<Uuid>,
    most: u64,
) -> Result<Vec<Uuid>, Unexpected> {
    let products = product_name::Entity::find()
        .select_only()
        .column(product_name::Column::ProductId)
        .distinct()
        .filter(named(id))
        .filter(
            Condition::all()
                .add_option(after.map(|after| product_name::Column::ProductId.gt(after))),
        )
        .order_by_asc(product_name::Column::ProductId)
        .limit(most);
    Ok(products.into_tuple().all(wave.tx()).await?)
}

/// Rows of products with the name itself, or with a category below it.
pub(super) fn named(id: Uuid) -> Condition {
    let below = category_above::Entity::find()
        .select_only()
        .column(category_above::Column::CategoryId)
        .filter(category_above::Column::AboveId.eq(id))
        .into_query();
    Condition::any()
        .add(product_name::Column::NameId.eq(id))
        .add(product_name::Column::NameId.in_subquery(below))
}

/// The slugs of the categories of `products` and of all above them, by product.
pub async fn category_slugs(
    db: &impl ConnectionTrait,
    products: BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, BTreeSet<String>>, Unexpected> {
    let stands = product_name::Entity::find()
        .select_only()
        .columns([product_name::Column::ProductId, product_name::Column::NameId])
        .join(
            JoinType::InnerJoin,
            product_name::Entity::belongs_to(name::Entity)
                .from(product_name::Column::NameId)
                .to(name::Column::Id)
                .into(),
        )
        .filter(name::Column::Shelf.eq(shelf_key(Shelf::Categories)))
        .filter(product_name::Column::ProductId.among(products));
    let stands: Vec<(Uuid, Uuid)> = stands.into_tuple().all(db).await?;
    let direct: BTreeSet<Uuid> = stands.iter().map(|(_, category)| *category).collect();
    let trails = super::category_trails(db, direct).await?;
    let mut slugs: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (product, category) in stands {
        let trail = trails.get(&category).into_iter().flatten();
        slugs.entry(product).or_default().extend(trail.map(|entry| entry.slug.clone()));
    }
    Ok(slugs)
}

/// The names with the numbers `numbers`.
pub async fn numbered(
    db: &impl ConnectionTrait,
    numbers: impl IntoIterator<Item = i64>,
) -> Result<BTreeMap<i64, ShelfEntry>, Unexpected> {
    let rows = name::Entity::find()
        .filter(name::Column::Number.among(numbers))
        .filter(name::Column::Shelf.ne(GONE));
    let numbered = |row: name::Model| Some((row.number?, entry(row)));
    Ok(rows.all(db).await?.into_iter().filter_map(numbered).collect())
}

/// The numbers of names, for the index.
pub async fn numbers_of(
    db: &impl ConnectionTrait,
    ids: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, u64>, Unexpected> {
    let ids: Vec<Uuid> = ids.iter().copied().collect();
    let mut numbers = BTreeMap::new();
    for ids in ids.chunks(MOST_LOOKED_UP) {
        let rows = name::Entity::find()
            .select_only()
            .columns([name::Column::Id, name::Column::Number])
            .filter(name::Column::Id.among(ids.iter().copied()));
        let rows: Vec<(Uuid, Option<i64>)> = rows.into_tuple().all(db).await?;
        let known = |(id, number): (Uuid, Option<i64>)| Some((id, u64::try_from(number?).ok()?));
        numbers.extend(rows.into_iter().filter_map(known));
    }
    Ok(numbers)
}
