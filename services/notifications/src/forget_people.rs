//! Forgets people. What was written to an account, and about its orders, goes; also what is not
//! sent yet.
//!
//! A letter that a worker is just writing is gone when it saves, and so is left out; one that is
//! asked for later finds no contact any more, and is dropped. Hearing it again finds nothing left.
use crate::store;
use contracts::AccountId;
use contracts::identity::{AccountErased, EmailVerified};
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Remembers whose address is their own, as letters to it then go with the account: guest orders
/// of the address join it. Hearing it again finds it remembered.
/// # Errors
/// When the database fails.
pub async fn remember_verified(
    wave: &mut Wave,
    heard: &[Heard<EmailVerified>],
) -> Result<(), Unexpected> {
    let accounts = heard.iter().map(|heard| heard.event.account).collect();
    Ok(store::people::verify(wave.tx(), accounts).await?)
}

/// Forgets accounts that were erased.
/// # Errors
/// When the database fails.
pub async fn forget_people(
    wave: &mut Wave,
    heard: &[Heard<AccountErased>],
) -> Result<(), Unexpected> {
    let accounts: Vec<AccountId> = heard.iter().map(|heard| heard.event.account).collect();
    Ok(store::people::forget(wave.tx(), &accounts).await?)
}
