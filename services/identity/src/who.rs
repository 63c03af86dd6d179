//! Who asks: the caller's account and session as the database has them, whatever a token says.
use crate::account::{Account, Password};
use crate::session::Session;
use crate::tries::{Kind, Tried};
use crate::{Identity, not_done, store};
use contracts::identity::MeRefused;
use contracts::{CallError, Caller, Timestamp};
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Somebody whose session is live.
#[derive(Clone)]
pub struct Who {
    /// The account.
    pub account: Account,
    /// The login.
    pub session: Session,
}

impl Who {
    fn of(account: Option<Account>, session: Option<Session>, now: Timestamp) -> Option<Self> {
        let (account, session) = (account?, session?);
        let fits = session.account == account.id && session.is_live(now) && !account.disabled;
        fits.then_some(Self { account, session })
    }
}

/// The caller, to be answered.
/// # Errors
/// When the database fails.
pub async fn who(service: &Identity, caller: &Caller) -> Result<Option<Who>, Unexpected> {
    let Caller::Account { account, session, .. } = caller else { return Ok(None) };
    let reader = service.db.reader();
    let session = store::session_by_id(reader, *session).await?;
    let account = store::account_by_id(reader, *account).await?;
    Ok(Who::of(account, session, service.sources.now()))
}

/// The caller, or the refusal of those who have no live session.
/// # Errors
/// [`MeRefused::NotLoggedIn`]; not done when the database fails.
pub async fn known(service: &Identity, caller: &Caller) -> Result<Who, CallError<MeRefused>> {
    let who = who(service, caller).await.map_err(not_done)?;
    who.ok_or(CallError::Refused(MeRefused::NotLoggedIn))
}

/// The caller, with the account locked until the wave ends.
/// # Errors
/// When the database fails.
pub async fn lock_who(wave: &mut Wave, caller: &Caller) -> Result<Option<Who>, Unexpected> {
    let Caller::Account { account, session, .. } = caller else { return Ok(None) };
    let account = store::lock_account(wave.tx(), *account).await?;
    let session = store::session_by_id(wave.tx(), *session).await?;
    Ok(Who::of(account, session, wave.now()))
}

/// Whoever asks knows the password of the account, besides having a session of it.
/// # Errors
/// [`MeRefused::WrongPassword`], and too often after many of those.
pub async fn prove(
    service: &Identity,
    account: &Account,
    password: &str,
) -> Result<(), Tried<MeRefused>> {
    let wrong = || Tried::refused(MeRefused::WrongPassword);
    // No account has such a password.
    let password = Password::parse(password).map_err(|_| wrong())?;
    let email = account.email.as_str();
    service.tries.take(Kind::Password, email, service.sources.now())?;
    let hash = Some(account.password_hash.clone());
    if !service.passwords.verify(password, hash).await? {
        return Err(wrong());
    }
    service.tries.give_back(Kind::Password, email);
    Ok(())
}
