//! The catalogue's tables: what is read of products, and the log that numbers their changes.
mod names;
mod records;
mod reviews;
mod rows;
mod scores;
mod shelves;
mod slugs;
mod write;

pub use names::{
    FoundName, category_paths, category_trails, find_name, list_names, name_ids, number_names,
};
pub use records::{
    Change as RecordChange, Kept, KeptVariant, Known, Owner, imported_stars, insert_kept,
    known_products, listed_page, owners_of, replace_variants, sku_of_another, slug_owners,
    update_kept,
};
pub use reviews::{
    NewReview, Standing, count_stars, forget_accounts, insert_review, list_reviews, locked_review,
    reviews_by, set_review_status, skus_ever_of, standing,
};
pub use scores::{any_stale, cancelled, change as change_scores, counted, publish_scores};
pub use shelves::{
    above, all_categories, any_touched, below, category_slugs, change_entry, children_of,
    insert_entry, name_owner, numbered, numbers_of, remove_entry, retouch, shelf_entry,
};
pub use slugs::{SlugOf, rename_product, slug_owner, taken_slugs};
pub use write::{Row, insert_products, locked_product, replace_names, taken_skus, update_product};

use crate::product::{SHELVES, shelf_key, title_with};
use crate::queries::{Filter, Order};
use contracts::catalog::{Named, Priced, Product, Shelf, Variant};
use contracts::{Currency, Money, ProductId, Sku, Timestamp};
use kit::db::{Among as _, Change, Kind, Rows, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use rows::{availability, change_log, name, product, product_name, score, variant};
use sea_orm::entity::prelude::*;
use sea_orm::{
    ActiveValue::Set, Condition, JoinType, PaginatorTrait, QueryOrder, QuerySelect, QueryTrait,
};
use std::collections::{BTreeMap, BTreeSet};

/// A product as the database has it. `available` of it is 0 everywhere: only inventory knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The product.
    pub product: Product,
    /// By variant: whether inventory last said that it can be ordered.
    pub in_stock: Vec<bool>,
    /// Taken off the shelves.
    pub withdrawn: bool,
    /// Rises with every change of its words and prices.
    pub version: i64,
}

/// The order of all changes of products: who holds it is the only one that changes any, in any
/// replica or process, until its transaction ends.
pub struct ChangeLog {
    first: i64,
    last: i64,
}

impl ChangeLog {
    /// Locks the log. Comes before every other lock of a transaction.
    pub async fn lock(wave: &Wave) -> Result<Self, Unexpected> {
        let row = change_log::Entity::find_by_id(1).lock_exclusive().one(wave.tx()).await?;
        let row = row.ok_or_else(|| Unexpected::new("the change log has no row"))?;
        Ok(Self { first: row.last, last: row.last })
    }
    /// The number of the next change.
    pub fn next(&mut self) -> i64 {
        self.last += 1;
        self.last
    }
    /// The number of the last change.
    pub const fn last(&self) -> i64 {
        self.last
    }
    /// Whether any change was numbered.
    pub const fn has_changes(&self) -> bool {
        self.last != self.first
    }
    /// Writes down how far the numbers went, and wakes the index.
    pub async fn close(self, wave: &mut Wave) -> Result<(), Unexpected> {
        let row =
            change_log::ActiveModel { id: Set(1), last: Set(self.last), ..Default::default() };
        change_log::Entity::update_many().set(row).exec(wave.tx()).await?;
        wave.wake("index");
        Ok(())
    }
}

/// Names this database, unless it was named before.
pub async fn name_epoch(wave: &Wave) -> Result<(), Unexpected> {
    let epoch = wave.id::<Uuid>().to_string();
    change_log::Entity::update_many()
        .col_expr(change_log::Column::Epoch, Expr::value(epoch))
        .filter(change_log::Column::Epoch.eq(""))
        .exec(wave.tx())
        .await?;
    Ok(())
}

/// The name of this database and the number of its last change.
pub async fn last_change(db: &impl ConnectionTrait) -> Result<(String, i64), Unexpected> {
    let row = change_log::Entity::find_by_id(1).one(db).await?;
    Ok(row.map(|row| (row.epoch, row.last)).unwrap_or_default())
}

/// The number of the last change.
pub async fn last_number(db: &impl Rows) -> Result<i64, Unexpected> {
    let last = change_log::Entity::find_by_id(1).select_only().column(change_log::Column::Last);
    Ok(db.tuples::<(i64,)>(last).await?.pop().map_or(0, |(last,)| last))
}

