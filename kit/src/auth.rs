//! Who is asking: access tokens, sessions that ended, and the extractors that tell handlers.
//!
//! A token is a JWT signed by EdDSA (RFC 8037). Every replica verifies it by itself, from the
//! published keys. Verified signatures are cached; permission never is: expiry and the end of
//! the session are looked at on every request.
use crate::clock::Sources;
use crate::problem::{HttpResult, Problem, Unexpected};
use arc_swap::ArcSwap;
use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::caller::Permission;
use contracts::identity::{Jwk, Jwks, SessionEnded};
use contracts::{AccountId, Caller, Role, SessionId, Timestamp};
use ed25519_dalek::VerifyingKey;
use http::{StatusCode, request::Parts};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::RwLock;
use quick_cache::{UnitWeighter, sync::Cache};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use subtle::ConstantTimeEq as _;

/// Who issues tokens, and for whom.
const FERIA: &str = "feria";
/// Longer ones were not signed here, and are not looked at.
const TOKEN_BYTES: usize = 4096;
/// How many verified signatures are remembered: some 15 MB.
const SEEN_TOKENS: u64 = 100_000;
/// An Ed25519 private key in PKCS #8 (RFC 8410 §7) is these bytes and its 32.
const PKCS8_START: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whose it is.
    pub sub: AccountId,
    /// By which login.
    pub sid: SessionId,
    /// What the account may do.
    pub role: Role,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// From when on it is void, in seconds since 1970.
    pub exp: i64,
}

#[derive(Serialize)]
struct Signed<'a> {
    iss: &'a str,
    aud: &'a str,
    #[serde(flatten)]
    claims: Claims,
}

/// An Ed25519 key that signs access tokens.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    encoding: EncodingKey,
    kid: String,
}

impl SigningKey {
    /// A new key, by chance.
    pub fn generate(sources: &Sources) -> Self {
        let mut secret = [0; 32];
        sources.fill(&mut secret);
        Self::from_secret(&secret)
    }
    /// The key with these secret bytes.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(secret);
        let encoding = EncodingKey::from_ed_der(&[&PKCS8_START[..], secret].concat());
        let name = Sha256::digest(key.verifying_key().as_bytes());
        let kid = URL_SAFE_NO_PAD.encode(name.get(..8).unwrap_or_default());
        Self { key, encoding, kid }
    }
    /// The secret bytes, to be kept encrypted.
    pub fn secret(&self) -> [u8; 32] {
        self.key.to_bytes()
    }
    /// The key's id: base64url of the first 8 bytes of SHA-256 of the public key.
    pub fn kid(&self) -> &str {
        &self.kid
    }
    /// The public key, to be published.
    pub fn jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            kid: self.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes()),
            alg: "EdDSA".into(),
            usage: "sig".into(),
        }
    }
    /// An access token that says `claims`.
    /// # Errors
    /// When the library fails to sign.
    pub fn sign(&self, claims: Claims) -> Result<String, Unexpected> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let signed = Signed { iss: FERIA, aud: FERIA, claims };
        jsonwebtoken::encode(&header, &signed, &self.encoding)
            .map_err(|error| Unexpected::from_error(error).context("sign an access token"))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

/// Why a request's token says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It is no token of ours.
    #[error("The access token is not valid.")]
    Invalid,
    /// It was one; refresh it.
    #[error("The access token has expired.")]
    Expired,
    /// Somebody logged out, or the session was ended otherwise.
    #[error("The session has ended; log in again.")]
    SessionEnded,
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::Invalid => "token_invalid",
            AuthError::Expired => "token_expired",
            AuthError::SessionEnded => "session_ended",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, error.to_string())
    }
}

/// The sessions that ended, until their last token has expired by itself.
#[derive(Debug, Default)]
pub struct Revoked(RwLock<HashMap<SessionId, Timestamp>>);

impl Revoked {
    /// A session ended. Hearing it again changes nothing.
    pub fn insert(&self, ended: &SessionEnded) {
        self.load(std::slice::from_ref(ended));
    }
    /// Adds what identity answered, and forgets nothing that was heard meanwhile.
    pub fn load(&self, ended: &[SessionEnded]) {
        let mut sessions = self.0.write();
        for SessionEnded { session, tokens_expire_at } in ended {
            let until = sessions.entry(*session).or_insert(*tokens_expire_at);
            *until = (*until).max(*tokens_expire_at);
        }
    }
    /// Whether the session ended.
    pub fn contains(&self, session: SessionId) -> bool {
        self.0.read().contains_key(&session)
    }
    /// Forgets the sessions whose tokens have all expired.
    pub fn prune(&self, now: Timestamp) {
        self.0.write().retain(|_, until| *until > now);
    }
    /// How many sessions are remembered.
    pub fn len(&self) -> usize {
        self.0.read().len()
    }
    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }
}

