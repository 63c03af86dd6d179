//! Owns accounts, sessions, links that are sent by mail, postal addresses that accounts keep, and
//! the keys that sign access tokens. Promises that a session that ended is told at once, that a
//! refresh token and a link work once, and that a store never loses its last admin. Never keeps a
//! password, a refresh token or the secret of a link, only what they are checked by, and never
//! says whether an address is known to who logs in or forgot a password.
#![warn(missing_docs)]

mod account;
mod address_book;
mod ask_link;
mod change_password;
mod create_admin;
mod end_sessions;
mod erase_me;
mod export_me;
mod forgot_password;
mod http;
mod keys;
mod link;
mod log_in;
mod log_out;
mod open_link;
mod password;
mod queries;
mod refresh;
mod register;
mod remove_address;
mod reset_password;
mod save_address;
mod session;
mod set_account;
mod store;
mod tokens;
mod tries;
mod update_me;
mod verify_email;
mod who;

use arc_swap::ArcSwapOption;
use contracts::CallError;
use contracts::cart::GetCart;
use contracts::catalog::ReviewsBy;
use contracts::identity::{
    AccountErased, AskToVerify, ChangePassword, ContactsOf, CreateAdmin, EmailVerified,
    EndSessions, EraseMe, ExportMe, ForgotPassword, GetMe, LinkAsked, LinksFor, ListAccounts,
    ListAddresses, ListSessions, LogIn, LogOut, PublishedKeys, Refresh, Register, RemoveAddress,
    ResetPassword, RevokedSessions, SaveAddress, SessionEnded, SetAccount, StaffContacts, UpdateMe,
    UserRegistered, VerifyEmail,
};
use contracts::notifications::ListNotifications;
use contracts::orders::ListOrders;
use contracts::payments::WalletEntries;
use keys::Keys;
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::problem::Unexpected;
use kit::wave::{Wave, Waves};
use kit::worker::Worked;
use password::Passwords;
use std::sync::Arc;
use std::time::Duration;
use tries::{Tried, Tries};

/// The identity service.
pub struct Identity {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    passwords: Passwords,
    tries: Tries,
    master_key: Option<[u8; 32]>,
    keys: ArcSwapOption<Keys>,
}

impl Identity {
    /// The keys, read when they are first asked for: at the start, before anything is served.
    async fn keys(&self) -> Result<Arc<Keys>, Unexpected> {
        match self.keys.load_full() {
            Some(keys) => Ok(keys),
            None => keys::load_or_make(self).await,
        }
    }
    /// The same, for a call.
    async fn ready<E>(&self) -> Result<Arc<Keys>, CallError<E>> {
        self.keys().await.map_err(not_done)
    }
    /// The id of the key that signs now.
    async fn signing_kid(&self) -> Result<String, Unexpected> {
        let keys = self.keys().await?;
        Ok(keys.signing(self.sources.now())?.kid().to_owned())
    }
}

/// Our own fault, as a call that was not done.
fn not_done<E>(error: impl Into<Unexpected>) -> CallError<E> {
    let unexpected = error.into();
    unexpected.log();
    CallError::NotDone(unexpected.to_string())
}

/// Sessions that are over are kept until their tokens are, links until they expire; then both are
/// forgotten.
async fn forget_sessions(service: &Identity) -> Result<Worked, Unexpected> {
    let forgotten = service.waves.write((), |wave: &mut Wave, ()| {
        Box::pin(async move {
            store::forget_links(wave.tx(), wave.now()).await?;
            Ok(store::forget_sessions(wave.tx(), wave.now()).await?)
        })
    });
    forgotten.await.map_err(Unexpected::from_error)?;
    Ok(Worked::Idle)
}

fn build(parts: Parts) -> Result<Identity, Unexpected> {
    let master_key = parts.config.master_key_bytes();
    let tries = Tries::new(parts.config.rate_limit.is_on());
    let Parts { db, waves, calls, sources, .. } = parts;
    let (passwords, keys) = (Passwords::default(), ArcSwapOption::empty());
    Ok(Identity { db, waves, calls, sources, passwords, tries, master_key, keys })
}

