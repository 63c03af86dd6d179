//! Sessions: one login, from its first pair of tokens to its end.
//!
//! A refresh token is used once and exchanged for the next. Every token of a session has the same
//! first part, its family, so that one that was used before is told from one that was made up:
//! the former was stolen or copied and ends the session, the latter only fails.
use contracts::identity::{OpenSession, SessionEnded};
use contracts::{AccountId, SessionId, Timestamp};
use kit::auth::{same_secret, token_hash};
use kit::clock::Sources;
use std::fmt;
use std::time::Duration;

/// How long an access token lives.
pub const ACCESS_TOKEN: Duration = Duration::from_secs(15 * 60);
/// How long a session lives after its last use.
pub const SESSION: Duration = Duration::from_secs(30 * 24 * 3600);

/// A refresh token: `<session>.<family>.<secret>`, the last two 32 random bytes each.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Of which session.
    pub session: SessionId,
    family: String,
    secret: String,
}

impl RefreshToken {
    /// The first of a session.
    pub fn first(session: SessionId, sources: &Sources) -> Self {
        Self { session, family: sources.token(), secret: sources.token() }
    }
    /// The one after this.
    #[must_use]
    pub fn next(&self, sources: &Sources) -> Self {
        Self { secret: sources.token(), ..self.clone() }
    }
    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (session, family, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let is_token = |part: &str| part.len() == 43 && part.bytes().all(is_base64url);
        // A token has one spelling.
        let is_id = session.len() == 32 && session.bytes().all(is_small_hexadecimal);
        let fits = is_id && is_token(family) && is_token(secret);
        if !fits || parts.next().is_some() {
            return None;
        }
        let session = session.parse().ok()?;
        Some(Self { session, family: family.to_owned(), secret: secret.to_owned() })
    }
    fn family_hash(&self) -> [u8; 32] {
        token_hash(&self.family)
    }
    fn hash(&self) -> [u8; 32] {
        token_hash(&self.to_string())
    }
}

fn is_small_hexadecimal(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}
fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.session.0.simple(), self.family, self.secret)
    }
}
impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({})", self.session)
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which login.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// Of the part that all its refresh tokens have.
    pub family_hash: Vec<u8>,
    /// Of the refresh token that may be used next.
    pub refresh_hash: Vec<u8>,
    /// What the person used, as the browser said at login.
    pub device: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its tokens were last renewed.
    pub used_at: Timestamp,
    /// When it ends by itself, unless it is used.
    pub expires_at: Timestamp,
    /// When its last access token expires.
    pub tokens_expire_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Rises with every change.
    pub version: i64,
}

/// How much of a device's name is kept, in characters.
const DEVICE_CHARACTERS: usize = 300;

/// A device's name as it is kept: without control characters, not too long, and none if empty.
fn tidy_device(name: &str) -> Option<String> {
    let clean = name.chars().filter(|letter| !letter.is_control());
    let kept: String = clean.take(DEVICE_CHARACTERS).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// What came of using a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Used {
    /// The session goes on with the next token.
    Exchanged,
    /// It had been used before: the session is ended.
    Again(SessionEnded),
    /// It is none of this session's, or the session is over.
    Refused,
}

