//! Reviews, and the stars of products.
use super::ChangeLog;
use super::rows::{erased_account, rating, review, variant};
use crate::review::{Stars, Words, status_key, status_of};
use contracts::catalog::{Review, ReviewStatus};
use contracts::{AccountId, ProductId, ReviewId, Sku, Timestamp};
use kit::db::{Among as _, Change, Kind, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect};
use std::collections::BTreeMap;

/// A review that was accepted.
pub struct NewReview {
    /// Its new id.
    pub id: ReviewId,
    /// Of which product.
    pub product: ProductId,
    /// By whom.
    pub account: AccountId,
    /// What it says.
    pub words: Words,
}

fn read(row: review::Model) -> Result<Review, Unexpected> {
    let status = status_of(&row.status);
    let status = status.ok_or_else(|| Unexpected::new(format!("a review is {:?}", row.status)))?;
    Ok(Review {
        id: ReviewId(row.id),
        product: ProductId(row.product_id),
        stars: u8::try_from(row.stars).map_err(Unexpected::from_error)?,
        title: row.title,
        text: row.body,
        name: row.name,
        status,
        created_at: Timestamp::from_micros(row.created_at),
    })
}

/// How an account stands to a product that it would review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not reviewed it.
    Free,
    /// It has.
    HasReviewed,
    /// The account is gone.
    Erased,
}

/// How `account` stands to `product`. The change log is locked, so that it stays so.
pub async fn standing(
    wave: &Wave,
    account: AccountId,
    product: ProductId,
) -> Result<Standing, Unexpected> {
    if erased_account::Entity::find_by_id(account.0).one(wave.tx()).await?.is_some() {
        return Ok(Standing::Erased);
    }
    let theirs = review::Entity::find()
        .filter(review::Column::AccountId.eq(account.0))
        .filter(review::Column::ProductId.eq(product.0));
    let reviewed = theirs.one(wave.tx()).await?.is_some();
    Ok(if reviewed { Standing::HasReviewed } else { Standing::Free })
}

/// Writes a review, which nobody has looked at yet.
pub async fn insert_review(wave: &Wave, new: NewReview) -> Result<Review, Unexpected> {
    let Words { stars, title, text, name } = new.words;
    let status = ReviewStatus::Pending;
    let row = review::ActiveModel {
        id: Set(new.id.0),
        product_id: Set(new.product.0),
        account_id: Set(Some(new.account.0)),
        stars: Set(i64::from(stars)),
        title: Set(title.clone()),
        body: Set(text.clone()),
        name: Set(Some(name.clone())),
        status: Set(status_key(status).to_owned()),
        created_at: Set(wave.now().micros()),
    };
    insert_all(wave.tx(), vec![row]).await?;
    let (id, product, created_at) = (new.id, new.product, wave.now());
    Ok(Review { id, product, stars, title, text, name: Some(name), status, created_at })
}

/// A review, if there is one. The change log is locked, so that it stays as it is.
pub async fn locked_review(wave: &Wave, id: ReviewId) -> Result<Option<Review>, Unexpected> {
    let row = review::Entity::find_by_id(id.0).one(wave.tx()).await?;
    row.map(read).transpose()
}

/// Gives a review another state.
pub async fn set_review_status(
    wave: &Wave,
    id: ReviewId,
    status: ReviewStatus,
) -> Result<(), Unexpected> {
    review::Entity::update_many()
        .col_expr(review::Column::Status, Expr::value(status_key(status)))
        .filter(review::Column::Id.eq(id.0))
        .exec(wave.tx())
        .await?;
    Ok(())
}

/// Counts `change` more published reviews with so many stars, and gives the product its new
/// rating: a change of it like any other.
pub async fn count_stars(
    wave: &Wave,
    log: &mut ChangeLog,
    id: ProductId,
    stars: u8,
    change: i64,
) -> Result<(), Unexpected> {
    let known = rating::Entity::find_by_id(id.0).one(wave.tx()).await?;
    let (published, imported) = known.as_ref().map(both).unwrap_or_default();
    let published = published.with(stars, change);
    let row = rating_row(id.0, published, imported);
    if known.is_none() {
        insert_all(wave.tx(), vec![row]).await?;
    } else {
        let of = rating::Column::ProductId.eq(id.0);
        rating::Entity::update_many().set(row).filter(of).exec(wave.tx()).await?;
    }
    let all = published.plus(imported);
    SetUpdate::of("products")
        .key("id", Kind::Id)
        .change(Change::To("rating_hundredths"), Kind::Int)
        .change(Change::To("rating_count"), Kind::Int)
        .change(Change::Add("version"), Kind::Int)
        .change(Change::To("change_number"), Kind::Int)
        .run(
            wave.tx(),
            vec![vec![
                id.0.into(),
                all.mean_hundredths().into(),
                all.count().into(),
                1_i64.into(),
                log.next().into(),
            ]],
        )
        .await?;
    Ok(())
}