/// The products that changed after `number`, at most `most`, with the numbers of their changes.
pub async fn changed_after(
    db: &impl ConnectionTrait,
    number: i64,
    most: u64,
) -> Result<Vec<(Uuid, i64)>, Unexpected> {
    let changed = product::Entity::find()
        .select_only()
        .column(product::Column::Id)
        .column(product::Column::ChangeNumber)
        .filter(product::Column::ChangeNumber.gt(number))
        .order_by_asc(product::Column::ChangeNumber)
        .limit(most);
    Ok(changed.into_tuple().all(db).await?)
}

/// The products `ids`, in that order; unknown ones are left out. A handful of statements,
/// however many they are.
pub async fn load(db: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Listed>, Unexpected> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let asked = padded(ids);
    let among = || asked.iter().copied();
    let products = product::Entity::find()
        .join(JoinType::LeftJoin, scores::of_product())
        .select_also(score::Entity)
        .filter(product::Column::Id.among(among()))
        .all(db)
        .await?;
    let variants = variant::Entity::find()
        .find_also_related_flag()
        .filter(variant::Column::ProductId.among(among()))
        .order_by_asc(variant::Column::ProductId)
        .order_by_asc(variant::Column::Position)
        .into_tuple::<(Uuid, String, String, i64, String, Option<bool>)>()
        .all(db)
        .await?;
    let names = product_name::Entity::find()
        .select_only()
        .column(product_name::Column::ProductId)
        .columns([name::Column::Shelf, name::Column::Slug, name::Column::Name])
        .column(name::Column::Id)
        .join(
            JoinType::InnerJoin,
            product_name::Entity::belongs_to(name::Entity)
                .from(product_name::Column::NameId)
                .to(name::Column::Id)
                .into(),
        )
        .filter(product_name::Column::ProductId.among(among()))
        .order_by_asc(product_name::Column::ProductId)
        .order_by_asc(product_name::Column::Position)
        .into_tuple::<(Uuid, String, String, String, Uuid)>()
        .all(db)
        .await?;
    let mut by_product: BTreeMap<Uuid, Parts> = BTreeMap::new();
    for (product, sku, options, price, currency, in_stock) in variants {
        let parts = by_product.entry(product).or_default();
        parts.variants.push(read_variant(&sku, &options, price, &currency)?);
        parts.in_stock.push(in_stock.unwrap_or(false));
    }
    for (product, shelf, slug, name, id) in names {
        let named = Named { id, slug, name };
        by_product.entry(product).or_default().names.entry(shelf).or_default().push(named);
    }
    let mut listed: BTreeMap<Uuid, Listed> = BTreeMap::new();
    for (row, score) in products {
        let mut parts = by_product.remove(&row.id).unwrap_or_default();
        parts.score = score.map_or(0, |score| score.score);
        listed.insert(row.id, assemble(row, parts)?);
    }
    Ok(ids.iter().filter_map(|id| listed.remove(id)).collect())
}

/// The ids with the last one repeated: what is not in memory of a page is now one product, now
/// another number of them, and few statements stay prepared.
fn padded(ids: &[Uuid]) -> Vec<Uuid> {
    let mut ids = ids.to_vec();
    if let (Some(last), Some(room)) =
        (ids.last().copied(), [1, 4, 24, 128].into_iter().find(|room| ids.len() <= *room))
    {
        ids.resize(room, last);
    }
    ids
}

/// What stands beside a product's own row.
#[derive(Default)]
struct Parts {
    variants: Vec<Variant>,
    in_stock: Vec<bool>,
    names: BTreeMap<String, Vec<Named<Uuid>>>,
    score: i64,
}

/// Variants that are sold, with the flag of their stock.
trait WithFlag {
    fn find_also_related_flag(self) -> Select<variant::Entity>;
}
impl WithFlag for Select<variant::Entity> {
    fn find_also_related_flag(self) -> Select<variant::Entity> {
        self.select_only()
            .columns([variant::Column::ProductId, variant::Column::Sku, variant::Column::Options])
            .columns([variant::Column::Price, variant::Column::Currency])
            .column(availability::Column::InStock)
            .join(
                JoinType::LeftJoin,
                variant::Entity::belongs_to(availability::Entity)
                    .from(variant::Column::Sku)
                    .to(availability::Column::Sku)
                    .into(),
            )
            .filter(variant::Column::WithdrawnAt.is_null())
    }
}

fn read_sku(sku: &str) -> Result<Sku, Unexpected> {
    sku.parse().map_err(|error| Unexpected::from_error(error).context(format!("SKU {sku:?}")))
}

fn read_money(minor: i64, currency: &str) -> Result<Money, Unexpected> {
    let currency: Currency = currency.parse().map_err(Unexpected::from_error)?;
    Ok(Money::new(minor, currency))
}

