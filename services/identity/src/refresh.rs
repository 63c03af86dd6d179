//! The exchange of a refresh token for the next pair.
use crate::session::{RefreshToken, Used};
use crate::tokens::{self, Login};
use crate::{Identity, store};
use contracts::CallError;
use contracts::identity::{Refresh, RefreshRefused};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Exchanges a refresh token. One that was used before ends its session, at once.
/// # Errors
/// [`RefreshRefused`], see there.
pub async fn refresh(service: &Identity, call: Refresh) -> Answer<Refresh> {
    let refused = || CallError::Refused(RefreshRefused);
    let token = RefreshToken::parse(&call.refresh_token).ok_or_else(refused)?;
    service.ready().await?;
    let login =
        service.waves.write(token, |wave, token: &RefreshToken| Box::pin(exchange(wave, token)));
    let login = login.await?.ok_or_else(refused)?;
    tokens::issue(service, &login).await
}

async fn exchange(wave: &mut Wave, token: &RefreshToken) -> Result<Option<Login>, Unexpected> {
    let Some(mut session) = store::lock_session(wave.tx(), token.session).await? else {
        return Ok(None);
    };
    let account = store::account_by_id(wave.tx(), session.account).await?;
    // Disabling ends the sessions; this one would have to have been opened meanwhile.
    let Some(account) = account.filter(|account| !account.disabled) else { return Ok(None) };
    let next = token.next(wave.sources());
    match session.exchange(token, &next, wave.now()) {
        Used::Refused => Ok(None),
        Used::Again(ended) => {
            tracing::warn!(session = %session.id, "a refresh token was used again; its session is ended");
            store::save_session(wave.tx(), &session).await?;
            wave.tell(session.version, ended)?;
            Ok(None)
        }
        Used::Exchanged => {
            store::save_session(wave.tx(), &session).await?;
            let (account, role, at) = (account.id, account.role, wave.now());
            Ok(Some(Login { account, session: session.id, role, refresh: next, at }))
        }
    }
}
