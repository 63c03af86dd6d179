//! The keeping of a postal address, new or changed.
use crate::address_book::{AddressChange, MOST, add, tidy};
use crate::who::lock_who;
use crate::{Identity, store};
use contracts::identity::{MeRefused, SaveAddress, SavedAddress};
use contracts::{Address, AddressId, CallError, Caller};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// The field that a refusal names where an account keeps too many addresses.
pub const TOO_MANY: &str = "addresses";

/// What is to be kept.
pub enum Keep {
    /// A new address.
    New(Address, Option<bool>),
    /// A change of one that is kept.
    Changed(AddressId, AddressChange, Option<bool>),
}

/// Keeps an address, or changes one.
/// # Errors
/// [`MeRefused`], see there.
pub async fn save_address(
    service: &Identity,
    caller: &Caller,
    call: SaveAddress,
) -> Answer<SaveAddress> {
    let SaveAddress { id, address, is_default } = call;
    let keep = match (id, address) {
        (Some(id), address) => {
            let change = address.map(AddressChange::to).unwrap_or_default();
            Keep::Changed(id, change, is_default)
        }
        (None, Some(address)) => Keep::New(address, is_default),
        (None, None) => return Err(invalid("address", "is required")),
    };
    keep_address(service, caller, keep).await
}

fn invalid(field: &str, reason: &str) -> CallError<MeRefused> {
    CallError::Refused(wrong(field, reason))
}
fn wrong(field: &str, reason: &str) -> MeRefused {
    MeRefused::Invalid { field: field.to_owned(), reason: reason.to_owned() }
}

/// The same, for a change of single fields too.
/// # Errors
/// [`MeRefused`], see there.
pub async fn keep_address(service: &Identity, caller: &Caller, keep: Keep) -> Answer<SaveAddress> {
    let command = (caller.clone(), keep);
    let kept = service.waves.write(command, |wave, (caller, keep): &(Caller, Keep)| {
        Box::pin(write(wave, caller, keep))
    });
    kept.await?.map_err(CallError::Refused)
}

async fn write(
    wave: &mut Wave,
    caller: &Caller,
    keep: &Keep,
) -> Result<Result<SavedAddress, MeRefused>, Unexpected> {
    let Some(who) = lock_who(wave, caller).await? else {
        return Ok(Err(MeRefused::NotLoggedIn));
    };
    let account = who.account.id;
    let kept = store::addresses_of(wave.tx(), account).await?;
    let decided = match keep {
        Keep::New(address, is_default) => add(&kept, wave.id(), address.clone(), *is_default)
            .ok_or_else(|| {
                wrong(TOO_MANY, &format!("would be more than {MOST}; remove one first"))
            }),
        Keep::Changed(id, change, is_default) => {
            let found = kept.iter().find(|kept| kept.id == *id);
            let changed = found.map(|found| SavedAddress {
                id: *id,
                is_default: is_default.unwrap_or(found.is_default),
                address: change.clone().of(found.address.clone()),
            });
            changed.ok_or(MeRefused::NotFound)
        }
    };
    let saved = match decided {
        Ok(saved) => saved,
        Err(refused) => return Ok(Err(refused)),
    };
    if let Some((field, reason)) = saved.address.faults().first() {
        return Ok(Err(wrong(field, reason)));
    }
    let saved = SavedAddress { address: tidy(saved.address), ..saved };
    if saved.is_default {
        store::clear_default(wave.tx(), account).await?;
    }
    match keep {
        Keep::New(..) => store::insert_address(wave.tx(), account, &saved, wave.now()).await?,
        Keep::Changed(..) => store::save_address(wave.tx(), &saved).await?,
    }
    Ok(Ok(saved))
}
