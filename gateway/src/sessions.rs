//! Who asks: verifies access tokens by the published keys, and knows which sessions have ended.
//!
//! Keys and ended sessions are asked for at the start and every minute; a session that ends in
//! this process is known at once, and a key that is not known is asked for when it is met.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::identity::{Jwks, PublishedKeys, RevokedSessions, SessionEnded};
use contracts::{CallError, Caller, NoRefusal, Timestamp};
use kit::auth::{AuthError, Revoked, Verifier};
use kit::bus::Bus;
use kit::calls::Calls;
use kit::clock::Sources;
use kit::problem::Unexpected;
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How old keys and ended sessions may get.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// How often, at most, tokens of unknown keys make us ask before that.
const ASK_SOONER: Duration = Duration::from_secs(5);

/// Knows who asks.
pub struct Sessions {
    verifier: Verifier,
    calls: Calls,
    sources: Sources,
    keys: Mutex<Keys>,
}

/// The ids of the keys that are known, and when they were asked for because of one that is not.
struct Keys {
    known: BTreeSet<String>,
    asked: Timestamp,
}

impl Sessions {
    /// Watches sessions end, and asks identity for its keys and for the sessions that have ended.
    /// # Errors
    /// When identity does not answer.
    pub async fn open(calls: Calls, bus: &Bus, sources: Sources) -> Result<Arc<Self>, Unexpected> {
        // Watched before it is asked, so that none is missed between the two.
        let revoked = Arc::new(Revoked::default());
        let watching = Arc::clone(&revoked);
        bus.watch_event("gateway", move |ended: &SessionEnded| watching.insert(ended));
        let keys = Mutex::new(Keys { known: BTreeSet::new(), asked: Timestamp::from_micros(0) });
        let verifier = Verifier::new(&Jwks { keys: Vec::new() }, revoked);
        let sessions = Arc::new(Self { verifier, calls, sources, keys });
        sessions
            .ask()
            .await
            .map_err(|error| Unexpected::from_error(error).context("ask identity"))?;
        Ok(sessions)
    }
    /// Asks again every minute, until `stop`.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(ASK_EVERY)).await.is_some() {
            if let Err(error) = self.ask().await {
                tracing::warn!(%error, "identity does not tell its keys and ended sessions");
            }
        }
    }
    /// Who asks with this `Authorization` header; a guest without one.
    /// # Errors
    /// When the token says nothing.
    pub async fn caller(&self, header: Option<&str>) -> Result<Caller, AuthError> {
        let now = self.sources.now();
        match self.verifier.caller(header, now) {
            Err(AuthError::Invalid) if header.is_some_and(|header| self.wants_new_keys(header)) => {
                if let Err(error) = self.ask().await {
                    tracing::warn!(%error, "identity does not tell its keys");
                }
                self.verifier.caller(header, now)
            }
            answer => answer,
        }
    }
    async fn ask(&self) -> Result<(), CallError<NoRefusal>> {
        let ended = self.calls.call(&Caller::Store, RevokedSessions).await?;
        let published = self.calls.call(&Caller::Store, PublishedKeys).await?;
        self.verifier.revoked().load(&ended);
        self.verifier.revoked().prune(self.sources.now());
        self.verifier.replace_keys(&published);
        self.keys.lock().known = published.keys.into_iter().map(|key| key.kid).collect();
        Ok(())
    }
    /// Whether the token names a key that we do not know, and we have not just asked.
    fn wants_new_keys(&self, header: &str) -> bool {
        let Some(kid) = key_of(header) else { return false };
        let now = self.sources.now();
        let mut keys = self.keys.lock();
        let wanted = !keys.known.contains(&kid) && now.since(keys.asked) >= ASK_SOONER;
        if wanted {
            keys.asked = now;
        }
        wanted
    }
}

/// The id of the key that a token says it is signed by.
fn key_of(header: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        kid: String,
    }
    let (_, token) = header.split_once(' ')?;
    let head = URL_SAFE_NO_PAD.decode(token.trim().split('.').next()?).ok()?;
    let Head { kid } = serde_json::from_slice(&head).ok()?;
    Some(kid)
}
