//! Say what one thinks of a product that one has bought. Nobody sees it before staff have.
use crate::review::{Words, check};
use crate::store::{self, ChangeLog, NewReview, Standing};
use crate::{Catalog, queries};
use contracts::catalog::{Review, ReviewRefused, WriteReview};
use contracts::identity::AccountErased;
use contracts::orders::HasBought;
use contracts::{AccountId, CallError, Caller, ProductId};
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// The most SKUs that orders is asked about at once.
const MOST_ASKED: usize = 100;

/// Checks the review, asks orders whether the account has bought the product, and keeps it.
pub async fn answer(
    catalog: &Catalog,
    caller: &Caller,
    call: WriteReview,
) -> Result<Review, CallError<ReviewRefused>> {
    let refused = CallError::Refused;
    let account = caller.account().ok_or(refused(ReviewRefused::NotLoggedIn))?;
    let words = check(&call).map_err(refused)?;
    let listed = queries::find(catalog, &call.id_or_slug).await.map_err(queries::not_done)?;
    let product = listed.ok_or(refused(ReviewRefused::NotFound))?.id;
    if !has_bought(catalog, account, product).await? {
        return Err(refused(ReviewRefused::NotBought));
    }
    let written =
        catalog.waves.write((account, product, words), |wave, (account, product, words)| {
            Box::pin(write_review(wave, *account, *product, words))
        });
    written.await?.map_err(refused)
}

/// Whether the account has a paid order with any SKU that the product ever had.
async fn has_bought(
    catalog: &Catalog,
    account: AccountId,
    product: ProductId,
) -> Result<bool, CallError<ReviewRefused>> {
    let skus = store::skus_ever_of(catalog.db.reader(), product).await;
    for skus in skus.map_err(queries::not_done)?.chunks(MOST_ASKED) {
        let asked = HasBought { account, skus: skus.to_vec() };
        match catalog.calls.call(&Caller::Store, asked).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(CallError::Refused(never)) => match never {},
            // A read: whatever became of it, it can be repeated.
            Err(CallError::NotDone(why) | CallError::Unknown(why)) => {
                return Err(CallError::NotDone(why));
            }
        }
    }
    Ok(false)
}

/// Keeps the review, unless the account has reviewed the product or was erased meanwhile.
/// # Errors
/// When the database fails.
pub async fn write_review(
    wave: &mut Wave,
    account: AccountId,
    product: ProductId,
    words: &Words,
) -> Result<Result<Review, ReviewRefused>, Unexpected> {
    // Nothing of the product changes, but accounts are erased under the same lock.
    ChangeLog::lock(wave).await?;
    match store::standing(wave, account, product).await? {
        Standing::HasReviewed => return Ok(Err(ReviewRefused::AlreadyReviewed)),
        Standing::Erased => return Ok(Err(ReviewRefused::NotLoggedIn)),
        Standing::Free => {}
    }
    let new = NewReview { id: wave.id(), product, account, words: words.clone() };
    Ok(Ok(store::insert_review(wave, new).await?))
}

/// Takes the names of accounts that are gone off their reviews, which stay. Hearing it again
/// finds nothing to take off; what an account that is gone would still write is refused.
/// # Errors
/// When the database fails.
pub async fn forget(wave: &mut Wave, heard: &[Heard<AccountErased>]) -> Result<(), Unexpected> {
    let mut accounts: Vec<AccountId> = heard.iter().map(|heard| heard.event.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    ChangeLog::lock(wave).await?;
    store::forget_accounts(wave, &accounts).await
}
