//! The end of sessions that somebody else may have, at once.
use crate::who::lock_who;
use crate::{Identity, log_out, store};
use contracts::identity::{EndSessions, MeRefused};
use contracts::{AccountId, CallError, Caller, SessionId};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Ends one of the caller's sessions, or all but the one that asks.
/// # Errors
/// [`MeRefused`], see there.
pub async fn end_sessions(
    service: &Identity,
    caller: &Caller,
    call: EndSessions,
) -> Answer<EndSessions> {
    let command = (caller.clone(), call.session);
    let ended =
        service.waves.write(command, |wave, (caller, session): &(Caller, Option<SessionId>)| {
            Box::pin(end(wave, caller, *session))
        });
    ended.await?.map_err(CallError::Refused)
}

async fn end(
    wave: &mut Wave,
    caller: &Caller,
    session: Option<SessionId>,
) -> Result<Result<(), MeRefused>, Unexpected> {
    let Some(who) = lock_who(wave, caller).await? else {
        return Ok(Err(MeRefused::NotLoggedIn));
    };
    let Some(session) = session else {
        end_all(wave, who.account.id, Some(who.session.id)).await?;
        return Ok(Ok(()));
    };
    let found = store::lock_session(wave.tx(), session).await?;
    let Some(found) = found.filter(|found| found.account == who.account.id) else {
        return Ok(Err(MeRefused::NotFound));
    };
    log_out::end_one(wave, found).await?;
    Ok(Ok(()))
}

/// Ends the live sessions of an account that is locked, all but one, and tells of each.
/// # Errors
/// When the database fails.
pub async fn end_all(
    wave: &mut Wave,
    account: AccountId,
    except: Option<SessionId>,
) -> Result<(), Unexpected> {
    let now = wave.now();
    let mut live = store::lock_sessions_of(wave.tx(), account, now).await?;
    live.retain(|session| Some(session.id) != except);
    let mut news = Vec::with_capacity(live.len());
    for session in &mut live {
        news.extend(session.end(now).map(|ended| (session.version, ended)));
    }
    store::save_ended(wave.tx(), &live).await?;
    for (version, ended) in news {
        wave.tell(version, ended)?;
    }
    Ok(())
}