fn read_variant(
    sku: &str,
    options: &str,
    price: i64,
    currency: &str,
) -> Result<Variant, Unexpected> {
    Ok(Variant {
        sku: read_sku(sku)?,
        options: serde_json::from_str(options)?,
        price: read_money(price, currency)?,
        available: 0,
    })
}

fn assemble(row: product::Model, mut parts: Parts) -> Result<Listed, Unexpected> {
    let first = parts.variants.first().cloned();
    let first =
        first.ok_or_else(|| Unexpected::new(format!("product {} has no variant", row.id)))?;
    let product = Product {
        id: ProductId(row.id),
        slug: row.slug,
        title: row.title,
        description: row.description,
        images: serde_json::from_str(&row.images)?,
        authors: parts.take(Shelf::Authors),
        genres: parts.take(Shelf::Genres),
        categories: parts.take(Shelf::Categories),
        attributes: serde_json::from_str(&row.attributes)?,
        score: parts.score,
        rating: row.rating_hundredths.and_then(|rating| u32::try_from(rating).ok()),
        rating_count: u64::try_from(row.rating_count).unwrap_or(0),
        variants: parts.variants,
        sku: first.sku,
        price: first.price,
        available: 0,
        created_at: Timestamp::from_micros(row.created_at),
    };
    let withdrawn = row.withdrawn_at.is_some();
    Ok(Listed { product, in_stock: parts.in_stock, withdrawn, version: row.version })
}

impl Parts {
    fn take<I: From<Uuid>>(&mut self, shelf: Shelf) -> Vec<Named<I>> {
        let names = self.names.remove(shelf_key(shelf)).unwrap_or_default();
        names.into_iter().map(|n| Named { id: I::from(n.id), slug: n.slug, name: n.name }).collect()
    }
}

/// What SKUs cost now: one statement. What is withdrawn is left out.
pub async fn prices_of(db: &impl ConnectionTrait, skus: &[Sku]) -> Result<Vec<Priced>, Unexpected> {
    let rows = variant::Entity::find()
        .select_only()
        .columns([variant::Column::Sku, variant::Column::Options])
        .columns([variant::Column::Price, variant::Column::Currency])
        .columns([product::Column::Id])
        .columns([product::Column::Slug, product::Column::Title, product::Column::Images])
        .join(
            JoinType::InnerJoin,
            variant::Entity::belongs_to(product::Entity)
                .from(variant::Column::ProductId)
                .to(product::Column::Id)
                .into(),
        )
        .filter(variant::Column::Sku.among(skus.iter().map(Sku::as_str)))
        .filter(variant::Column::WithdrawnAt.is_null())
        .filter(product::Column::WithdrawnAt.is_null())
        .order_by_asc(variant::Column::Sku)
        .into_tuple::<(String, String, i64, String, Uuid, String, String, String)>()
        .all(db)
        .await?;
    rows.into_iter()
        .map(|(sku, options, price, currency, product, slug, title, images)| {
            let images: Vec<String> = serde_json::from_str(&images)?;
            Ok(Priced {
                sku: read_sku(&sku)?,
                product: ProductId(product),
                slug,
                title: title_with(&title, &serde_json::from_str(&options)?),
                image: images.into_iter().next(),
                price: read_money(price, &currency)?,
                categories: Vec::new(),
            })
        })
        .collect()
}

/// How many products match `filter`.
pub async fn count(db: &impl ConnectionTrait, filter: &Filter) -> Result<u64, Unexpected> {
    let found = product::Entity::find()
        .filter(product::Column::WithdrawnAt.is_null())
        .filter(condition(filter));
    Ok(found.count(db).await?)
}

/// A page of what matches `filter`.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    order: Order,
    offset: u64,
    limit: u64,
) -> Result<Vec<Uuid>, Unexpected> {
    let mut found = product::Entity::find()
        .filter(product::Column::WithdrawnAt.is_null())
        .filter(condition(filter));
    found = match order {
        Order::Price => found.order_by_asc(product::Column::MinPrice),
        Order::PriceDescending => found.order_by_desc(product::Column::MinPrice),
        Order::Title => found.order_by_asc(product::Column::TitleKey),
        // Nothing is searched for: every product matches alike, and the newest is shown first.
        Order::Newest | Order::Relevance => found.order_by_desc(product::Column::CreatedAt),
        Order::Best => found
            .join(JoinType::InnerJoin, scores::of_product())
            .order_by_desc(score::Column::Score),
    };
    found = match order {
        Order::Price | Order::Title => found.order_by_asc(product::Column::Id),
        _ => found.order_by_desc(product::Column::Id),
    };
    let page = found.select_only().column(product::Column::Id).offset(offset).limit(limit);
    Ok(page.into_tuple().all(db).await?)
}