impl Session {
    /// A new session of `account`, that goes on with `token`.
    pub fn open(
        account: AccountId,
        token: &RefreshToken,
        device: Option<&str>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: token.session,
            account,
            family_hash: token.family_hash().to_vec(),
            refresh_hash: token.hash().to_vec(),
            device: device.and_then(tidy_device),
            created_at: now,
            used_at: now,
            expires_at: now.after(SESSION),
            tokens_expire_at: now.after(ACCESS_TOKEN),
            ended_at: None,
            version: 1,
        }
    }
    /// Whether it can still be used.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at > now
    }
    /// Exchanges `token` for `next`.
    pub fn exchange(&mut self, token: &RefreshToken, next: &RefreshToken, now: Timestamp) -> Used {
        if !self.is_live(now) || !same_secret(&self.family_hash, &token.family_hash()) {
            return Used::Refused;
        }
        if !same_secret(&self.refresh_hash, &token.hash()) {
            return self.end(now).map_or(Used::Refused, Used::Again);
        }
        self.refresh_hash = next.hash().to_vec();
        self.used_at = now;
        self.expires_at = now.after(SESSION);
        self.tokens_expire_at = self.tokens_expire_at.max(now.after(ACCESS_TOKEN));
        self.version += 1;
        Used::Exchanged
    }
    /// Ends it, at once; nothing where it had ended.
    pub fn end(&mut self, now: Timestamp) -> Option<SessionEnded> {
        if self.ended_at.is_some() {
            return None;
        }
        self.ended_at = Some(now);
        // Replicas' clocks differ: a token that another signed may live longer than one of now.
        self.tokens_expire_at = self.tokens_expire_at.max(now.after(ACCESS_TOKEN));
        self.version += 1;
        Some(SessionEnded { session: self.id, tokens_expire_at: self.tokens_expire_at })
    }
    /// As its owner sees it, who asks by the session `asking`.
    pub fn shown(&self, asking: SessionId) -> OpenSession {
        OpenSession {
            id: self.id,
            current: self.id == asking,
            device: self.device.clone(),
            created_at: self.created_at,
            used_at: self.used_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::testing::{HandClock, Seeded};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn sources() -> Sources {
        Sources::new(Arc::new(HandClock::default()), Arc::new(Seeded::new(7)))
    }
    fn opened(sources: &Sources) -> (Session, RefreshToken) {
        let token = RefreshToken::first(sources.id(), sources);
        (Session::open(sources.id(), &token, None, sources.now()), token)
    }

    #[test]
    fn a_token_is_used_once_and_the_next_one_goes_on() {
        let sources = sources();
        let (mut session, first) = opened(&sources);
        let second = first.next(&sources);
        assert_eq!(session.exchange(&first, &second, sources.now()), Used::Exchanged);
        let third = second.next(&sources);
        assert_eq!(session.exchange(&second, &third, sources.now()), Used::Exchanged);
        assert!(matches!(session.exchange(&first, &second, sources.now()), Used::Again(_)));
        let fourth = third.next(&sources);
        assert_eq!(session.exchange(&third, &fourth, sources.now()), Used::Refused, "all is over");
    }

    #[test]
    fn a_token_that_was_made_up_ends_nothing() {
        let sources = sources();
        let (mut session, token) = opened(&sources);
        let guess = RefreshToken::first(session.id, &sources);
        let before = session.clone();
        assert_eq!(session.exchange(&guess, &guess, sources.now()), Used::Refused);
        assert_eq!(session, before);
        assert_eq!(session.exchange(&token, &guess, sources.now()), Used::Exchanged);
    }

    #[test]
    fn a_session_that_nobody_used_for_thirty_days_is_over() {
        let sources = sources();
        let (mut session, token) = opened(&sources);
        let (next, day) = (token.next(&sources), Duration::from_secs(24 * 3600));
        let almost = sources.now().after(29 * day);
        assert_eq!(session.exchange(&token, &next, almost), Used::Exchanged);
        let other = next.next(&sources);
        assert_eq!(session.exchange(&next, &other, almost.after(30 * day)), Used::Refused);
    }

    #[test]
    fn a_session_ends_once_and_says_until_when_its_tokens_live() {
        let sources = sources();
        let (mut session, _) = opened(&sources);
        let earlier = sources.now().before(Duration::from_secs(5));
        let ended = session.end(earlier).unwrap();
        assert_eq!(ended.tokens_expire_at, sources.now().after(ACCESS_TOKEN));
        assert_eq!(session.end(sources.now()), None);
    }

    #[test]
    fn a_device_is_kept_short_and_without_tricks() {
        assert_eq!(tidy_device(" Fire\u{1b}[31mfox\r\n/1 "), Some("Fire[31mfox/1".to_owned()));
        assert_eq!(tidy_device(" \0\u{85}"), None);
        assert_eq!(tidy_device(&"é".repeat(400)).unwrap().chars().count(), 300);
    }

    #[test]
    fn a_token_has_one_spelling() {
        let sources = sources();
        let (_, token) = opened(&sources);
        let text = token.to_string();
        assert_eq!(RefreshToken::parse(&text), Some(token.clone()));
        assert!(!format!("{token:?}").contains(&token.secret), "a token is never shown");
        for bad in ["", ".", "..", "a.b.c", &text.to_uppercase(), &format!("{text}."), &text[1..]] {
            assert_eq!(RefreshToken::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = RefreshToken::parse(&text);
        }
    }
}
