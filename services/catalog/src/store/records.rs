//! Products as records see them: whole, by the set, and compared as they are written.
use super::reviews::{rating_row, stars_of};
use super::rows::{availability, name, product, product_name, rating, score, variant};
use super::slugs::{SlugOf, product_slug_owners, reserve_slugs};
use super::write::name_rows;
use super::{ChangeLog, flag_products, read_sku};
use crate::product::{SHELVES, shelf_key, title_key};
use crate::review::Stars;
use contracts::catalog::NewVariant;
use contracts::{Currency, ProductId, Sku};
use kit::db::{Among as _, Change as To, Kind, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, JoinType, QueryOrder, QuerySelect};
use std::collections::{BTreeMap, BTreeSet};

/// The most values that one look-up binds; more are looked up in parts.
const MOST_LOOKED_UP: usize = 10_000;

/// What is kept of a product, but for what its own life added to it. Texts of JSON stay texts:
/// two are the same when they are written the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name in addresses.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// JSON.
    pub images: String,
    /// JSON.
    pub attributes: String,
    /// Authors, then genres, then categories, each in their order.
    pub names: Vec<Uuid>,
    /// Those that are sold, in their order.
    pub variants: Vec<KeptVariant>,
    /// The stars that were given elsewhere.
    pub imported: Stars,
    /// When it was listed.
    pub created_at: i64,
}

/// What is kept of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVariant {
    /// Its SKU.
    pub sku: Sku,
    /// JSON.
    pub options: String,
    /// Minor units.
    pub price: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl KeptVariant {
    /// A variant as it is kept.
    /// # Errors
    /// Never: its options are texts.
    pub fn of(new: &NewVariant) -> Result<Self, Unexpected> {
        let (options, price) = (serde_json::to_string(&new.options)?, new.price);
        Ok(Self { sku: new.sku.clone(), options, price: price.minor, currency: price.currency })
    }
}

impl Kept {
    fn min_price(&self) -> i64 {
        self.variants.iter().map(|variant| variant.price).min().unwrap_or(0)
    }
    fn in_stock(&self, flags: &BTreeMap<String, bool>) -> bool {
        self.variants.iter().any(|v| flags.get(v.sku.as_str()).copied().unwrap_or(false))
    }
}

/// A product that is listed.
pub struct Known {
    /// Rises with every change.
    pub version: i64,
    /// What is kept of it.
    pub kept: Kept,
    /// The stars of published reviews; none where nobody ever gave any.
    published: Option<Stars>,
}

/// The product that a SKU belongs to for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Which product.
    pub product: Uuid,
    /// Whether it is off the shelves.
    pub withdrawn: bool,
}

/// Whose `skus` are, also those of variants that are sold no more; unknown ones are left out.
pub async fn owners_of(
    wave: &Wave,
    skus: &BTreeSet<&Sku>,
) -> Result<BTreeMap<Sku, Owner>, Unexpected> {
    let skus: Vec<&str> = skus.iter().map(|sku| sku.as_str()).collect();
    let mut owners = BTreeMap::new();
    for skus in skus.chunks(MOST_LOOKED_UP) {
        let rows = variant::Entity::find()
            .select_only()
            .columns([variant::Column::Sku, variant::Column::ProductId])
            .column(product::Column::WithdrawnAt)
            .join(
                JoinType::InnerJoin,
                variant::Entity::belongs_to(product::Entity)
                    .from(variant::Column::ProductId)
                    .to(product::Column::Id)
                    .into(),
            )
            .filter(variant::Column::Sku.among(skus.iter().copied()))
            .into_tuple::<(String, Uuid, Option<i64>)>()
            .all(wave.tx())
            .await?;
        for (sku, product, withdrawn_at) in rows {
            let owner = Owner { product, withdrawn: withdrawn_at.is_some() };
            owners.insert(read_sku(&sku)?, owner);
        }
    }
    Ok(owners)
}

/// Which of the variants' SKUs belongs to another product than `id`.
pub async fn sku_of_another(
    wave: &Wave,
    id: Uuid,
    variants: &[NewVariant],
) -> Result<Option<Sku>, Unexpected> {
    let owners = owners_of(wave, &variants.iter().map(|variant| &variant.sku).collect()).await?;
    Ok(owners.into_iter().find(|(_, owner)| owner.product != id).map(|(sku, _)| sku))
}

/// Whose `slugs` are or were; free ones are left out.
pub async fn slug_owners(
    wave: &Wave,
    slugs: &BTreeSet<String>,
) -> Result<BTreeMap<String, Uuid>, Unexpected> {
    let slugs: Vec<&str> = slugs.iter().map(String::as_str).collect();
    let mut owners = BTreeMap::new();
    for slugs in slugs.chunks(MOST_LOOKED_UP) {
        owners.extend(product_slug_owners(wave, slugs).await?);
    }
    Ok(owners)
}

