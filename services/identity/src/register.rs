//! Registration: a new account, and its first session.
use crate::account::{Account, Email, Newcomer, refusal};
use crate::tokens::{self, Login};
use crate::{Identity, store};
use contracts::identity::{Register, RegisterRefused, UserRegistered};
use contracts::{CallError, Role};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::{NotRun, Wave};

/// An account to be opened.
#[derive(Clone)]
pub struct OpenAccount {
    /// Normalised.
    pub email: Email,
    /// How to address the person.
    pub name: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// What the account may do.
    pub role: Role,
}

/// Opens an account and logs in.
/// # Errors
/// [`RegisterRefused`], see there.
pub async fn register(service: &Identity, call: Register) -> Answer<Register> {
    let newcomer = Newcomer::check(&call).map_err(|faults| CallError::Refused(refusal(&faults)))?;
    let open = prepare(service, newcomer, Role::Customer).await?;
    // Before anything is saved: who is registered gets tokens.
    service.ready().await?;
    let email = open.email.clone();
    let opened = service.waves.write(open, |wave, open: &OpenAccount| {
        Box::pin(async move {
            let Some(account) = open_account(wave, open).await? else { return Ok(None) };
            tokens::open_session(wave, &account).await.map(Some)
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

/// Opens the account and tells of it; none where the address is taken.
/// # Errors
/// When the database fails.
pub async fn open_account(
    wave: &mut Wave,
    open: &OpenAccount,
) -> Result<Option<Account>, Unexpected> {
    if store::account_of(wave.tx(), &open.email).await?.is_some() {
        return Ok(None);
    }
    let account = Account {
        id: wave.id(),
        email: open.email.to_string(),
        name: open.name.clone(),
        password_hash: open.password_hash.clone(),
        role: open.role,
        created_at: wave.now(),
        version: 1,
    };
    store::insert_account(wave.tx(), &account).await?;
    wave.tell(account.version, UserRegistered { account: account.id })?;
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
