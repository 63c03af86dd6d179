//! Login: a new session for whoever knows address and password.
use crate::account::{Account, Email, Password};
use crate::tokens::{self, Login};
use crate::{Identity, store};
use contracts::CallError;
use contracts::identity::{LogIn, LogInRefused};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Opens a session. An unknown address takes as long as a wrong password, and answers the same.
/// # Errors
/// [`LogInRefused`], see there.
pub async fn log_in(service: &Identity, call: LogIn) -> Answer<LogIn> {
    let refused = || CallError::Refused(LogInRefused);
    // No account has such a password, whatever the address.
    let password = Password::parse(&call.password).map_err(|_| refused())?;
    let account = match Email::parse(&call.email) {
        Ok(email) => {
            store::account_of(service.db.reader(), &email).await.map_err(crate::not_done)?
        }
        Err(_) => None,
    };
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let matches = service.passwords.verify(password, hash).await?;
    let account = account.filter(|_| matches).ok_or_else(refused)?;
    service.ready().await?;
    let login =
        service.waves.write(account, |wave, account: &Account| Box::pin(open(wave, account)));
    let login = login.await?.ok_or_else(refused)?;
    tokens::issue(service, &login).await
}

/// The account as it is now, should it still have the password that was looked at.
async fn open(wave: &mut Wave, seen: &Account) -> Result<Option<Login>, Unexpected> {
    let account = store::account_by_id(wave.tx(), seen.id).await?;
    match account.filter(|account| account.password_hash == seen.password_hash) {
        Some(account) => tokens::open_session(wave, &account).await.map(Some),
        None => Ok(None),
    }
}
