//! The proof that an address is one's own, by a link that was sent to it.
use crate::ask_link::ask_link;
use crate::open_link::{self, Opening};
use crate::tries::{Kind, Tried};
use crate::who::{lock_who, who};
use crate::{Identity, not_done, store};
use contracts::Caller;
use contracts::identity::{AskToVerify, LinkPurpose, LinkRefused, NotLoggedIn, VerifyEmail};
use kit::problem::Unexpected;
use kit::wave::Wave;

/// The address belongs to whoever opened the link that was sent to it.
/// # Errors
/// [`LinkRefused`], see there.
pub async fn verify_email(service: &Identity, call: VerifyEmail) -> Result<(), Tried<LinkRefused>> {
    let opening = open_link::look(service, &call.token, LinkPurpose::VerifyEmail).await?;
    let verified =
        service.waves.write(opening, |wave, opening: &Opening| Box::pin(verify(wave, opening)));
    if verified.await? { Ok(()) } else { Err(Tried::refused(LinkRefused::InvalidLink)) }
}

async fn verify(wave: &mut Wave, opening: &Opening) -> Result<bool, Unexpected> {
    let Some(mut account) = open_link::open(wave, opening).await? else { return Ok(false) };
    // It may have been verified by another link meanwhile: then there is nothing to tell.
    if let Some(verified) = account.verify_email(wave.now()) {
        wave.tell(account.next_version(), verified)?;
        store::save_account(wave.tx(), &account).await?;
    }
    Ok(true)
}

/// Sends the caller a link; nothing where the address is verified.
/// # Errors
/// [`NotLoggedIn`]; too often after many letters.
pub async fn ask_to_verify(
    service: &Identity,
    caller: &Caller,
    AskToVerify: AskToVerify,
) -> Result<(), Tried<NotLoggedIn>> {
    let refused = || Tried::refused(NotLoggedIn);
    let who = who(service, caller).await.map_err(not_done)?.ok_or_else(refused)?;
    if who.account.email_verified_at.is_some() {
        return Ok(());
    }
    service.tries.take(Kind::Letter, &who.account.email, service.sources.now())?;
    let kid = service.signing_kid().await.map_err(not_done)?;
    let command = (caller.clone(), kid);
    let asked = service.waves.write(command, |wave, (caller, kid): &(Caller, String)| {
        Box::pin(async move {
            let Some(mut who) = lock_who(wave, caller).await? else { return Ok(false) };
            if who.account.email_verified_at.is_none() {
                ask_link(wave, &mut who.account, LinkPurpose::VerifyEmail, kid).await?;
            }
            Ok(true)
        })
    });
    if asked.await? { Ok(()) } else { Err(refused()) }
}