/// The products `ids` as they are kept; five statements, however many they are.
pub async fn known_products(
    wave: &Wave,
    ids: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, Known>, Unexpected> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<Uuid> = ids.iter().copied().collect();
    let among = || ids.iter().copied();
    let rows = product::Entity::find().filter(product::Column::Id.among(among()));
    let rows = rows.all(wave.tx()).await?;
    let mut variants: BTreeMap<Uuid, Vec<KeptVariant>> = BTreeMap::new();
    for row in variant_rows(wave, &ids).await? {
        if row.withdrawn_at.is_none() {
            variants.entry(row.product_id).or_default().push(read(row)?);
        }
    }
    let mut names = names_of(wave, &ids).await?;
    let mut stars = stars_of(wave.tx(), &ids).await?;
    let mut known = BTreeMap::new();
    for row in rows {
        let stars = stars.remove(&row.id);
        let kept = Kept {
            slug: row.slug,
            title: row.title,
            description: row.description,
            images: row.images,
            attributes: row.attributes,
            names: names.remove(&row.id).unwrap_or_default(),
            variants: variants.remove(&row.id).unwrap_or_default(),
            imported: stars.map(|(_, imported)| imported).unwrap_or_default(),
            created_at: row.created_at,
        };
        let published = stars.map(|(published, _)| published);
        known.insert(row.id, Known { version: row.version, kept, published });
    }
    Ok(known)
}

fn read(row: variant::Model) -> Result<KeptVariant, Unexpected> {
    let currency = row.currency.parse().map_err(Unexpected::from_error)?;
    Ok(KeptVariant { sku: read_sku(&row.sku)?, options: row.options, price: row.price, currency })
}

/// All variants that the products have or had, in their order.
async fn variant_rows(wave: &Wave, ids: &[Uuid]) -> Result<Vec<variant::Model>, Unexpected> {
    let rows = variant::Entity::find()
        .filter(variant::Column::ProductId.among(ids.iter().copied()))
        .order_by_asc(variant::Column::ProductId)
        .order_by_asc(variant::Column::Position);
    Ok(rows.all(wave.tx()).await?)
}

/// The authors, genres and categories of products, in that order. A name that was deleted and
/// has not been let go of yet is left out.
async fn names_of(wave: &Wave, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<Uuid>>, Unexpected> {
    let rows = product_name::Entity::find()
        .select_only()
        .columns([product_name::Column::ProductId, product_name::Column::NameId])
        .column(name::Column::Shelf)
        .join(
            JoinType::InnerJoin,
            product_name::Entity::belongs_to(name::Entity)
                .from(product_name::Column::NameId)
                .to(name::Column::Id)
                .into(),
        )
        .filter(product_name::Column::ProductId.among(ids.iter().copied()))
        .order_by_asc(product_name::Column::ProductId)
        .order_by_asc(product_name::Column::Position)
        .into_tuple::<(Uuid, Uuid, String)>()
        .all(wave.tx())
        .await?;
    let mut names: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for shelf in SHELVES.map(shelf_key) {
        for (product, name, _) in rows.iter().filter(|(.., on)| on == shelf) {
            names.entry(*product).or_default().push(*name);
        }
    }
    Ok(names)
}

/// What inventory has said of SKUs.
async fn flags_of<'a>(
    wave: &Wave,
    kept: impl Iterator<Item = &'a Kept>,
) -> Result<BTreeMap<String, bool>, Unexpected> {
    let skus: Vec<&str> = kept.flat_map(|kept| &kept.variants).map(|v| v.sku.as_str()).collect();
    let mut flags = BTreeMap::new();
    for skus in skus.chunks(MOST_LOOKED_UP) {
        let among = availability::Column::Sku.among(skus.iter().copied());
        let rows = availability::Entity::find().filter(among).all(wave.tx()).await?;
        flags.extend(rows.into_iter().map(|row| (row.sku, row.in_stock)));
    }
    Ok(flags)
}