/// The keys of one generation; a signature is remembered together with it.
struct Keys {
    published: Jwks,
    generation: u64,
    by_kid: HashMap<String, DecodingKey>,
}

impl Keys {
    fn new(published: &Jwks, generation: u64) -> Self {
        let by_kid = published.keys.iter().filter_map(usable).collect();
        Self { published: published.clone(), generation, by_kid }
    }
}

/// A published key and its id, if it is an Ed25519 key; others are for other readers.
fn usable(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    if (jwk.kty.as_str(), jwk.crv.as_str()) != ("OKP", "Ed25519") {
        return None;
    }
    // The JWT library takes a key of less than 32 bytes for granted, and panics.
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(&jwk.x).ok()?.try_into().ok()?;
    let key = VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak());
    if key.is_none() {
        tracing::warn!(kid = jwk.kid, "a published key is none");
    }
    Some((jwk.kid.clone(), DecodingKey::from_ed_der(key?.as_bytes())))
}

/// Verifies access tokens.
pub struct Verifier {
    keys: ArcSwap<Keys>,
    generations: AtomicU64,
    /// By SHA-256 of the token: the generation of the keys that verified it, and what it says.
    seen: Cache<[u8; 32], (u64, Claims), UnitWeighter>,
    revoked: Arc<Revoked>,
    rules: Validation,
}

impl Verifier {
    /// Knows `keys`, and refuses the sessions in `revoked`.
    pub fn new(keys: &Jwks, revoked: Arc<Revoked>) -> Self {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.set_issuer(&[FERIA]);
        rules.set_audience(&[FERIA]);
        // By the clock that is handed in, each time.
        rules.validate_exp = false;
        Self {
            keys: ArcSwap::from_pointee(Keys::new(keys, 0)),
            generations: AtomicU64::new(1),
            seen: Cache::with_weighter(1000, SEEN_TOKENS, UnitWeighter),
            revoked,
            rules,
        }
    }
    /// The sessions that are refused.
    pub fn revoked(&self) -> &Arc<Revoked> {
        &self.revoked
    }
    /// Knows other keys from now on. Tokens of a key that is gone are refused, seen or not.
    pub fn replace_keys(&self, keys: &Jwks) {
        if self.keys.load().published != *keys {
            let generation = self.generations.fetch_add(1, Ordering::Relaxed);
            self.keys.store(Arc::new(Keys::new(keys, generation)));
        }
    }
    /// Who asks with this `Authorization` header; a guest without one.
    /// # Errors
    /// As [`Self::verify`]; [`AuthError::Invalid`] for another scheme than `Bearer`.
    pub fn caller(&self, header: Option<&str>, now: Timestamp) -> Result<Caller, AuthError> {
        let Some(header) = header else { return Ok(Caller::Guest) };
        let (scheme, token) = header.trim().split_once(' ').ok_or(AuthError::Invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(AuthError::Invalid);
        }
        let Claims { sub: account, sid: session, role, .. } = self.verify(token.trim(), now)?;
        Ok(Caller::Account { account, session, role })
    }
    /// What a token says, that is signed, not expired, and of a live session.
    /// # Errors
    /// When it is not.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, AuthError> {
        if token.len() > TOKEN_BYTES {
            return Err(AuthError::Invalid);
        }
        let keys = self.keys.load();
        let name = token_hash(token);
        let claims = match self.seen.get(&name) {
            Some((generation, claims)) if generation == keys.generation => claims,
            _ => {
                let claims = self.signed(token, &keys).ok_or(AuthError::Invalid)?;
                self.seen.insert(name, (keys.generation, claims));
                claims
            }
        };
        if claims.exp <= now.seconds() {
            return Err(AuthError::Expired);
        }
        if self.revoked.contains(claims.sid) {
            return Err(AuthError::SessionEnded);
        }
        Ok(claims)
    }
    /// What a token says, if one of `keys` signed it.
    fn signed(&self, token: &str, keys: &Keys) -> Option<Claims> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        // Extensions that a reader must understand (RFC 7515 §4.1.11); it understands none.
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return None;
        }
        let key = keys.by_kid.get(&header.kid?)?;
        jsonwebtoken::decode(token, key, &self.rules).ok().map(|token| token.claims)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} keys)", self.keys.load().by_kid.len())
    }
}

/// SHA-256 of an opaque token ([`Sources::token`]): what is kept of it.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub fn same_secret(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Passes when `caller` has `permission`.
/// # Errors
/// 401 `login_required` for guests, 403 `not_allowed` for others.
pub fn require(caller: &Caller, permission: Permission) -> HttpResult<()> {
    match caller {
        _ if caller.may(permission) => Ok(()),
        Caller::Guest => Err(Problem::unauthorized()),
        Caller::Account { .. } | Caller::Store => Err(Problem::forbidden()),
    }
}

