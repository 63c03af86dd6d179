//! Erasure: the account is gone, and everybody who kept something of the person is told.
use crate::end_sessions::end_all;
use crate::tries::Tried;
use crate::who::{known, lock_who, prove};
use crate::{Identity, store};
use contracts::identity::{AccountErased, EraseMe, MeRefused};
use contracts::{Caller, Role};
use kit::problem::Unexpected;
use kit::wave::Wave;

struct Erase {
    caller: Caller,
    seen_hash: String,
    role: Role,
}

/// Erases the caller's account; its address is free again. Only its ended sessions stay, without
/// what was used to log in, until their tokens have expired.
/// # Errors
/// [`MeRefused`], see there.
pub async fn erase_me(
    service: &Identity,
    caller: &Caller,
    call: EraseMe,
) -> Result<(), Tried<MeRefused>> {
    let who = known(service, caller).await?;
    prove(service, &who.account, &call.password).await?;
    let (seen_hash, role) = (who.account.password_hash, who.account.role);
    let command = Erase { caller: caller.clone(), seen_hash, role };
    let erased =
        service.waves.write(command, |wave, command: &Erase| Box::pin(erase(wave, command)));
    erased.await?.map_err(Tried::refused)
}

async fn erase(wave: &mut Wave, command: &Erase) -> Result<Result<(), MeRefused>, Unexpected> {
    // A new role would have ended the session: who is no admin now has not become one.
    let admins = match command.role {
        Role::Admin => store::lock_admins(wave.tx()).await?,
        Role::Customer | Role::Support => Vec::new(),
    };
    let Some(mut who) = lock_who(wave, &command.caller).await? else {
        return Ok(Err(MeRefused::NotLoggedIn));
    };
    let id = who.account.id;
    if who.account.password_hash != command.seen_hash {
        return Ok(Err(MeRefused::WrongPassword));
    }
    if who.account.is_admin() && !admins.iter().any(|admin| admin.id != id) {
        return Ok(Err(MeRefused::LastAdmin));
    }
    end_all(wave, id, None).await?;
    store::forget_devices(wave.tx(), id).await?;
    store::delete_links(wave.tx(), id, None).await?;
    store::delete_addresses(wave.tx(), id, None).await?;
    store::delete_account(wave.tx(), id).await?;
    wave.tell(who.account.next_version(), AccountErased { account: id })?;
    Ok(Ok(()))
}
