//! Pairs of tokens: what a login or an exchange answers.
use crate::account::Account;
use crate::session::{ACCESS_TOKEN, RefreshToken, Session};
use crate::{Identity, store};
use contracts::identity::Tokens;
use contracts::{AccountId, CallError, Role, SessionId, Timestamp};
use kit::auth::Claims;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// A session that goes on: what its next pair of tokens is made of.
#[derive(Clone, Debug)]
pub struct Login {
    /// Whose.
    pub account: AccountId,
    /// Which login.
    pub session: SessionId,
    /// What the account may do.
    pub role: Role,
    /// To be answered once, and kept only as a hash.
    pub refresh: RefreshToken,
    /// When the session was written: the access token lives from then on.
    pub at: Timestamp,
}

/// A new session of `account`.
/// # Errors
/// When the database fails.
pub async fn open_session(
    wave: &mut Wave,
    account: &Account,
    device: Option<&str>,
) -> Result<Login, Unexpected> {
    let refresh = RefreshToken::first(wave.id(), wave.sources());
    let session = Session::open(account.id, &refresh, device, wave.now());
    store::insert_session(wave.tx(), &session).await?;
    let (session, at) = (session.id, wave.now());
    Ok(Login { account: account.id, session, role: account.role, refresh, at })
}

/// Signs the access token. It expires when the session's row says so, whatever time it is now.
/// # Errors
/// Not done, when there is no key or the library fails to sign.
pub async fn issue<E>(service: &Identity, login: &Login) -> Result<Tokens, CallError<E>> {
    let claims = Claims {
        sub: login.account,
        sid: login.session,
        role: login.role,
        iat: login.at.seconds(),
        exp: login.at.after(ACCESS_TOKEN).seconds(),
    };
    let keys = service.ready().await?;
    let signing = keys.signing(service.sources.now()).map_err(crate::not_done)?;
    Ok(Tokens {
        access_token: signing.sign(claims).map_err(crate::not_done)?,
        refresh_token: login.refresh.to_string(),
        token_type: "Bearer".to_owned(),
        expires_in: u32::try_from(ACCESS_TOKEN.as_secs()).unwrap_or(u32::MAX),
    })
}
