//! What identity answers to those who read.
use crate::{Identity, not_done, store};
use contracts::identity::{ContactsOf, GetMe, Me, NotLoggedIn, PublishedKeys, RevokedSessions};
use contracts::{CallError, Caller};
use kit::calls::Answer;

/// How many accounts one call may ask for.
const MOST_CONTACTS: usize = 1000;

/// The caller's own account, should its session be live: by the database, not by a cache.
/// # Errors
/// [`NotLoggedIn`], see there.
pub async fn get_me(service: &Identity, caller: &Caller) -> Answer<GetMe> {
    let refused = || CallError::Refused(NotLoggedIn);
    let Caller::Account { account, session, .. } = caller else { return Err(refused()) };
    let reader = service.db.reader();
    let session = store::session_by_id(reader, *session).await.map_err(not_done)?;
    let live = session.is_some_and(|session| {
        session.account == *account && session.is_live(service.sources.now())
    });
    let account = store::account_by_id(reader, *account).await.map_err(not_done)?;
    let account = account.filter(|_| live).ok_or_else(refused)?;
    Ok(Me {
        id: account.id,
        email: account.email,
        name: account.name,
        role: account.role,
        created_at: account.created_at,
    })
}

/// Where to write to people; for the store itself.
/// # Errors
/// Not done, for anybody else, for too many, or when the database fails.
pub async fn contacts_of(
    service: &Identity,
    caller: &Caller,
    call: ContactsOf,
) -> Answer<ContactsOf> {
    if *caller != Caller::Store {
        return Err(CallError::NotDone("only the store itself asks for addresses".to_owned()));
    }
    if call.accounts.len() > MOST_CONTACTS {
        return Err(CallError::NotDone(format!("more than {MOST_CONTACTS} accounts in one call")));
    }
    store::contacts(service.db.reader(), &call.accounts).await.map_err(not_done)
}

/// The sessions that ended and whose tokens still live.
/// # Errors
/// Not done, when the database fails.
pub async fn revoked_sessions(service: &Identity) -> Answer<RevokedSessions> {
    store::revoked(service.db.reader(), service.sources.now()).await.map_err(not_done)
}

/// The keys that verify access tokens.
/// # Errors
/// Not done, when the database fails.
pub async fn published_keys(service: &Identity) -> Answer<PublishedKeys> {
    Ok(service.ready().await?.published())
}
