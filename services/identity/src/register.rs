//! Registration: a new account, and its first session.
use crate::account::{Account, Email, Newcomer, OpenAccount, refusal};
use crate::link::Link;
use crate::tokens::{self, Login};
use crate::{Identity, store};
use contracts::identity::{LinkPurpose, Register, RegisterRefused, UserRegistered};
use contracts::{CallError, Role};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::{NotRun, Wave};

struct Registering {
    open: OpenAccount,
    device: Option<String>,
    kid: String,
}

/// Opens an account and logs in.
/// # Errors
/// [`RegisterRefused`], see there.
pub async fn register(service: &Identity, call: Register) -> Answer<Register> {
    let newcomer = Newcomer::check(&call).map_err(|faults| CallError::Refused(refusal(&faults)))?;
    let open = prepare(service, newcomer, Role::Customer).await?;
    // Before anything is saved: who is registered gets tokens.
    let kid = service.signing_kid().await.map_err(crate::not_done)?;
    let email = open.email.clone();
    let command = Registering { open, device: call.device, kid };
    let opened = service.waves.write(command, |wave, command: &Registering| {
        Box::pin(async move {
            let Registering { open, device, kid } = command;
            let Some(account) = open_account(wave, open, Some(kid)).await? else { return Ok(None) };
            tokens::open_session(wave, &account, device.as_deref()).await.map(Some)
        })
    });
    let login: Option<Login> = taken_meanwhile(service, &email, opened.await).await?;
    match login {
        Some(login) => tokens::issue(service, &login).await,
        None => Err(CallError::Refused(RegisterRefused::EmailTaken)),
    }
}

/// Looks whether the address is free before the password is hashed, which is dear.
/// # Errors
/// Where it is taken.
pub async fn prepare(
    service: &Identity,
    newcomer: Newcomer,
    role: Role,
) -> Result<OpenAccount, CallError<RegisterRefused>> {
    let Newcomer { email, password, name } = newcomer;
    if store::account_of(service.db.reader(), &email).await.map_err(crate::not_done)?.is_some() {
        return Err(CallError::Refused(RegisterRefused::EmailTaken));
    }
    let password_hash = service.passwords.hash(password, &service.sources).await?;
    Ok(OpenAccount { email, name, password_hash, role })
}

/// Opens the account and tells of it; none where the address is taken. With the `kid` of the key
/// that signs, a link that verifies the address is asked for too.
/// # Errors
/// When the database fails.
pub async fn open_account(
    wave: &mut Wave,
    open: &OpenAccount,
    kid: Option<&str>,
) -> Result<Option<Account>, Unexpected> {
    if store::account_of(wave.tx(), &open.email).await?.is_some() {
        return Ok(None);
    }
    let mut account = Account::open(wave.id(), open, wave.now());
    wave.tell(account.version, UserRegistered { account: account.id })?;
    if let Some(kid) = kid {
        let verify = LinkPurpose::VerifyEmail;
        let link = Link::new(wave.id(), account.id, verify, kid, wave.now());
        store::insert_link(wave.tx(), &link).await?;
        wave.tell(account.next_version(), link.asked())?;
    }
    store::insert_account(wave.tx(), &account).await?;
    Ok(Some(account))
}

/// Two replicas that register one address at once: the unique index fails the later wave, and a
/// look tells why.
/// # Errors
/// Any other failure.
pub async fn taken_meanwhile<T>(
    service: &Identity,
    email: &Email,
    opened: Result<Option<T>, NotRun>,
) -> Result<Option<T>, CallError<RegisterRefused>> {
    if let Err(NotRun::Failed(_)) = &opened {
        let found = store::account_of(service.db.reader(), email).await;
        if found.map_err(crate::not_done)?.is_some() {
            return Ok(None);
        }
    }
    Ok(opened?)
}