/// Whoever asks, as the gateway put it into the request's extensions; a guest without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned().unwrap_or(Caller::Guest)))
    }
}

/// Whoever asks, who is logged in; others get a 401 `login_required`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// Which account.
    pub account: AccountId,
    /// By which login.
    pub session: SessionId,
    /// With which role.
    pub role: Role,
}

impl LoggedIn {
    /// As a caller, for calls.
    pub const fn caller(self) -> Caller {
        Caller::Account { account: self.account, session: self.session, role: self.role }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> HttpResult<Self> {
        match parts.extensions.get() {
            Some(&Caller::Account { account, session, role }) => {
                Ok(Self { account, session, role })
            }
            Some(Caller::Guest | Caller::Store) | None => Err(Problem::unauthorized()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::time::Duration;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_secret(&[seed; 32])
    }
    fn published(keys: &[&SigningKey]) -> Jwks {
        Jwks { keys: keys.iter().map(|key| key.jwk()).collect() }
    }
    fn verifier(keys: &[&SigningKey]) -> Verifier {
        Verifier::new(&published(keys), Arc::default())
    }
    fn claims() -> Claims {
        Claims {
            sub: AccountId(Uuid::from_u128(1)),
            sid: SessionId(Uuid::from_u128(2)),
            role: Role::Support,
            iat: NOW.seconds(),
            exp: NOW.seconds() + 900,
        }
    }
    fn ended(until: Timestamp) -> SessionEnded {
        SessionEnded { session: claims().sid, tokens_expire_at: until }
    }
    /// A token with any header and body, signed by `key`.
    fn token(header: &Value, body: &Value, key: &SigningKey) -> String {
        use ed25519_dalek::Signer as _;
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(body));
        let signature = key.key.sign(message.as_bytes()).to_bytes();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
    fn body() -> Value {
        serde_json::to_value(Signed { iss: FERIA, aud: FERIA, claims: claims() }).unwrap()
    }
    fn header(key: &SigningKey) -> Value {
        json!({"alg": "EdDSA", "typ": "JWT", "kid": key.kid()})
    }

    #[test]
    fn a_token_says_who_asks() {
        let verifier = verifier(&[&key(1)]);
        let signed = key(1).sign(claims()).unwrap();
        let account =
            Caller::Account { account: claims().sub, session: claims().sid, role: Role::Support };
        for header in [format!("Bearer {signed}"), format!("bearer  {signed} ")] {
            assert_eq!(verifier.caller(Some(&header), NOW), Ok(account.clone()));
        }
        assert_eq!(verifier.caller(None, NOW), Ok(Caller::Guest));
        assert_eq!(verifier.seen.len(), 1);
        assert_eq!(verifier.verify(&token(&header(&key(1)), &body(), &key(1)), NOW), Ok(claims()));
        for header in ["", "Bearer", "Bearer ", "Basic YTpi", &signed, "Bearer a.b.c", "Bearer ü"]
        {
            assert_eq!(verifier.caller(Some(header), NOW), Err(AuthError::Invalid), "{header}");
        }
    }

    #[test]
    fn the_public_key_is_that_of_rfc_8037() {
        // Appendix A.1 and A.2.
        let secret = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_secret(secret.as_slice().try_into().unwrap());
        assert_eq!(key.jwk().x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid().len(), 11);
        assert_eq!(key.secret().as_slice(), secret);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.kid()));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let (mine, other) = (key(1), key(2));
        let verifier = verifier(&[&mine]);
        let with = |name: &str, value: Value| {
            let mut body = body();
            body[name] = value;
            body
        };
        let signed = mine.sign(claims()).unwrap();
        let (message, signature) = signed.rsplit_once('.').unwrap();
        let (head, _) = message.split_once('.').unwrap();
        let richer = URL_SAFE_NO_PAD.encode(with("role", json!("admin")).to_string());
        let mut critical = header(&mine);
        critical["crit"] = json!(["b64"]);
        let public = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(mine.jwk().x).unwrap());
        let hmac = Header { kid: Some(mine.kid().into()), ..Header::new(Algorithm::HS256) };
        for forged in [
            token(&header(&mine), &body(), &other),
            token(&header(&other), &body(), &other),
            token(&json!({"alg": "EdDSA"}), &body(), &mine),
            token(&json!({"alg": "none", "kid": mine.kid()}), &body(), &mine),
            token(&critical, &body(), &mine),
            token(&header(&mine), &with("iss", json!("other")), &mine),
            token(&header(&mine), &with("aud", json!("other")), &mine),
            token(&header(&mine), &with("aud", Value::Null), &mine),
            token(&header(&mine), &with("exp", json!("soon")), &mine),
            token(&header(&mine), &with("sub", json!("root")), &mine),
            token(&header(&mine), &with("role", json!("owner")), &mine),
            jsonwebtoken::encode(&hmac, &body(), &public).unwrap(),
            format!("{head}.{richer}.{signature}"),
            format!("{message}."),
            format!("{signed}.{signed}"),
            "a".repeat(TOKEN_BYTES + 1),
        ] {
            assert_eq!(verifier.verify(&forged, NOW), Err(AuthError::Invalid), "{forged}");
        }
        assert_eq!(verifier.seen.len(), 0);
    }

