//! The forgetting of a postal address.
use crate::who::lock_who;
use crate::{Identity, store};
use contracts::identity::{MeRefused, RemoveAddress};
use contracts::{AddressId, CallError, Caller};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Forgets one of the caller's addresses. One that is not there, or a stranger's, changes nothing.
/// # Errors
/// [`MeRefused::NotLoggedIn`].
pub async fn remove_address(
    service: &Identity,
    caller: &Caller,
    call: RemoveAddress,
) -> Answer<RemoveAddress> {
    let command = (caller.clone(), call.id);
    let removed = service.waves.write(command, |wave, (caller, id): &(Caller, AddressId)| {
        Box::pin(remove(wave, caller, *id))
    });
    if removed.await? { Ok(()) } else { Err(CallError::Refused(MeRefused::NotLoggedIn)) }
}

async fn remove(wave: &mut Wave, caller: &Caller, id: AddressId) -> Result<bool, Unexpected> {
    let Some(who) = lock_who(wave, caller).await? else { return Ok(false) };
    store::delete_addresses(wave.tx(), who.account.id, Some(id)).await?;
    Ok(true)
}