/// The stars of published reviews, and those of an import.
pub(super) const fn both(row: &rating::Model) -> (Stars, Stars) {
    let published =
        [row.published_1, row.published_2, row.published_3, row.published_4, row.published_5];
    let imported = [row.imported_1, row.imported_2, row.imported_3, row.imported_4, row.imported_5];
    (Stars(published), Stars(imported))
}

/// The row of a product's stars.
pub(super) const fn rating_row(id: Uuid, published: Stars, imported: Stars) -> rating::ActiveModel {
    let (Stars(published), Stars(imported)) = (published, imported);
    rating::ActiveModel {
        product_id: Set(id),
        published_1: Set(published[0]),
        published_2: Set(published[1]),
        published_3: Set(published[2]),
        published_4: Set(published[3]),
        published_5: Set(published[4]),
        imported_1: Set(imported[0]),
        imported_2: Set(imported[1]),
        imported_3: Set(imported[2]),
        imported_4: Set(imported[3]),
        imported_5: Set(imported[4]),
    }
}

/// By product: the stars of published reviews, and those of an import.
pub(super) async fn stars_of(
    db: &impl ConnectionTrait,
    products: &[Uuid],
) -> Result<BTreeMap<Uuid, (Stars, Stars)>, Unexpected> {
    let rows = rating::Entity::find()
        .filter(rating::Column::ProductId.among(products.iter().copied()))
        .all(db)
        .await?;
    Ok(rows.iter().map(|row| (row.product_id, both(row))).collect())
}

/// Takes the names and the accounts off reviews, and remembers that the accounts are gone.
/// Repeating it changes nothing.
pub async fn forget_accounts(wave: &Wave, accounts: &[AccountId]) -> Result<(), Unexpected> {
    let among = || accounts.iter().map(|account| account.0);
    review::Entity::update_many()
        .col_expr(review::Column::Name, Expr::value(None::<String>))
        .col_expr(review::Column::AccountId, Expr::value(None::<Uuid>))
        .filter(review::Column::AccountId.among(among()))
        .exec(wave.tx())
        .await?;
    let known = erased_account::Entity::find()
        .filter(erased_account::Column::AccountId.among(among()))
        .all(wave.tx())
        .await?;
    let known: Vec<Uuid> = known.into_iter().map(|row| row.account_id).collect();
    let new = among().filter(|account| !known.contains(account));
    let rows = new.map(|account| erased_account::ActiveModel { account_id: Set(account) });
    insert_all(wave.tx(), rows.collect()).await?;
    Ok(())
}

/// All SKUs that the product ever had: what is withdrawn was bought once.
pub async fn skus_ever_of(
    db: &impl ConnectionTrait,
    product: ProductId,
) -> Result<Vec<Sku>, Unexpected> {
    let skus: Vec<String> = variant::Entity::find()
        .select_only()
        .column(variant::Column::Sku)
        .filter(variant::Column::ProductId.eq(product.0))
        .order_by_asc(variant::Column::Sku)
        .into_tuple()
        .all(db)
        .await?;
    skus.iter().map(|sku| super::read_sku(sku)).collect()
}

/// Reviews in one state, at most `limit`: of one product the newest first, of all products the
/// oldest first; those behind the review `after`.
pub async fn list_reviews(
    db: &impl ConnectionTrait,
    product: Option<ProductId>,
    status: ReviewStatus,
    after: Option<ReviewId>,
    limit: u64,
) -> Result<Vec<Review>, Unexpected> {
    let mut found = review::Entity::find().filter(review::Column::Status.eq(status_key(status)));
    found = match (product, after) {
        (Some(_), Some(after)) => found.filter(review::Column::Id.lt(after.0)),
        (None, Some(after)) => found.filter(review::Column::Id.gt(after.0)),
        (_, None) => found,
    };
    found = match product {
        Some(product) => {
            found.filter(review::Column::ProductId.eq(product.0)).order_by_desc(review::Column::Id)
        }
        None => found.order_by_asc(review::Column::Id),
    };
    let rows = found.limit(limit).all(db).await?;
    rows.into_iter().map(read).collect()
}

/// What an account has said, oldest first.
pub async fn reviews_by(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<Review>, Unexpected> {
    let theirs = review::Entity::find()
        .filter(review::Column::AccountId.eq(account.0))
        .order_by_asc(review::Column::Id);
    let rows = theirs.all(db).await?;
    rows.into_iter().map(read).collect()
}
