//! New and changed products.
use super::ChangeLog;
use super::rows::{availability, product, product_name, score, variant};
use crate::product::title_key;
use contracts::catalog::{CreateProduct, UpdateProduct};
use contracts::{Money, Sku};
use kit::db::{Change, Kind, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QuerySelect};
use std::collections::{BTreeMap, BTreeSet};

/// A product that was accepted.
pub struct Row<'a> {
    /// Its new id.
    pub id: Uuid,
    /// Free.
    pub slug: String,
    /// What was asked for.
    pub new: &'a CreateProduct,
    /// Its authors, genres and categories, in order.
    pub names: Vec<Uuid>,
}

/// Which of `skus` belong to a product already.
pub async fn taken_skus(wave: &Wave, skus: BTreeSet<&Sku>) -> Result<BTreeSet<Sku>, Unexpected> {
    Ok(super::products_of(wave.tx(), skus).await?.into_keys().collect())
}

/// Which of `slugs` belong to a product already.
pub async fn taken_slugs(
    wave: &Wave,
    slugs: BTreeSet<String>,
) -> Result<BTreeSet<String>, Unexpected> {
    let taken = product::Entity::find()
        .select_only()
        .column(product::Column::Slug)
        .filter(product::Column::Slug.is_in(slugs));
    Ok(taken.into_tuple().all(wave.tx()).await?.into_iter().collect())
}

/// Inserts products with all that stands beside them.
pub async fn insert_products(
    wave: &Wave,
    log: &mut ChangeLog,
    rows: Vec<Row<'_>>,
) -> Result<(), Unexpected> {
    let flags = flags_of(wave, &rows).await?;
    let (mut products, mut variants, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    let mut names = Vec::new();
    for row in rows {
        let new = row.new;
        let in_stock = |sku: &Sku| flags.get(sku.as_str()).copied().unwrap_or(false);
        products.push(product::ActiveModel {
            id: Set(row.id),
            slug: Set(row.slug),
            title: Set(new.title.clone()),
            title_key: Set(title_key(&new.title)),
            description: Set(new.description.clone()),
            images: Set(serde_json::to_string(&new.images)?),
            attributes: Set(serde_json::to_string(&new.attributes)?),
            min_price: Set(new.variants.iter().map(|v| v.price.minor).min().unwrap_or(0)),
            in_stock: Set(new.variants.iter().any(|variant| in_stock(&variant.sku))),
            rating_hundredths: Set(None),
            created_at: Set(wave.now().micros()),
            withdrawn_at: Set(None),
            version: Set(1),
            change_number: Set(log.next()),
        });
        for (position, variant) in (0..).zip(&new.variants) {
            variants.push(variant::ActiveModel {
                sku: Set(variant.sku.to_string()),
                product_id: Set(row.id),
                position: Set(position),
                options: Set(serde_json::to_string(&variant.options)?),
                price: Set(variant.price.minor),
                currency: Set(variant.price.currency.to_string()),
            });
        }
        names.extend(name_rows(row.id, row.names));
        scores.push(score::ActiveModel {
            product_id: Set(row.id),
            score: Set(0),
            stale: Set(false),
        });
    }
    insert_all(wave.tx(), products).await?;
    insert_all(wave.tx(), variants).await?;
    insert_all(wave.tx(), names).await?;
    insert_all(wave.tx(), scores).await?;
    Ok(())
}

/// What inventory has said of the SKUs of products that are about to be listed.
async fn flags_of(wave: &Wave, rows: &[Row<'_>]) -> Result<BTreeMap<String, bool>, Unexpected> {
    let skus = rows.iter().flat_map(|row| &row.new.variants).map(|variant| variant.sku.as_str());
    let flags = availability::Entity::find().filter(availability::Column::Sku.is_in(skus));
    Ok(flags.all(wave.tx()).await?.into_iter().map(|row| (row.sku, row.in_stock)).collect())
}

fn name_rows(product: Uuid, names: Vec<Uuid>) -> impl Iterator<Item = product_name::ActiveModel> {
    (0..).zip(names).map(move |(position, name)| product_name::ActiveModel {
        product_id: Set(product),
        name_id: Set(name),
        position: Set(position),
    })
}

/// The product's own row with its SKUs and prices, unless it is withdrawn. The change log is
/// locked, so that it stays as it is.
pub async fn locked_product(
    wave: &Wave,
    id: Uuid,
) -> Result<Option<(i64, BTreeMap<Sku, i64>)>, Unexpected> {
    let row = product::Entity::find_by_id(id)
        .filter(product::Column::WithdrawnAt.is_null())
        .one(wave.tx())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let variants = variant::Entity::find()
        .select_only()
        .columns([variant::Column::Sku, variant::Column::Price])
        .filter(variant::Column::ProductId.eq(id))
        .into_tuple::<(String, i64)>()
        .all(wave.tx())
        .await?;
    let variants: Result<_, Unexpected> =
        variants.into_iter().map(|(sku, price)| Ok((super::read_sku(&sku)?, price))).collect();
    Ok(Some((row.version, variants?)))
}

/// Writes a change, or the withdrawal where there is none.
pub async fn update_product(
    wave: &Wave,
    log: &mut ChangeLog,
    id: Uuid,
    version: i64,
    change: Option<(&UpdateProduct, i64)>,
) -> Result<(), Unexpected> {
    let mut row = product::ActiveModel {
        version: Set(version),
        change_number: Set(log.next()),
        ..Default::default()
    };
    match change {
        None => row.withdrawn_at = Set(Some(wave.now().micros())),
        Some((change, min_price)) => {
            row.min_price = Set(min_price);
            if let Some(title) = &change.title {
                row.title = Set(title.clone());
                row.title_key = Set(title_key(title));
            }
            if let Some(description) = &change.description {
                row.description = Set(description.clone());
            }
            if let Some(images) = &change.images {
                row.images = Set(serde_json::to_string(images)?);
            }
            if let Some(attributes) = &change.attributes {
                row.attributes = Set(serde_json::to_string(attributes)?);
            }
            set_prices(wave, &change.prices).await?;
        }
    }
    product::Entity::update_many()
        .set(row)
        .filter(product::Column::Id.eq(id))
        .exec(wave.tx())
        .await?;
    Ok(())
}

async fn set_prices(wave: &Wave, prices: &BTreeMap<Sku, Money>) -> Result<(), Unexpected> {
    let rows = prices.iter().map(|(sku, price)| vec![sku.to_string().into(), price.minor.into()]);
    SetUpdate::of("variants")
        .key("sku", Kind::Text)
        .change(Change::To("price"), Kind::Int)
        .run(wave.tx(), rows.collect())
        .await?;
    Ok(())
}

/// Gives a product other authors, genres and categories.
pub async fn replace_names(wave: &Wave, id: Uuid, names: Vec<Uuid>) -> Result<(), Unexpected> {
    let old = product_name::Column::ProductId.eq(id);
    product_name::Entity::delete_many().filter(old).exec(wave.tx()).await?;
    insert_all(wave.tx(), name_rows(id, names).collect()).await?;
    Ok(())
}
