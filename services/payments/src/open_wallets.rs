//! Opens the wallets of new accounts.
use crate::store::Sheet;
use crate::wallet::Wallet;
use contracts::identity::UserRegistered;
use contracts::{Currency, Money};
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;

/// HOT. Each account gets an empty wallet. A wallet that is there (the message came again, or a
/// top-up was credited first) stays as it is.
/// # Errors
/// When the database fails.
pub async fn open_wallets(
    wave: &mut Wave,
    currency: Currency,
    heard: &[Heard<UserRegistered>],
) -> Result<(), Unexpected> {
    let accounts = heard.iter().map(|heard| heard.event.account);
    let mut sheet = Sheet::default();
    sheet.load_wallets(wave, accounts.clone()).await?;
    for account in accounts {
        sheet.wallets.get_or(account, || Wallet::new(account, Money::zero(currency)));
    }
    sheet.save(wave).await
}