/// Inserts products with all that stands beside them.
pub async fn insert_kept(
    wave: &Wave,
    log: &mut ChangeLog,
    new: Vec<(Uuid, &Kept)>,
) -> Result<(), Unexpected> {
    let flags = flags_of(wave, new.iter().map(|(_, kept)| *kept)).await?;
    let (mut products, mut variants, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let (mut scores, mut ratings) = (Vec::new(), Vec::new());
    for (id, kept) in new {
        products.push(product::ActiveModel {
            id: Set(id),
            slug: Set(kept.slug.clone()),
            title: Set(kept.title.clone()),
            title_key: Set(title_key(&kept.title)),
            description: Set(kept.description.clone()),
            images: Set(kept.images.clone()),
            attributes: Set(kept.attributes.clone()),
            min_price: Set(kept.min_price()),
            in_stock: Set(kept.in_stock(&flags)),
            rating_hundredths: Set(kept.imported.mean_hundredths()),
            rating_count: Set(kept.imported.count()),
            created_at: Set(kept.created_at),
            withdrawn_at: Set(None),
            version: Set(1),
            change_number: Set(log.next()),
        });
        variants.extend((0..).zip(&kept.variants).map(|(place, v)| variant_row(id, place, v)));
        names.extend(name_rows(id, kept.names.clone()));
        scores.push(score::ActiveModel { product_id: Set(id), score: Set(0), stale: Set(false) });
        if kept.imported != Stars::default() {
            ratings.push(rating_row(id, Stars::default(), kept.imported));
        }
    }
    insert_all(wave.tx(), products).await?;
    insert_all(wave.tx(), variants).await?;
    insert_all(wave.tx(), names).await?;
    insert_all(wave.tx(), scores).await?;
    insert_all(wave.tx(), ratings).await?;
    Ok(())
}

fn variant_row(product: Uuid, position: i64, variant: &KeptVariant) -> variant::ActiveModel {
    variant::ActiveModel {
        sku: Set(variant.sku.to_string()),
        product_id: Set(product),
        position: Set(position),
        options: Set(variant.options.clone()),
        price: Set(variant.price),
        currency: Set(variant.currency.to_string()),
        withdrawn_at: Set(None),
    }
}

/// What a listed product is to become.
pub struct Change<'a> {
    /// Which one.
    pub id: Uuid,
    /// How it is.
    pub before: &'a Known,
    /// How it will be.
    pub after: &'a Kept,
}

