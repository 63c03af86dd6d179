//! Logout: the end of the caller's session, at once.
use crate::session::Session;
use crate::{Identity, store};
use contracts::identity::LogOut;
use contracts::{Caller, SessionId};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Ends the caller's session. Who has none, or none any more, changes nothing.
/// # Errors
/// Not done, when the database fails.
pub async fn log_out(service: &Identity, caller: &Caller) -> Answer<LogOut> {
    let Caller::Account { session, .. } = caller else { return Ok(()) };
    let ended =
        service.waves.write(*session, |wave, session: &SessionId| Box::pin(end(wave, *session)));
    Ok(ended.await?)
}

async fn end(wave: &mut Wave, session: SessionId) -> Result<(), Unexpected> {
    match store::lock_session(wave.tx(), session).await? {
        Some(session) => end_one(wave, session).await,
        None => Ok(()),
    }
}

/// Ends a session that is locked, and tells of it, unless it had ended.
/// # Errors
/// When the database fails.
pub async fn end_one(wave: &mut Wave, mut session: Session) -> Result<(), Unexpected> {
    if let Some(ended) = session.end(wave.now()) {
        store::save_session(wave.tx(), &session).await?;
        wave.tell(session.version, ended)?;
    }
    Ok(())
}
