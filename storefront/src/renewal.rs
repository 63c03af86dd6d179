//! New tokens for a browser whose access token has expired.
//!
//! A refresh token that is used twice ends its session, and a browser that opens again sends the
//! same one from every tab. So each is exchanged once in this process, and whoever comes with it
//! in the next seconds gets what the first one got.
use contracts::identity::{Refresh, Tokens};
use contracts::{CallError, Caller, Timestamp};
use kit::auth::token_hash;
use kit::calls::Calls;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long an exchanged token is remembered.
const REMEMBERED: Duration = Duration::from_secs(30);

/// What became of a refresh token.
#[derive(Clone, Debug)]
pub enum Renewed {
    /// The session goes on with these.
    Tokens(Tokens),
    /// The session is over.
    Over,
    /// Identity did not answer: another time.
    NotNow,
}

struct Exchange {
    at: Timestamp,
    outcome: Arc<OnceCell<Renewed>>,
}

/// The exchanges of the last seconds, by the hash of the token.
#[derive(Default)]
pub struct Renewals(Mutex<BTreeMap<[u8; 32], Exchange>>);

impl Renewals {
    /// Exchanges `token`, once.
    pub async fn exchange(&self, calls: &Calls, token: &str, now: Timestamp) -> Renewed {
        let name = token_hash(token);
        let outcome = {
            let mut recent = self.0.lock();
            recent.retain(|_, exchange| now.since(exchange.at) < REMEMBERED);
            let new = || Exchange { at: now, outcome: Arc::default() };
            Arc::clone(&recent.entry(name).or_insert_with(new).outcome)
        };
        let (calls, token) = (calls.clone(), token.to_owned());
        // A task of its own: a browser that hangs up meanwhile would lose the new tokens, and
        // come back with the old one.
        let task =
            tokio::spawn(
                async move { outcome.get_or_init(|| refresh(&calls, token)).await.clone() },
            );
        let renewed = task.await.unwrap_or(Renewed::NotNow);
        if !matches!(renewed, Renewed::Tokens(_)) {
            self.0.lock().remove(&name);
        }
        renewed
    }
}

async fn refresh(calls: &Calls, refresh_token: String) -> Renewed {
    match calls.call(&Caller::Guest, Refresh { refresh_token }).await {
        Ok(tokens) => Renewed::Tokens(tokens),
        Err(CallError::Refused(_)) => Renewed::Over,
        Err(error) => {
            tracing::warn!(%error, "a session was not renewed");
            Renewed::NotNow
        }
    }
}