    #[test]
    fn expiry_and_the_end_of_the_session_are_looked_at_each_time() {
        let verifier = verifier(&[&key(1)]);
        let signed = key(1).sign(claims()).unwrap();
        assert!(verifier.verify(&signed, NOW.after(Duration::from_secs(899))).is_ok());
        let expired = verifier.verify(&signed, NOW.after(Duration::from_secs(900)));
        assert_eq!(expired, Err(AuthError::Expired));
        assert_eq!(verifier.verify(&signed, NOW), Ok(claims()));
        verifier.revoked().insert(&ended(NOW.after(Duration::from_secs(900))));
        assert_eq!(verifier.verify(&signed, NOW), Err(AuthError::SessionEnded));
    }

    #[test]
    fn a_session_stays_ended_until_its_last_token_expired() {
        let (revoked, later) = (Revoked::default(), NOW.after(Duration::from_secs(1)));
        revoked.load(&[ended(later)]);
        revoked.insert(&ended(NOW));
        revoked.prune(NOW);
        assert!(revoked.contains(claims().sid));
        assert_eq!(revoked.len(), 1);
        revoked.prune(later);
        assert!(revoked.is_empty());
    }

    #[test]
    fn keys_rotate_with_overlap_and_a_key_that_is_gone_is_gone() {
        let (old, new) = (key(1), key(2));
        let verifier = verifier(&[&old]);
        let (first, second) = (old.sign(claims()).unwrap(), new.sign(claims()).unwrap());
        assert!(verifier.verify(&first, NOW).is_ok());
        assert!(verifier.verify(&second, NOW).is_err());
        verifier.replace_keys(&published(&[&new, &old]));
        assert!(verifier.verify(&first, NOW).is_ok() && verifier.verify(&second, NOW).is_ok());
        verifier.replace_keys(&published(&[&new]));
        assert_eq!(verifier.verify(&first, NOW), Err(AuthError::Invalid));
        assert!(verifier.verify(&second, NOW).is_ok());
    }

    #[test]
    fn published_keys_that_are_none_of_ours_are_passed_over() {
        let mut keys = published(&[&key(1), &key(2), &key(3)]);
        keys.keys[1].x = "AAAA".into();
        keys.keys[2].kty = "RSA".into();
        let weak = Jwk { x: URL_SAFE_NO_PAD.encode([0; 32]), ..key(4).jwk() };
        keys.keys.push(weak);
        let verifier = Verifier::new(&keys, Arc::default());
        assert_eq!(format!("{verifier:?}"), "Verifier(1 keys)");
        assert!(verifier.verify(&key(2).sign(claims()).unwrap(), NOW).is_err());
    }

    #[test]
    fn secrets_compare_whole() {
        assert!(same_secret(&token_hash("a"), &token_hash("a")));
        assert!(!same_secret(&token_hash("a"), &token_hash("b")));
        assert!(!same_secret(b"a", b"ab"));
    }

    #[tokio::test]
    async fn guests_get_401_and_those_who_may_not_403() {
        let caller = LoggedIn { account: claims().sub, session: claims().sid, role: Role::Support };
        let mut parts = http::Request::new(()).into_parts().0;
        let Ok(Asker(guest)) = Asker::from_request_parts(&mut parts, &()).await;
        assert_eq!(guest, Caller::Guest);
        assert_eq!(
            LoggedIn::from_request_parts(&mut parts, &()).await,
            Err(Problem::unauthorized())
        );
        parts.extensions.insert(caller.caller());
        assert_eq!(LoggedIn::from_request_parts(&mut parts, &()).await, Ok(caller));
        assert_eq!(require(&guest, Permission::ManageStock), Err(Problem::unauthorized()));
        let caller = caller.caller();
        assert_eq!(require(&caller, Permission::ManageStock), Err(Problem::forbidden()));
        assert_eq!(require(&caller, Permission::ManageOrders), Ok(()));
        let problem = Problem::from(AuthError::SessionEnded);
        assert_eq!((problem.status.as_u16(), &*problem.code), (401, "session_ended"));
    }
}
