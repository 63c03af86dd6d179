//! Logout: the end of the caller's session, at once.
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
    let Some(mut session) = store::lock_session(wave.tx(), session).await? else { return Ok(()) };
    if let Some(ended) = session.end(wave.now()) {
        store::save_session(wave.tx(), &session).await?;
        wave.tell(session.version, ended)?;
    }
    Ok(())
}
