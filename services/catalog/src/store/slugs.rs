//! Names in addresses: those in use, and those that were changed and lead to their owner.
use super::rows::{name, old_slug, product};
use crate::product::{Shelf, shelf_key};
use kit::db::{Among as _, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use std::collections::BTreeSet;

/// Whose slugs: products share one set of them, and each shelf has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlugOf {
    /// Of products.
    Products,
    /// Of a shelf.
    Shelf(Shelf),
}

impl SlugOf {
    const fn key(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Shelf(shelf) => shelf_key(shelf),
        }
    }
}

/// Which of `slugs` products have, or had.
pub async fn taken_slugs(
    wave: &Wave,
    slugs: BTreeSet<String>,
) -> Result<BTreeSet<String>, Unexpected> {
    let mut taken = old_slugs_among(wave, SlugOf::Products, &slugs).await?;
    let used = product::Entity::find()
        .select_only()
        .column(product::Column::Slug)
        .filter(product::Column::Slug.among(slugs));
    taken.extend(used.into_tuple::<String>().all(wave.tx()).await?);
    Ok(taken)
}

/// Which of `slugs` were changed and are reserved for their owners.
pub(super) async fn old_slugs_among(
    wave: &Wave,
    of: SlugOf,
    slugs: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Unexpected> {
    let old = old_slug::Entity::find()
        .select_only()
        .column(old_slug::Column::Slug)
        .filter(old_slug::Column::Kind.eq(of.key()))
        .filter(old_slug::Column::Slug.among(slugs));
    Ok(old.into_tuple::<String>().all(wave.tx()).await?.into_iter().collect())
}

/// Who has `slug`, or had it before a change.
pub async fn slug_owner(
    db: &impl ConnectionTrait,
    of: SlugOf,
    slug: &str,
) -> Result<Option<Uuid>, Unexpected> {
    let now: Option<Uuid> = match of {
        SlugOf::Products => {
            let found = product::Entity::find().filter(product::Column::Slug.eq(slug));
            found.select_only().column(product::Column::Id).into_tuple().one(db).await?
        }
        SlugOf::Shelf(shelf) => {
            let found = name::Entity::find()
                .filter(name::Column::Shelf.eq(shelf_key(shelf)))
                .filter(name::Column::Slug.eq(slug));
            found.select_only().column(name::Column::Id).into_tuple().one(db).await?
        }
    };
    if now.is_some() {
        return Ok(now);
    }
    let old = old_slug::Entity::find_by_id((of.key().to_owned(), slug.to_owned()));
    Ok(old.one(db).await?.map(|row| row.owner_id))
}

/// Keeps `old` for its owner, who now has `new`: which may be one that they had before.
pub(super) async fn reserve_slug(
    wave: &Wave,
    of: SlugOf,
    owner: Uuid,
    old: String,
    new: &str,
) -> Result<(), Unexpected> {
    reserve_slugs(wave, of, vec![(owner, old, new.to_owned())]).await
}

/// The same for many owners, each with the old and the new one: two statements.
pub(super) async fn reserve_slugs(
    wave: &Wave,
    of: SlugOf,
    changed: Vec<(Uuid, String, String)>,
) -> Result<(), Unexpected> {
    if changed.is_empty() {
        return Ok(());
    }
    old_slug::Entity::delete_many()
        .filter(old_slug::Column::Kind.eq(of.key()))
        .filter(old_slug::Column::Slug.among(changed.iter().map(|(.., new)| new)))
        .exec(wave.tx())
        .await?;
    let row = |(owner, old, _)| old_slug::ActiveModel {
        kind: Set(of.key().to_owned()),
        slug: Set(old),
        owner_id: Set(owner),
    };
    insert_all(wave.tx(), changed.into_iter().map(row).collect()).await?;
    Ok(())
}

/// Whose slugs of products `slugs` are or were; free ones are left out.
pub(super) async fn product_slug_owners(
    wave: &Wave,
    slugs: &[&str],
) -> Result<Vec<(String, Uuid)>, Unexpected> {
    let among = || slugs.iter().copied();
    let used = product::Entity::find()
        .select_only()
        .columns([product::Column::Slug])
        .columns([product::Column::Id])
        .filter(product::Column::Slug.among(among()));
    let mut owners: Vec<(String, Uuid)> = used.into_tuple().all(wave.tx()).await?;
    let old = old_slug::Entity::find()
        .filter(old_slug::Column::Kind.eq(SlugOf::Products.key()))
        .filter(old_slug::Column::Slug.among(among()));
    owners.extend(old.all(wave.tx()).await?.into_iter().map(|row| (row.slug, row.owner_id)));
    Ok(owners)
}

/// Gives a product another slug, which is free or was its own; the one that it has leads to it.
pub async fn rename_product(wave: &Wave, id: Uuid, slug: &str) -> Result<(), Unexpected> {
    let it = product::Column::Id.eq(id);
    let had = product::Entity::find().select_only().column(product::Column::Slug);
    let had: Option<String> = had.filter(it.clone()).into_tuple().one(wave.tx()).await?;
    let Some(had) = had.filter(|had| had != slug) else { return Ok(()) };
    product::Entity::update_many()
        .col_expr(product::Column::Slug, Expr::value(slug))
        .filter(it)
        .exec(wave.tx())
        .await?;
    reserve_slug(wave, SlugOf::Products, id, had, slug).await
}

/// Gives the old slugs of one who is no more back to everybody.
pub(super) async fn free_slugs(wave: &Wave, owner: Uuid) -> Result<(), Unexpected> {
    let old = old_slug::Column::OwnerId.eq(owner);
    old_slug::Entity::delete_many().filter(old).exec(wave.tx()).await?;
    Ok(())
}
