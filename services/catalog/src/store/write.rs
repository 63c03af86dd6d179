//! New and changed products.
use super::ChangeLog;
use super::records::{Kept, KeptVariant, insert_kept};
use super::rows::{product, product_name, variant};
use crate::product::title_key;
use crate::review::Stars;
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

/// Inserts products with all that stands beside them.
pub async fn insert_products(
    wave: &Wave,
    log: &mut ChangeLog,
    rows: Vec<Row<'_>>,
) -> Result<(), Unexpected> {
    let now = wave.now().micros();
    let kept = |row: Row<'_>| -> Result<(Uuid, Kept), Unexpected> {
        let new = row.new;
        let kept = Kept {
            slug: row.slug,
            title: new.title.clone(),
            description: new.description.clone(),
            images: serde_json::to_string(&new.images)?,
            attributes: serde_json::to_string(&new.attributes)?,
            names: row.names,
            variants: new.variants.iter().map(KeptVariant::of).collect::<Result<_, _>>()?,
            imported: Stars::default(),
            created_at: now,
        };
        Ok((row.id, kept))
    };
    let rows: Result<Vec<_>, Unexpected> = rows.into_iter().map(kept).collect();
    let rows = rows?;
    insert_kept(wave, log, rows.iter().map(|(id, kept)| (*id, kept)).collect()).await
}

pub(super) fn name_rows(
    product: Uuid,
    names: Vec<Uuid>,
) -> impl Iterator<Item = product_name::ActiveModel> {
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
        .filter(variant::Column::WithdrawnAt.is_null())
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
