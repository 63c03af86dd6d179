//! A change of the caller's own account.
use crate::account::parse_name;
use crate::who::lock_who;
use crate::{Identity, store};
use contracts::identity::{Me, MeRefused, UpdateMe};
use contracts::{CallError, Caller};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Changes the caller's name.
/// # Errors
/// [`MeRefused`], see there.
pub async fn update_me(service: &Identity, caller: &Caller, call: UpdateMe) -> Answer<UpdateMe> {
    let name = call.name.as_deref().map(parse_name).transpose().map_err(|reason| {
        let (field, reason) = ("name".to_owned(), reason.to_owned());
        CallError::Refused(MeRefused::Invalid { field, reason })
    })?;
    let command = (caller.clone(), name);
    let updated =
        service.waves.write(command, |wave, (caller, name): &(Caller, Option<String>)| {
            Box::pin(update(wave, caller, name.as_deref()))
        });
    updated.await?.ok_or(CallError::Refused(MeRefused::NotLoggedIn))
}

async fn update(
    wave: &mut Wave,
    caller: &Caller,
    name: Option<&str>,
) -> Result<Option<Me>, Unexpected> {
    let Some(mut who) = lock_who(wave, caller).await? else { return Ok(None) };
    if let Some(name) = name.filter(|name| **name != who.account.name) {
        name.clone_into(&mut who.account.name);
        who.account.next_version();
        store::save_account(wave.tx(), &who.account).await?;
    }
    Ok(Some(who.account.me()))
}