/// Writes changes: a statement for each table that has any, however many they are.
pub async fn update_kept(
    wave: &Wave,
    log: &mut ChangeLog,
    changes: &[Change<'_>],
) -> Result<(), Unexpected> {
    let flags = flags_of(wave, changes.iter().map(|change| change.after)).await?;
    let (mut products, mut slugs) = (Vec::new(), Vec::new());
    let (mut new_ratings, mut ratings) = (Vec::new(), Vec::new());
    for Change { id, before, after } in changes {
        let stars = before.published.unwrap_or_default().plus(after.imported);
        products.push(vec![
            (*id).into(),
            after.slug.clone().into(),
            after.title.clone().into(),
            title_key(&after.title).into(),
            after.description.clone().into(),
            after.images.clone().into(),
            after.attributes.clone().into(),
            after.min_price().into(),
            after.in_stock(&flags).into(),
            stars.mean_hundredths().into(),
            stars.count().into(),
            after.created_at.into(),
            (before.version + 1).into(),
            log.next().into(),
        ]);
        if before.kept.slug != after.slug {
            slugs.push((*id, before.kept.slug.clone(), after.slug.clone()));
        }
        if before.kept.imported != after.imported {
            let counts = after.imported.0.map(Value::from);
            match before.published {
                Some(_) => ratings.push(std::iter::once((*id).into()).chain(counts).collect()),
                None => new_ratings.push(rating_row(*id, Stars::default(), after.imported)),
            }
        }
    }
    update_products(wave, products).await?;
    reserve_slugs(wave, SlugOf::Products, slugs).await?;
    replace_ratings(wave, new_ratings, ratings).await?;
    replace_names(wave, changes).await?;
    let variants = changes.iter().filter(|c| c.before.kept.variants != c.after.variants);
    let variants = variants.map(|change| (change.id, &change.after.variants[..])).collect();
    write_variants(wave, variants).await
}

async fn update_products(wave: &Wave, rows: Vec<Vec<Value>>) -> Result<(), Unexpected> {
    SetUpdate::of("products")
        .key("id", Kind::Id)
        .change(To::To("slug"), Kind::Text)
        .change(To::To("title"), Kind::Text)
        .change(To::To("title_key"), Kind::Text)
        .change(To::To("description"), Kind::Text)
        .change(To::To("images"), Kind::Text)
        .change(To::To("attributes"), Kind::Text)
        .change(To::To("min_price"), Kind::Int)
        .change(To::To("in_stock"), Kind::Bool)
        .change(To::To("rating_hundredths"), Kind::Int)
        .change(To::To("rating_count"), Kind::Int)
        .change(To::To("created_at"), Kind::Int)
        .change(To::To("version"), Kind::Int)
        .change(To::To("change_number"), Kind::Int)
        .run(wave.tx(), rows)
        .await?;
    Ok(())
}

async fn replace_ratings(
    wave: &Wave,
    new: Vec<rating::ActiveModel>,
    changed: Vec<Vec<Value>>,
) -> Result<(), Unexpected> {
    insert_all(wave.tx(), new).await?;
    SetUpdate::of("ratings")
        .key("product_id", Kind::Id)
        .change(To::To("imported_1"), Kind::Int)
        .change(To::To("imported_2"), Kind::Int)
        .change(To::To("imported_3"), Kind::Int)
        .change(To::To("imported_4"), Kind::Int)
        .change(To::To("imported_5"), Kind::Int)
        .run(wave.tx(), changed)
        .await?;
    Ok(())
}

async fn replace_names(wave: &Wave, changes: &[Change<'_>]) -> Result<(), Unexpected> {
    let others: Vec<&Change<'_>> =
        changes.iter().filter(|c| c.before.kept.names != c.after.names).collect();
    if others.is_empty() {
        return Ok(());
    }
    let old = product_name::Column::ProductId.among(others.iter().map(|change| change.id));
    product_name::Entity::delete_many().filter(old).exec(wave.tx()).await?;
    let new = others.iter().flat_map(|change| name_rows(change.id, change.after.names.clone()));
    insert_all(wave.tx(), new.collect()).await?;
    Ok(())
}

/// Gives a product other variants: new SKUs are added, those that it had before are sold again,
/// and what is missing is withdrawn. Whether it is in stock follows.
pub async fn replace_variants(
    wave: &Wave,
    log: &mut ChangeLog,
    id: Uuid,
    variants: &[NewVariant],
) -> Result<(), Unexpected> {
    let kept: Result<Vec<_>, Unexpected> = variants.iter().map(KeptVariant::of).collect();
    write_variants(wave, vec![(id, &kept?[..])]).await?;
    flag_products(wave, log, &[id]).await
}

async fn write_variants(
    wave: &Wave,
    wanted: Vec<(Uuid, &[KeptVariant])>,
) -> Result<(), Unexpected> {
    if wanted.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = wanted.iter().map(|(id, _)| *id).collect();
    let mut rows: BTreeMap<String, variant::Model> = BTreeMap::new();
    for row in variant_rows(wave, &ids).await? {
        rows.insert(row.sku.clone(), row);
    }
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (id, variants) in wanted {
        for (position, variant) in (0_i64..).zip(variants) {
            let Some(row) = rows.remove(variant.sku.as_str()) else {
                new.push(variant_row(id, position, variant));
                continue;
            };
            let stays = row.position == position
                && row.options == variant.options
                && row.price == variant.price
                && row.currency == variant.currency.code()
                && row.withdrawn_at.is_none();
            if !stays {
                changed.push(changed_variant(variant, position, None));
            }
        }
    }
    let now = wave.now().micros();
    for row in rows.into_values().filter(|row| row.withdrawn_at.is_none()) {
        let position = row.position;
        changed.push(changed_variant(&read(row)?, position, Some(now)));
    }
    insert_all(wave.tx(), new).await?;
    SetUpdate::of("variants")
        .key("sku", Kind::Text)
        .change(To::To("options"), Kind::Text)
        .change(To::To("price"), Kind::Int)
        .change(To::To("currency"), Kind::Text)
        .change(To::To("position"), Kind::Int)
        .change(To::To("withdrawn_at"), Kind::Int)
        .run(wave.tx(), changed)
        .await?;
    Ok(())
}

fn changed_variant(variant: &KeptVariant, position: i64, withdrawn_at: Option<i64>) -> Vec<Value> {
    vec![
        variant.sku.to_string().into(),
        variant.options.clone().into(),
        variant.price.into(),
        variant.currency.to_string().into(),
        position.into(),
        withdrawn_at.into(),
    ]
}

/// The ids of listed products behind `after`, at most `limit`, in their order.
pub async fn listed_page(
    db: &impl ConnectionTrait,
    after: Option<ProductId>,
    limit: u64,
) -> Result<Vec<Uuid>, Unexpected> {
    let mut page = product::Entity::find()
        .select_only()
        .column(product::Column::Id)
        .filter(product::Column::WithdrawnAt.is_null());
    if let Some(after) = after {
        page = page.filter(product::Column::Id.gt(after.0));
    }
    let page = page.order_by_asc(product::Column::Id).limit(limit);
    Ok(page.into_tuple().all(db).await?)
}

/// The stars that were given elsewhere, by product, as an export says them.
pub async fn imported_stars(
    db: &impl ConnectionTrait,
    ids: &[Uuid],
) -> Result<BTreeMap<ProductId, Option<[u64; 5]>>, Unexpected> {
    let stars = stars_of(db, ids).await?;
    Ok(stars.into_iter().map(|(id, (_, stars))| (ProductId(id), stars.exported())).collect())
}
