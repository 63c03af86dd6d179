//! Let a review be seen, or not. The product's rating follows in the same transaction.
use crate::create_products::tell;
use crate::review::published_change;
use crate::store::{self, ChangeLog};
use contracts::Caller;
use contracts::caller::Permission;
use contracts::catalog::{ModerateReview, Review, ReviewRefused};
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Gives the review its state; one that has it stays as it is.
/// # Errors
/// When the database fails.
pub async fn moderate_review(
    wave: &mut Wave,
    caller: &Caller,
    command: &ModerateReview,
) -> Result<Result<Review, ReviewRefused>, Unexpected> {
    if caller == &Caller::Guest {
        return Ok(Err(ReviewRefused::NotLoggedIn));
    }
    if !caller.may(Permission::ModerateReviews) {
        return Ok(Err(ReviewRefused::NotAllowed));
    }
    let mut log = ChangeLog::lock(wave).await?;
    let Some(review) = store::locked_review(wave, command.review).await? else {
        return Ok(Err(ReviewRefused::NotFound));
    };
    if review.status == command.status {
        return Ok(Ok(review));
    }
    store::set_review_status(wave, review.id, command.status).await?;
    let change = published_change(review.status, command.status);
    if change != 0 {
        store::count_stars(wave, &mut log, review.product, review.stars, change).await?;
        log.close(wave).await?;
        let listed = store::load(wave.tx(), &[review.product.0]).await?.pop();
        let listed = listed.ok_or_else(|| Unexpected::new("a reviewed product is not there"))?;
        tell(wave, &listed)?;
    }
    Ok(Ok(Review { status: command.status, ..review }))
}
