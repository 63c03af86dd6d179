//! A new password for whoever knows the present one.
use crate::account::Password;
use crate::end_sessions::end_all;
use crate::tries::Tried;
use crate::who::{known, lock_who, prove};
use crate::{Identity, store};
use contracts::Caller;
use contracts::identity::{ChangePassword, LinkPurpose, MeRefused};
use kit::problem::Unexpected;
use kit::wave::Wave;

struct Change {
    caller: Caller,
    seen_hash: String,
    new_hash: String,
}

/// Changes the caller's password and ends the account's other sessions, at once.
/// # Errors
/// [`MeRefused`], see there.
pub async fn change_password(
    service: &Identity,
    caller: &Caller,
    call: ChangePassword,
) -> Result<(), Tried<MeRefused>> {
    let who = known(service, caller).await?;
    let new = Password::parse(&call.new).map_err(|reason| {
        let (field, reason) = ("new".to_owned(), reason.to_owned());
        Tried::refused(MeRefused::Invalid { field, reason })
    })?;
    prove(service, &who.account, &call.current).await?;
    let new_hash = service.passwords.hash(new, &service.sources).await?;
    let (caller, seen_hash) = (caller.clone(), who.account.password_hash);
    let command = Change { caller, seen_hash, new_hash };
    let changed =
        service.waves.write(command, |wave, command: &Change| Box::pin(change(wave, command)));
    changed.await?.map_err(Tried::refused)
}

async fn change(wave: &mut Wave, command: &Change) -> Result<Result<(), MeRefused>, Unexpected> {
    let Some(mut who) = lock_who(wave, &command.caller).await? else {
        return Ok(Err(MeRefused::NotLoggedIn));
    };
    if who.account.password_hash != command.seen_hash {
        // It was changed since it was looked at.
        return Ok(Err(MeRefused::WrongPassword));
    }
    who.account.password_hash.clone_from(&command.new_hash);
    who.account.next_version();
    store::save_account(wave.tx(), &who.account).await?;
    // A link for the old password must not undo the new one.
    let reset = Some(LinkPurpose::ResetPassword);
    store::delete_links(wave.tx(), who.account.id, reset).await?;
    end_all(wave, who.account.id, Some(who.session.id)).await?;
    Ok(Ok(()))
}
