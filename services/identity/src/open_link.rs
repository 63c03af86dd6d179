//! The use of a link that came by mail: once, while it lives.
use crate::account::Account;
use crate::link::{LinkKey, LinkToken};
use crate::tries::{Kind, Tried};
use crate::{Identity, keys, not_done, store};
use contracts::AccountId;
use contracts::identity::{LinkPurpose, LinkRefused};
use kit::problem::Unexpected;
use kit::wave::Wave;

/// A link that did something when it was looked at.
#[derive(Clone)]
pub struct Opening {
    token: LinkToken,
    account: AccountId,
    purpose: LinkPurpose,
    key: LinkKey,
}

/// Looks whether `token` opens a link, before anything dear is done for it.
/// # Errors
/// [`LinkRefused::InvalidLink`], and too often after many tries of one link.
pub async fn look(
    service: &Identity,
    token: &str,
    purpose: LinkPurpose,
) -> Result<Opening, Tried<LinkRefused>> {
    let invalid = || Tried::refused(LinkRefused::InvalidLink);
    let token = LinkToken::parse(token).ok_or_else(invalid)?;
    let link = store::link_by_id(service.db.reader(), token.link).await.map_err(not_done)?;
    let link = link.ok_or_else(invalid)?;
    let now = service.sources.now();
    service.tries.take(Kind::Link, &link.id.to_string(), now)?;
    let key = key_of(service, &link.kid).await.map_err(not_done)?.ok_or_else(invalid)?;
    if !link.opens(&token, purpose, &key, now) {
        return Err(invalid());
    }
    Ok(Opening { token, account: link.account, purpose, key })
}

/// The key of the secrets of links that were made under `kid`; another replica may have made it.
/// # Errors
/// When the database fails.
pub async fn key_of(service: &Identity, kid: &str) -> Result<Option<LinkKey>, Unexpected> {
    if let Some(key) = service.keys().await?.of_links(kid) {
        return Ok(Some(key.clone()));
    }
    Ok(keys::reload(service).await?.of_links(kid).cloned())
}

/// Uses the link up: of many who try at once one gets the account, locked; the others none.
/// # Errors
/// When the database fails.
pub async fn open(wave: &mut Wave, opening: &Opening) -> Result<Option<Account>, Unexpected> {
    let account = store::lock_account(wave.tx(), opening.account).await?;
    let Some(account) = account.filter(|account| !account.disabled) else { return Ok(None) };
    let Some(link) = store::lock_link(wave.tx(), opening.token.link).await? else {
        return Ok(None);
    };
    if !link.opens(&opening.token, opening.purpose, &opening.key, wave.now()) {
        return Ok(None);
    }
    store::save_used(wave.tx(), link.id, wave.now()).await?;
    Ok(Some(account))
}
