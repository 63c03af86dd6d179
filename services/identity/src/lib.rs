//! Owns accounts, sessions and the keys that sign access tokens. Promises that a session that
//! ended is told at once, and that a refresh token works once. Never keeps a password or a
//! refresh token, only their hashes, and never says whether an address is known to who logs in.
#![warn(missing_docs)]

mod account;
mod create_admin;
mod http;
mod keys;
mod log_in;
mod log_out;
mod password;
mod queries;
mod refresh;
mod register;
mod session;
mod store;
mod tokens;

use contracts::CallError;
use contracts::identity::{
    ContactsOf, CreateAdmin, GetMe, LogIn, LogOut, PublishedKeys, Refresh, Register,
    RevokedSessions, SessionEnded, UserRegistered,
};
use keys::Keys;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::problem::Unexpected;
use kit::wave::{Wave, Waves};
use kit::worker::Worked;
use password::Passwords;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The identity service.
pub struct Identity {
    db: Db,
    waves: Waves,
    sources: Sources,
    passwords: Passwords,
    master_key: Option<[u8; 32]>,
    keys: OnceCell<Keys>,
}

impl Identity {
    /// The keys, read when they are first asked for: at the start, before anything is served.
    async fn keys(&self) -> Result<&Keys, Unexpected> {
        self.keys.get_or_try_init(|| keys::load_or_make(self)).await
    }
    /// The same, for a call.
    async fn ready<E>(&self) -> Result<&Keys, CallError<E>> {
        self.keys().await.map_err(not_done)
    }
}

/// Our own fault, as a call that was not done.
fn not_done<E>(error: impl Into<Unexpected>) -> CallError<E> {
    let unexpected = error.into();
    unexpected.log();
    CallError::NotDone(unexpected.to_string())
}

/// Sessions that are over are kept until their tokens are, and then forgotten.
async fn forget_sessions(service: &Identity) -> Result<Worked, Unexpected> {
    let forgotten = service.waves.write((), |wave: &mut Wave, ()| {
        Box::pin(async move { Ok(store::forget_sessions(wave.tx(), wave.now()).await?) })
    });
    forgotten.await.map_err(Unexpected::from_error)?;
    Ok(Worked::Idle)
}

fn build(parts: Parts) -> Result<Identity, Unexpected> {
    let master_key = parts.config.master_key_bytes();
    let Parts { db, waves, sources, .. } = parts;
    let (passwords, keys) = (Passwords::default(), OnceCell::new());
    Ok(Identity { db, waves, sources, passwords, master_key, keys })
}

/// What identity says of itself.
pub fn plug() -> Plug<Identity> {
    Plug::new("identity", vec![kit::migration!("0001_identity")], build)
        .answers::<Register>(|s, _, call| Box::pin(register::register(s, call)))
        .answers::<LogIn>(|s, _, call| Box::pin(log_in::log_in(s, call)))
        .answers::<Refresh>(|s, _, call| Box::pin(refresh::refresh(s, call)))
        .answers::<LogOut>(|s, caller, _| Box::pin(log_out::log_out(s, caller)))
        .answers::<GetMe>(|s, caller, _| Box::pin(queries::get_me(s, caller)))
        .answers::<ContactsOf>(|s, caller, call| Box::pin(queries::contacts_of(s, caller, call)))
        .answers::<RevokedSessions>(|s, _, _| Box::pin(queries::revoked_sessions(s)))
        .answers::<PublishedKeys>(|s, _, _| Box::pin(queries::published_keys(s)))
        .answers::<CreateAdmin>(|s, caller, call| {
            Box::pin(create_admin::create_admin(s, caller, call))
        })
        .tells::<UserRegistered>()
        .tells::<SessionEnded>()
        .works("forget_sessions", Duration::from_secs(3600), |s| Box::pin(forget_sessions(s)))
        .on_start(|s| Box::pin(async move { s.keys().await.map(|_| ()) }))
        .routes(http::routes)
}
