//! The asking for a link: notifications hears of it, and writes the letter that carries it.
use crate::account::Account;
use crate::link::Link;
use crate::store;
use contracts::identity::LinkPurpose;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// A new link of an account that is locked, in place of an older one. `kid` names the key that
/// signs now.
/// # Errors
/// When the database fails.
pub async fn ask_link(
    wave: &mut Wave,
    account: &mut Account,
    purpose: LinkPurpose,
    kid: &str,
) -> Result<(), Unexpected> {
    let link = Link::new(wave.id(), account.id, purpose, kid, wave.now());
    store::replace_link(wave.tx(), &link).await?;
    wave.tell(account.next_version(), link.asked())?;
    store::save_account(wave.tx(), account).await?;
    Ok(())
}
