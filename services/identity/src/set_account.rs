//! What staff says an account may do.
use crate::end_sessions::end_all;
use crate::{Identity, store};
use contracts::caller::Permission;
use contracts::identity::{AccountForStaff, AccountRefused, SetAccount};
use contracts::{CallError, Caller};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Changes an account's role, or lets nobody log in to it. What is new ends its sessions, at once.
/// # Errors
/// [`AccountRefused`], see there.
pub async fn set_account(
    service: &Identity,
    caller: &Caller,
    call: SetAccount,
) -> Answer<SetAccount> {
    if !caller.may(Permission::ManageAccounts) {
        return Err(CallError::Refused(AccountRefused::NotAllowed));
    }
    let command = (caller.clone(), call);
    let set = service.waves.write(command, |wave, (caller, call): &(Caller, SetAccount)| {
        Box::pin(set(wave, caller, call))
    });
    set.await?.map_err(CallError::Refused)
}

async fn set(
    wave: &mut Wave,
    caller: &Caller,
    call: &SetAccount,
) -> Result<Result<AccountForStaff, AccountRefused>, Unexpected> {
    // Locked before anything else: of two admins who disable each other one comes second.
    let admins = store::lock_admins(wave.tx()).await?;
    if let Caller::Account { account, session, .. } = caller {
        // By the database: this session may have ended while the request waited.
        let asking = store::session_by_id(wave.tx(), *session).await?;
        let now = wave.now();
        if !asking.is_some_and(|asking| asking.account == *account && asking.is_live(now)) {
            return Ok(Err(AccountRefused::NotAllowed));
        }
    }
    let Some(mut account) = store::lock_account(wave.tx(), call.account).await? else {
        return Ok(Err(AccountRefused::NotFound));
    };
    let was_admin = account.is_admin();
    if !account.set(call.role, call.disabled) {
        return Ok(Ok(account.for_staff()));
    }
    let others = admins.iter().any(|admin| admin.id != account.id);
    if was_admin && !account.is_admin() && !others {
        return Ok(Err(AccountRefused::LastAdmin));
    }
    account.next_version();
    store::save_account(wave.tx(), &account).await?;
    if account.disabled {
        store::delete_links(wave.tx(), account.id, None).await?;
    }
    end_all(wave, account.id, None).await?;
    Ok(Ok(account.for_staff()))
}
