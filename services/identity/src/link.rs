//! Links that are sent by mail: each works once, for a while, and its secret is kept nowhere.
//!
//! The secret is reckoned from the row of the link whenever it is asked for (HMAC-SHA256, RFC
//! 2104), under a key that is derived from the key that signed tokens when the link was made.
//! Whoever reads the database of a store that has a master key can make none.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::identity::{LinkAsked, LinkPurpose, SecretLink};
use contracts::{AccountId, LinkId, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kit::auth::same_secret;
use sha2::Sha256;
use std::fmt;
use std::time::Duration;

/// How long a link works that chooses a new password.
const RESET: Duration = Duration::from_secs(60 * 60);
/// How long a link works that verifies an address: of all links the longest.
pub const VERIFY: Duration = Duration::from_secs(7 * 24 * 3600);

/// What the derivation of a key for links is named by: no other use of a signing key says this.
const DERIVED: &[u8] = b"feria: secrets of links, 1";

/// The key of the secrets of links, derived from a signing key.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// From the secret bytes of a signing key.
    pub fn derive(signing: &[u8; 32]) -> Self {
        Self(hmac(signing, &[DERIVED]))
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key that is shorter than a block of SHA-256 is padded with zeros (RFC 2104 §2).
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = *key);
    let mac = Hmac::<Sha256>::new(&block.into());
    parts.iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes().into()
}

/// What a link is for, as it is written in the database.
pub const fn purpose_name(purpose: LinkPurpose) -> &'static str {
    match purpose {
        LinkPurpose::ResetPassword => "reset_password",
        LinkPurpose::VerifyEmail => "verify_email",
    }
}

/// Reads what [`purpose_name`] wrote.
pub fn purpose_of(name: &str) -> Option<LinkPurpose> {
    let all = [LinkPurpose::ResetPassword, LinkPurpose::VerifyEmail];
    all.into_iter().find(|purpose| purpose_name(*purpose) == name)
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which one.
    pub id: LinkId,
    /// Whose.
    pub account: AccountId,
    /// What it does.
    pub purpose: LinkPurpose,
    /// The signing key that its secret is derived from.
    pub kid: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// From when on it does nothing.
    pub expires_at: Timestamp,
    /// When it did what it is for.
    pub used_at: Option<Timestamp>,
}

impl Link {
    /// A new link.
    pub fn new(
        id: LinkId,
        account: AccountId,
        purpose: LinkPurpose,
        kid: &str,
        now: Timestamp,
    ) -> Self {
        let expires_at = now.after(match purpose {
            LinkPurpose::ResetPassword => RESET,
            LinkPurpose::VerifyEmail => VERIFY,
        });
        Self {
            id,
            account,
            purpose,
            kid: kid.to_owned(),
            created_at: now,
            expires_at,
            used_at: None,
        }
    }
    /// What is told when it was asked for.
    pub const fn asked(&self) -> LinkAsked {
        LinkAsked { link: self.id, account: self.account, purpose: self.purpose }
    }
    /// Whether it would do something.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
    /// The link with its secret; `key` is the one of its `kid`.
    pub fn with_secret(&self, key: &LinkKey) -> SecretLink {
        let token = LinkToken { link: self.id, secret: self.secret(key) };
        let token = token.to_string();
        SecretLink { link: self.id, account: self.account, token, expires_at: self.expires_at }
    }
    /// Whether `token` opens it for `purpose`; `key` is the one of its `kid`.
    pub fn opens(
        &self,
        token: &LinkToken,
        purpose: LinkPurpose,
        key: &LinkKey,
        now: Timestamp,
    ) -> bool {
        let same = same_secret(self.secret(key).as_bytes(), token.secret.as_bytes());
        same && self.id == token.link && self.purpose == purpose && self.is_live(now)
    }
    fn secret(&self, LinkKey(key): &LinkKey) -> String {
        // Ids have one length: no two links say the same.
        let said: [&[u8]; 3] = [
            self.id.0.as_bytes(),
            self.account.0.as_bytes(),
            purpose_name(self.purpose).as_bytes(),
        ];
        URL_SAFE_NO_PAD.encode(hmac(key, &said))
    }
}

