//! Reads of reviews: those of a product for everybody, those of all products for staff, those
//! of an account for itself.
use crate::{Catalog, queries, store};
use contracts::caller::Permission;
use contracts::catalog::{
    ListReviews, Review, ReviewPage, ReviewRefused, ReviewStatus, ReviewsBy, ReviewsToModerate,
};
use contracts::{CallError, Caller, ProductId, ReviewId};
use kit::pages::{CursorQuery, Listed, PageSize};

/// The published reviews of a product, newest first.
pub async fn list(
    catalog: &Catalog,
    call: ListReviews,
) -> Result<ReviewPage, CallError<ReviewRefused>> {
    let found = queries::find(catalog, &call.id_or_slug).await.map_err(queries::not_done)?;
    let product = found.ok_or(CallError::Refused(ReviewRefused::NotFound))?.id;
    page(catalog, Some(product), ReviewStatus::Published, call.limit, call.cursor).await
}

/// The reviews of all products in one state, oldest first.
pub async fn to_moderate(
    catalog: &Catalog,
    caller: &Caller,
    call: ReviewsToModerate,
) -> Result<ReviewPage, CallError<ReviewRefused>> {
    if caller == &Caller::Guest {
        return Err(CallError::Refused(ReviewRefused::NotLoggedIn));
    }
    if !caller.may(Permission::ModerateReviews) {
        return Err(CallError::Refused(ReviewRefused::NotAllowed));
    }
    page(catalog, None, call.status, call.limit, call.cursor).await
}

async fn page(
    catalog: &Catalog,
    product: Option<ProductId>,
    status: ReviewStatus,
    limit: u32,
    cursor: Option<String>,
) -> Result<ReviewPage, CallError<ReviewRefused>> {
    let limit = limit.clamp(1, 100);
    let limit = PageSize::new(limit).unwrap_or(kit::pages::default_size());
    let query = CursorQuery { limit, cursor };
    let after: Option<ReviewId> =
        query.after().map_err(|_| CallError::Refused(ReviewRefused::Cursor))?;
    let one_more = u64::from(query.limit()) + 1;
    let found = store::list_reviews(catalog.db.reader(), product, status, after, one_more).await;
    let page = Listed::cut(found.map_err(queries::not_done)?, query.limit(), |review| review.id);
    Ok(ReviewPage { items: page.items, next_cursor: page.next_cursor })
}

/// What an account has said, in whatever state it is.
pub async fn by_account(
    catalog: &Catalog,
    caller: &Caller,
    call: ReviewsBy,
) -> Result<Vec<Review>, CallError<ReviewRefused>> {
    match caller {
        Caller::Store => {}
        Caller::Account { account, .. } if *account == call.account => {}
        Caller::Account { .. } => return Err(CallError::Refused(ReviewRefused::NotAllowed)),
        Caller::Guest => return Err(CallError::Refused(ReviewRefused::NotLoggedIn)),
    }
    store::reviews_by(catalog.db.reader(), call.account).await.map_err(queries::not_done)
}