fn condition(filter: &Filter) -> Condition {
    let mut all = Condition::all();
    for name in &filter.names {
        let with_name = product_name::Entity::find()
            .select_only()
            .column(product_name::Column::ProductId)
            .filter(shelves::named(name.id))
            .into_query();
        all = all.add(product::Column::Id.in_subquery(with_name));
    }
    all.add_option(filter.min_price.map(|least| product::Column::MinPrice.gte(least)))
        .add_option(filter.max_price.map(|most| product::Column::MinPrice.lte(most)))
        .add_option(filter.in_stock.map(|flag| product::Column::InStock.eq(flag)))
}

/// Which product each SKU belongs to; unknown ones are left out.
pub async fn products_of(
    db: &impl Rows,
    skus: BTreeSet<&Sku>,
) -> Result<BTreeMap<Sku, Uuid>, Unexpected> {
    let rows = variant::Entity::find()
        .select_only()
        .columns([variant::Column::Sku, variant::Column::ProductId])
        .filter(variant::Column::Sku.among(skus.into_iter().map(Sku::as_str)));
    let rows = db.tuples::<(String, Uuid)>(rows).await?;
    rows.into_iter().map(|(sku, product)| Ok((read_sku(&sku)?, product))).collect()
}

/// What inventory has said of SKUs: whether they can be ordered.
pub async fn flags<'a>(
    db: &impl ConnectionTrait,
    skus: impl Iterator<Item = &'a Sku>,
) -> Result<BTreeMap<String, bool>, Unexpected> {
    let among = availability::Column::Sku.among(skus.map(Sku::as_str));
    let rows = availability::Entity::find().filter(among).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.sku, row.in_stock)).collect())
}

/// Writes down what inventory says of SKUs, and what follows for their products.
pub async fn set_availability(
    wave: &Wave,
    log: &mut ChangeLog,
    flags: &BTreeMap<Sku, bool>,
) -> Result<(), Unexpected> {
    let among = || flags.keys().map(Sku::as_str);
    let known = availability::Entity::find().filter(availability::Column::Sku.among(among()));
    let known: BTreeMap<String, bool> =
        known.all(wave.tx()).await?.into_iter().map(|row| (row.sku, row.in_stock)).collect();
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (sku, in_stock) in flags {
        match known.get(sku.as_str()) {
            None => new.push(availability::ActiveModel {
                sku: Set(sku.to_string()),
                in_stock: Set(*in_stock),
            }),
            Some(known) if known != in_stock => {
                changed.push(vec![sku.to_string().into(), (*in_stock).into()]);
            }
            Some(_) => {}
        }
    }
    insert_all(wave.tx(), new).await?;
    SetUpdate::of("availability")
        .key("sku", Kind::Text)
        .change(Change::To("in_stock"), Kind::Bool)
        .run(wave.tx(), changed)
        .await?;
    let products: BTreeSet<Uuid> =
        products_of(wave.tx(), flags.keys().collect()).await?.into_values().collect();
    let products: Vec<Uuid> = products.into_iter().collect();
    flag_products(wave, log, &products).await
}

/// A product is in stock while one of its variants is.
async fn flag_products(
    wave: &Wave,
    log: &mut ChangeLog,
    products: &[Uuid],
) -> Result<(), Unexpected> {
    let among = || products.iter().copied();
    let flags = variant::Entity::find()
        .find_also_related_flag()
        .filter(variant::Column::ProductId.among(among()))
        .into_tuple::<(Uuid, String, String, i64, String, Option<bool>)>()
        .all(wave.tx())
        .await?;
    let mut in_stock: BTreeMap<Uuid, bool> = BTreeMap::new();
    for (product, .., flag) in flags {
        *in_stock.entry(product).or_default() |= flag.unwrap_or(false);
    }
    let rows = product::Entity::find().filter(product::Column::Id.among(among()));
    let rows = rows.order_by_asc(product::Column::Id).all(wave.tx()).await?;
    let mut changed: Vec<Vec<Value>> = Vec::new();
    for row in rows {
        let flag = in_stock.get(&row.id).copied().unwrap_or(false);
        if flag != row.in_stock {
            changed.push(vec![row.id.into(), flag.into(), log.next().into()]);
        }
    }
    SetUpdate::of("products")
        .key("id", Kind::Id)
        .change(Change::To("in_stock"), Kind::Bool)
        .change(Change::To("change_number"), Kind::Int)
        .run(wave.tx(), changed)
        .await?;
    Ok(())
}

/// The shelves by their names in the database.
fn shelf_named(key: &str) -> Option<Shelf> {
    SHELVES.into_iter().find(|shelf| shelf_key(*shelf) == key)
}