/// What a link carries: `<link>.<secret>`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken {
    /// Which link it says to be.
    pub link: LinkId,
    secret: String,
}

impl LinkToken {
    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (link, secret) = text.split_once('.')?;
        let small_hexadecimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = link.len() == 32
            && link.bytes().all(small_hexadecimal)
            && secret.len() == 43
            && secret.bytes().all(base64url);
        let link = link.parse().ok().filter(|_| fits)?;
        Some(Self { link, secret: secret.to_owned() })
    }
}
impl fmt::Display for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.link.0.simple(), self.secret)
    }
}
impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkToken({})", self.link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::testing::{HandClock, Seeded};
    use kit::{clock::Clock as _, clock::Sources};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn link(purpose: LinkPurpose) -> (Link, Timestamp) {
        let sources = Sources::new(Arc::new(HandClock::default()), Arc::new(Seeded::new(3)));
        let now = HandClock::default().now();
        (Link::new(sources.id(), sources.id(), purpose, "k", now), now)
    }
    fn token(link: &Link, key: &LinkKey) -> LinkToken {
        LinkToken::parse(&link.with_secret(key).token).unwrap()
    }

    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        // Test case 2, its key padded with zeros to 32 bytes: to HMAC that is the same key.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = hmac(&key, &[b"what do ya want ", b"for nothing?"]);
        let starts = [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e];
        assert_eq!(mac[..8], starts);
    }

    #[test]
    fn a_link_opens_by_its_own_secret_for_its_own_purpose_while_it_lives() {
        use LinkPurpose::{ResetPassword, VerifyEmail};
        let key = LinkKey::derive(&[7; 32]);
        let (reset, now) = link(ResetPassword);
        let fine = token(&reset, &key);
        assert!(reset.opens(&fine, ResetPassword, &key, now));
        let minute = Duration::from_secs(60);
        assert!(reset.opens(&fine, ResetPassword, &key, now.after(59 * minute)));
        assert!(!reset.opens(&fine, ResetPassword, &key, now.after(60 * minute)), "expired");
        assert!(!reset.opens(&fine, VerifyEmail, &key, now), "another purpose");
        let other_key = LinkKey::derive(&[8; 32]);
        assert!(!reset.opens(&token(&reset, &other_key), ResetPassword, &key, now), "another key");
        let (other, _) = (Link { account: AccountId(reset.id.0), ..reset.clone() }, ());
        assert!(!reset.opens(&token(&other, &key), ResetPassword, &key, now), "another account");
        let used = Link { used_at: Some(now), ..reset.clone() };
        assert!(!used.opens(&fine, ResetPassword, &key, now), "used");
        let (verify, _) = link(VerifyEmail);
        assert_ne!(token(&verify, &key), fine, "the purpose is part of the secret");
        let day = Duration::from_secs(24 * 3600);
        assert!(verify.is_live(now.after(7 * day - minute)) && !verify.is_live(now.after(7 * day)));
    }

    #[test]
    fn a_token_has_one_spelling_and_is_never_shown() {
        let (link, _) = link(LinkPurpose::ResetPassword);
        let key = LinkKey::derive(&[7; 32]);
        let secret = link.with_secret(&key);
        let read = LinkToken::parse(&secret.token).unwrap();
        assert_eq!(read.to_string(), secret.token);
        assert!(!format!("{read:?} {secret:?}").contains(&read.secret));
        for bad in ["", ".", "a.b", &secret.token.to_uppercase(), &format!("{}.", secret.token)] {
            assert_eq!(LinkToken::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn purposes_are_read_as_they_were_written() {
        for purpose in [LinkPurpose::ResetPassword, LinkPurpose::VerifyEmail] {
            assert_eq!(purpose_of(purpose_name(purpose)), Some(purpose));
        }
        assert_eq!(purpose_of("reset"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = LinkToken::parse(&text);
        }
    }
}
