//! Login: a new session for whoever knows address and password.
use crate::account::{Account, Email, Password};
use crate::tokens::{self, Login};
use crate::tries::{Kind, Tried};
use crate::{Identity, not_done, store};
use contracts::identity::{LogIn, LogInRefused, Tokens};
use kit::problem::Unexpected;
use kit::wave::Wave;

struct LoggingIn {
    seen: Account,
    device: Option<String>,
}

/// Opens a session. An unknown address and a disabled account take as long as a wrong password,
/// count like one, and answer the same.
/// # Errors
/// [`LogInRefused`]; too often after many guesses at one address.
pub async fn log_in(service: &Identity, call: LogIn) -> Result<Tokens, Tried<LogInRefused>> {
    let refused = || Tried::refused(LogInRefused);
    // No account has such a password, whatever the address.
    let password = Password::parse(&call.password).map_err(|_| refused())?;
    let email = Email::parse(&call.email).ok();
    let account = match &email {
        Some(email) => {
            // Before the look, so that many at once are counted too.
            service.tries.take(Kind::Password, email.as_str(), service.sources.now())?;
            store::account_of(service.db.reader(), email).await.map_err(not_done)?
        }
        None => None,
    };
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let matches = service.passwords.verify(password, hash).await?;
    let seen = account.filter(|account| matches && !account.disabled).ok_or_else(refused)?;
    service.tries.give_back(Kind::Password, &seen.email);
    service.ready().await?;
    let command = LoggingIn { seen, device: call.device };
    let login =
        service.waves.write(command, |wave, command: &LoggingIn| Box::pin(open(wave, command)));
    let login = login.await?.ok_or_else(refused)?;
    Ok(tokens::issue(service, &login).await?)
}

/// The account as it is now, should it still have the password that was looked at. Locked: a
/// session is opened either before the password changes, and ended by that, or not at all.
async fn open(wave: &mut Wave, command: &LoggingIn) -> Result<Option<Login>, Unexpected> {
    let LoggingIn { seen, device } = command;
    let account = store::lock_account(wave.tx(), seen.id).await?;
    let same = |account: &Account| account.password_hash == seen.password_hash && !account.disabled;
    match account.filter(same) {
        Some(account) => tokens::open_session(wave, &account, device.as_deref()).await.map(Some),
        None => Ok(None),
    }
}
