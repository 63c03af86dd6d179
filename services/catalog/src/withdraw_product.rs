//! Take a product off the shelves: it is neither found nor priced any more. Its SKUs and its
//! address stay its own, for old orders name them.
use crate::create_products::tell;
use crate::store::{self, ChangeLog};
use contracts::Caller;
use contracts::caller::Permission;
use contracts::catalog::{ProductRefused, WithdrawProduct};
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Withdraws the product; one that is withdrawn is not found.
/// # Errors
/// When the database fails.
pub async fn withdraw_product(
    wave: &mut Wave,
    caller: &Caller,
    command: &WithdrawProduct,
) -> Result<Result<(), ProductRefused>, Unexpected> {
    if !caller.may(Permission::ManageCatalog) {
        return Ok(Err(ProductRefused::NotAllowed));
    }
    let mut log = ChangeLog::lock(wave).await?;
    let id = command.product.0;
    let Some((version, _)) = store::locked_product(wave, id).await? else {
        return Ok(Err(ProductRefused::NotFound));
    };
    store::update_product(wave, &mut log, id, version + 1, None).await?;
    log.close(wave).await?;
    let listed = store::load(wave.tx(), &[id]).await?.pop();
    let listed = listed.ok_or_else(|| Unexpected::new("a withdrawn product is not there"))?;
    tell(wave, &listed)?;
    Ok(Ok(()))
}