/// What identity says of itself.
pub fn plug() -> Plug<Identity> {
    let migrations = vec![kit::migration!("0001_identity"), kit::migration!("0002_people")];
    let plug = Plug::new("identity", migrations, build)
        .tells::<UserRegistered>()
        .tells::<SessionEnded>()
        .tells::<LinkAsked>()
        .tells::<EmailVerified>()
        .tells::<AccountErased>()
        .calls::<ListOrders>()
        .calls::<WalletEntries>()
        .calls::<ListNotifications>()
        .calls::<GetCart>()
        .calls::<ReviewsBy>()
        .works("forget_sessions", Duration::from_secs(3600), |s| Box::pin(forget_sessions(s)))
        .works("rotate_keys", Duration::from_secs(3600), |s| Box::pin(keys::rotate_keys(s)))
        .works(forgot_password::WORKER, Duration::from_secs(60), |s| {
            Box::pin(forgot_password::answer_forgotten(s))
        })
        .on_start(|s| Box::pin(async move { s.keys().await.map(|_| ()) }))
        .routes(http::routes);
    for_everybody(for_me(for_the_store(plug)))
}

/// What anybody may ask.
fn for_everybody(plug: Plug<Identity>) -> Plug<Identity> {
    plug.answers::<Register>(|s, _, call| Box::pin(register::register(s, call)))
        .answers::<LogIn>(|s, _, call| {
            Box::pin(async move { log_in::log_in(s, call).await.map_err(Tried::call) })
        })
        .answers::<Refresh>(|s, _, call| Box::pin(refresh::refresh(s, call)))
        .answers::<ForgotPassword>(|s, _, call| {
            Box::pin(
                async move { forgot_password::forgot_password(s, call).await.map_err(Tried::call) },
            )
        })
        .answers::<ResetPassword>(|s, _, call| {
            Box::pin(
                async move { reset_password::reset_password(s, call).await.map_err(Tried::call) },
            )
        })
        .answers::<VerifyEmail>(|s, _, call| {
            Box::pin(async move { verify_email::verify_email(s, call).await.map_err(Tried::call) })
        })
        .answers::<RevokedSessions>(|s, _, _| Box::pin(queries::revoked_sessions(s)))
        .answers::<PublishedKeys>(|s, _, _| Box::pin(queries::published_keys(s)))
}

/// What a person asks about the own account.
fn for_me(plug: Plug<Identity>) -> Plug<Identity> {
    plug.answers::<LogOut>(|s, caller, _| Box::pin(log_out::log_out(s, caller)))
        .answers::<GetMe>(|s, caller, _| Box::pin(queries::get_me(s, caller)))
        .answers::<UpdateMe>(|s, caller, call| Box::pin(update_me::update_me(s, caller, call)))
        .answers::<AskToVerify>(|s, caller, call| {
            Box::pin(async move {
                verify_email::ask_to_verify(s, caller, call).await.map_err(Tried::call)
            })
        })
        .answers::<ChangePassword>(|s, caller, call| {
            Box::pin(async move {
                change_password::change_password(s, caller, call).await.map_err(Tried::call)
            })
        })
        .answers::<EraseMe>(|s, caller, call| {
            Box::pin(async move { erase_me::erase_me(s, caller, call).await.map_err(Tried::call) })
        })
        .answers::<ExportMe>(|s, caller, _| Box::pin(export_me::export_me(s, caller)))
        .answers::<ListSessions>(|s, caller, _| Box::pin(queries::list_sessions(s, caller)))
        .answers::<EndSessions>(|s, caller, call| {
            Box::pin(end_sessions::end_sessions(s, caller, call))
        })
        .answers::<ListAddresses>(|s, caller, _| Box::pin(queries::list_addresses(s, caller)))
        .answers::<SaveAddress>(|s, caller, call| {
            Box::pin(save_address::save_address(s, caller, call))
        })
        .answers::<RemoveAddress>(|s, caller, call| {
            Box::pin(remove_address::remove_address(s, caller, call))
        })
}

/// What staff and the store itself ask.
fn for_the_store(plug: Plug<Identity>) -> Plug<Identity> {
    plug.answers::<ContactsOf>(|s, caller, call| Box::pin(queries::contacts_of(s, caller, call)))
        .answers::<StaffContacts>(|s, caller, _| Box::pin(queries::staff_contacts(s, caller)))
        .answers::<LinksFor>(|s, caller, call| Box::pin(queries::links_for(s, caller, call)))
        .answers::<ListAccounts>(|s, caller, call| {
            Box::pin(queries::list_accounts(s, caller, call))
        })
        .answers::<SetAccount>(|s, caller, call| {
            Box::pin(set_account::set_account(s, caller, call))
        })
        .answers::<CreateAdmin>(|s, caller, call| {
            Box::pin(create_admin::create_admin(s, caller, call))
        })
}
