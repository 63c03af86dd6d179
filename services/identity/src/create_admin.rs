//! The first admin, by the command line.
use crate::Identity;
use crate::account::{Email, Newcomer, OpenAccount, Password, refusal};
use crate::register::{open_account, prepare, taken_meanwhile};
use contracts::identity::{CreateAdmin, RegisterRefused};
use contracts::{AccountId, CallError, Caller, Role};
use kit::calls::Answer;

/// Opens an account with the role `admin`, for the command line. It is not logged in.
/// # Errors
/// [`RegisterRefused`], see there; not done for anybody but the store itself.
pub async fn create_admin(
    service: &Identity,
    caller: &Caller,
    call: CreateAdmin,
) -> Answer<CreateAdmin> {
    if *caller != Caller::Store {
        return Err(CallError::NotDone("only the store itself creates admins".to_owned()));
    }
    let invalid = |field| move |reason| CallError::Refused(refusal(&[(field, reason)]));
    let email = Email::parse(&call.email).map_err(invalid("email"))?;
    let password = Password::parse(&call.password).map_err(invalid("password"))?;
    let name = email.local_part().to_owned();
    let open = prepare(service, Newcomer { email, password, name }, Role::Admin).await?;
    let email = open.email.clone();
    let opened = service.waves.write(open, |wave, open: &OpenAccount| {
        Box::pin(async move { Ok(open_account(wave, open, None).await?.map(|account| account.id)) })
    });
    let account: Option<AccountId> = taken_meanwhile(service, &email, opened.await).await?;
    account.ok_or(CallError::Refused(RegisterRefused::EmailTaken))
}
