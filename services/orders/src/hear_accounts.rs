//! What identity tells about accounts.
use crate::store::{accounts, joins};
use contracts::AccountId;
use contracts::identity::AccountErased;
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;

/// Blanks who and where in the orders of accounts that are gone; what was bought, for how much
/// and to which country stays for the books. An order that was blanked before is found blank.
pub async fn account_erased(
    wave: &mut Wave,
    heard: &[Heard<AccountErased>],
) -> Result<(), Unexpected> {
    let gone: Vec<AccountId> = heard.iter().map(|heard| heard.event.account).collect();
    // Guest orders that were to join one of them stay a guest's.
    joins::forget(wave, &gone.iter().copied().collect()).await?;
    accounts::blank(wave, &gone).await
}
