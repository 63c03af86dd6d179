//! What identity answers to those who read.
use crate::store::Listing;
use crate::who::{known, who};
use crate::{Identity, keys, not_done, open_link, store};
use contracts::caller::Permission;
use contracts::identity::{
    AccountPage, AccountRefused, ContactsOf, GetMe, LinksFor, ListAccounts, ListAddresses,
    ListSessions, NotLoggedIn, PublishedKeys, RevokedSessions, SecretLink, StaffContacts,
};
use contracts::{AccountId, CallError, Caller, Timestamp};
use kit::calls::Answer;
use kit::pages::{CursorQuery, Listed};

/// How many accounts or links one call may ask for.
const MOST_ASKED: usize = 1000;
/// The longest beginning of an address that is looked for, in bytes: as the longest address.
const LONGEST_BEGINNING: usize = 254;

/// The caller's own account, should its session be live: by the database, not by a cache.
/// # Errors
/// [`NotLoggedIn`], see there.
pub async fn get_me(service: &Identity, caller: &Caller) -> Answer<GetMe> {
    let who = who(service, caller).await.map_err(not_done)?;
    Ok(who.ok_or(CallError::Refused(NotLoggedIn))?.account.me())
}

/// Only the store itself may ask, and not for too much at once.
fn store_asks<E>(caller: &Caller, count: usize) -> Result<(), CallError<E>> {
    if *caller != Caller::Store {
        return Err(CallError::NotDone("only the store itself asks for this".to_owned()));
    }
    if count > MOST_ASKED {
        return Err(CallError::NotDone(format!("more than {MOST_ASKED} in one call")));
    }
    Ok(())
}

/// Where to write to people; for the store itself.
/// # Errors
/// Not done, for anybody else, for too many, or when the database fails.
pub async fn contacts_of(
    service: &Identity,
    caller: &Caller,
    call: ContactsOf,
) -> Answer<ContactsOf> {
    store_asks(caller, call.accounts.len())?;
    store::contacts(service.db.reader(), &call.accounts).await.map_err(not_done)
}

/// Where to write to those who run the shop; for the store itself.
/// # Errors
/// Not done, for anybody else, or when the database fails.
pub async fn staff_contacts(service: &Identity, caller: &Caller) -> Answer<StaffContacts> {
    store_asks(caller, 0)?;
    store::staff_contacts(service.db.reader()).await.map_err(not_done)
}

/// The secrets of links that would do something; for the store itself.
/// # Errors
/// Not done, for anybody else, for too many, or when the database fails.
pub async fn links_for(service: &Identity, caller: &Caller, call: LinksFor) -> Answer<LinksFor> {
    store_asks(caller, call.links.len())?;
    let now = service.sources.now();
    let live = store::live_links(service.db.reader(), &call.links, now).await;
    let live = live.map_err(not_done)?;
    let mut links: Vec<SecretLink> = Vec::with_capacity(live.len());
    for link in live {
        let key = open_link::key_of(service, &link.kid).await.map_err(not_done)?;
        // A link whose key is gone has expired, whatever its row says.
        links.extend(key.map(|key| link.with_secret(&key)));
    }
    Ok(links)
}

/// The sessions that ended and whose tokens still live.
/// # Errors
/// Not done, when the database fails.
pub async fn revoked_sessions(service: &Identity) -> Answer<RevokedSessions> {
    store::revoked(service.db.reader(), service.sources.now()).await.map_err(not_done)
}

/// The keys that verify access tokens, as the database has them: whoever asks may have met a
/// token that another replica signed.
/// # Errors
/// Not done, when the database fails.
pub async fn published_keys(service: &Identity) -> Answer<PublishedKeys> {
    let keys = keys::reload(service).await.map_err(not_done)?;
    Ok(keys.published(service.sources.now()))
}

/// The caller's addresses.
/// # Errors
/// Not logged in, see there.
pub async fn list_addresses(service: &Identity, caller: &Caller) -> Answer<ListAddresses> {
    let who = known(service, caller).await?;
    store::addresses_of(service.db.reader(), who.account.id).await.map_err(not_done)
}

/// The caller's live sessions, newest first.
/// # Errors
/// Not logged in, see there.
pub async fn list_sessions(service: &Identity, caller: &Caller) -> Answer<ListSessions> {
    let who = known(service, caller).await?;
    let now = service.sources.now();
    let live = store::sessions_of(service.db.reader(), who.account.id, now).await;
    let live = live.map_err(not_done)?;
    Ok(live.iter().map(|session| session.shown(who.session.id)).collect())
}

/// Accounts, for staff.
/// # Errors
/// [`AccountRefused`], see there.
pub async fn list_accounts(
    service: &Identity,
    caller: &Caller,
    call: ListAccounts,
) -> Answer<ListAccounts> {
    if !caller.may(Permission::ManageAccounts) {
        return Err(CallError::Refused(AccountRefused::NotAllowed));
    }
    let cursor = CursorQuery { cursor: call.cursor, ..CursorQuery::default() };
    let after: Option<(Timestamp, AccountId)> =
        cursor.after().map_err(|_| CallError::Refused(AccountRefused::Cursor))?;
    let starts = call.q.map(|q| q.trim().to_lowercase()).filter(|q| !q.is_empty());
    let odd = |q: &String| q.len() > LONGEST_BEGINNING || q.contains(char::is_control);
    if starts.as_ref().is_some_and(odd) {
        // No address starts so.
        return Ok(AccountPage { items: Vec::new(), next_cursor: None });
    }
    let limit = call.limit.clamp(1, 100);
    // One more tells whether there is another page.
    let wanted = Listing { starts, role: call.role, after, most: u64::from(limit) + 1 };
    let found = store::list_accounts(service.db.reader(), wanted).await.map_err(not_done)?;
    let page = Listed::cut(found, limit, |last| (last.created_at, last.id));
    let items = page.items.iter().map(crate::account::Account::for_staff).collect();
    Ok(AccountPage { items, next_cursor: page.next_cursor })
}
