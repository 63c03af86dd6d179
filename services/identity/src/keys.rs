//! The keys that sign access tokens: made at the first start, shared by all replicas, sealed by
//! the store's master key where it has one (XChaCha20-Poly1305, the key's id as its label), and
//! replaced every 90 days.
//!
//! A new key is published before it signs, and an old one stays published until the last token
//! of a replica that did not know better has expired. It is kept until the links whose secrets
//! follow from it have expired too. So nobody is ever refused because keys change.
use crate::Identity;
use crate::link::{LinkKey, VERIFY};
use crate::store::{self, KeptKey};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use contracts::Timestamp;
use contracts::identity::Jwks;
use kit::auth::SigningKey;
use kit::clock::Sources;
use kit::problem::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;
use std::sync::Arc;
use std::time::Duration;

const NONCE_BYTES: usize = 24;
const HOUR: Duration = Duration::from_secs(3600);
/// How long a key signs.
const TERM: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long a key is published before it signs: gateways ask every minute, others keep the set
/// for five.
const LEAD: Duration = Duration::from_secs(10 * 60);
/// How long a key is published after its successor was made: a replica looks every hour for a
/// new one, and tokens live for a quarter of an hour.
const OVERLAP: Duration = HOUR.saturating_mul(3);

/// The keys, opened.
pub struct Keys {
    /// Newest first.
    all: Vec<Opened>,
}

struct Opened {
    key: SigningKey,
    links: LinkKey,
    created_at: Timestamp,
}

impl Keys {
    fn open(kept: &[KeptKey], seal: &Seal) -> Result<Self, Unexpected> {
        let open = |row: &KeptKey| {
            let secret = seal.open(row)?;
            let created_at = Timestamp::from_micros(row.created_at);
            let (key, links) = (SigningKey::from_secret(&secret), LinkKey::derive(&secret));
            Ok(Opened { key, links, created_at })
        };
        let all: Result<Vec<Opened>, Unexpected> = kept.iter().map(open).collect();
        Ok(Self { all: all? })
    }
    /// The key that signs: the newest that has been published for long enough.
    /// # Errors
    /// When there is none.
    pub fn signing(&self, now: Timestamp) -> Result<&SigningKey, Unexpected> {
        let known = self.all.iter().find(|one| one.created_at.after(LEAD) <= now);
        // The first key of a store signs at once.
        let found = known.or(self.all.last()).map(|one| &one.key);
        found.ok_or_else(|| Unexpected::new("identity has no key that signs tokens"))
    }
    /// All that verify, newest first.
    pub fn published(&self, now: Timestamp) -> Jwks {
        let successors = std::iter::once(None).chain(self.all.iter().map(Some));
        let published = self.all.iter().zip(successors).filter(|(_, successor)| {
            successor.is_none_or(|successor| now < successor.created_at.after(OVERLAP))
        });
        Jwks { keys: published.map(|(one, _)| one.key.jwk()).collect() }
    }
    /// The key of the secrets of links that were made under the signing key `kid`.
    pub fn of_links(&self, kid: &str) -> Option<&LinkKey> {
        self.all.iter().find(|one| one.key.kid() == kid).map(|one| &one.links)
    }
    fn are(&self, kept: &[KeptKey]) -> bool {
        self.all.iter().map(|one| one.key.kid()).eq(kept.iter().map(|key| key.kid.as_str()))
    }
}

/// The keys in the database. Makes the first, should there be none, and a new one when it is
/// time.
/// # Errors
/// When the database fails, or the keys are sealed by another master key.
pub async fn load_or_make(service: &Identity) -> Result<Arc<Keys>, Unexpected> {
    let seal = Seal(service.master_key);
    let kept = service.waves.write(seal.clone(), |wave, seal: &Seal| Box::pin(keep(wave, seal)));
    let kept = kept.await.map_err(Unexpected::from_error)?;
    let keys = Arc::new(Keys::open(&kept, &seal)?);
    keys.signing(service.sources.now())?;
    service.keys.store(Some(Arc::clone(&keys)));
    Ok(keys)
}

/// The keys as the database has them now: another replica may have made a new one.
/// # Errors
/// As [`load_or_make`].
pub async fn reload(service: &Identity) -> Result<Arc<Keys>, Unexpected> {
    let kept = store::keys(service.db.reader()).await?;
    match service.keys.load_full() {
        Some(known) if known.are(&kept) => Ok(known),
        _ if kept.is_empty() => load_or_make(service).await,
        _ => {
            let keys = Arc::new(Keys::open(&kept, &Seal(service.master_key))?);
            service.keys.store(Some(Arc::clone(&keys)));
            Ok(keys)
        }
    }
}

/// Looks every hour whether it is time for a new key, or another replica made one.
/// # Errors
/// As [`load_or_make`].
pub async fn rotate_keys(service: &Identity) -> Result<Worked, Unexpected> {
    let keys = reload(service).await?;
    let now = service.sources.now();
    let old = |key: &Opened| is_due(key.created_at, now);
    let gone = |(_, successor): (&Opened, &Opened)| is_gone(successor.created_at, now);
    let pairs = keys.all.iter().skip(1).zip(&keys.all);
    if keys.all.first().is_none_or(old) || pairs.into_iter().any(gone) {
        load_or_make(service).await?;
    }
    Ok(Worked::Idle)
}

/// Whether a key that was made then has signed for long enough.
fn is_due(created_at: Timestamp, now: Timestamp) -> bool {
    created_at.after(TERM) <= now
}
/// Whether no token and no link follows any more from a key whose successor was made then.
fn is_gone(successor: Timestamp, now: Timestamp) -> bool {
    successor.after(OVERLAP).after(VERIFY) <= now
}

/// Under a lock, so that replicas that start, or look, together make one key.
async fn keep(wave: &mut Wave, seal: &Seal) -> Result<Vec<KeptKey>, Unexpected> {
    let mut kept = store::lock_keys(wave.tx()).await?;
    let newest = kept.first().map(|key| Timestamp::from_micros(key.created_at));
    if newest.is_none_or(|created_at| is_due(created_at, wave.now())) {
        let key = SigningKey::generate(wave.sources());
        let key = KeptKey {
            kid: key.kid().to_owned(),
            secret: key.secret().to_vec(),
            sealed: false,
            created_at: wave.now().micros(),
        };
        let key = seal.close(key, wave.sources())?;
        store::insert_key(wave.tx(), key.clone()).await?;
        tracing::info!(kid = key.kid, "a new key signs access tokens from now on");
        kept.insert(0, key);
    }
    for key in kept.iter_mut().filter(|key| !key.sealed && seal.0.is_some()) {
        // The store got its master key after its first start.
        *key = seal.close(key.clone(), wave.sources())?;
        store::save_sealed(wave.tx(), key).await?;
    }
    let made: Vec<Timestamp> =
        kept.iter().map(|key| Timestamp::from_micros(key.created_at)).collect();
    let last = made.iter().position(|successor| is_gone(*successor, wave.now()));
    for gone in kept.split_off(last.map_or(kept.len(), |index| index + 1)) {
        store::delete_key(wave.tx(), &gone.kid).await?;
    }
    Ok(kept)
}

/// The master key, if the store has one.
#[derive(Clone)]
struct Seal(Option<[u8; 32]>);

impl Seal {
    fn close(&self, key: KeptKey, sources: &Sources) -> Result<KeptKey, Unexpected> {
        let Some(master) = &self.0 else { return Ok(key) };
        let mut nonce = [0; NONCE_BYTES];
        sources.fill(&mut nonce);
        let payload = Payload { msg: &key.secret, aad: key.kid.as_bytes() };
        let sealed =
            XChaCha20Poly1305::new(&(*master).into()).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Unexpected::new("a signing key could not be sealed"))?;
        Ok(KeptKey { secret: [&nonce[..], &sealed].concat(), sealed: true, ..key })
    }
    fn open(&self, key: &KeptKey) -> Result<[u8; 32], Unexpected> {
        if !key.sealed {
            return secret(&key.secret);
        }
        let Some(master) = &self.0 else {
            return Err(Unexpected::new(
                "the keys that sign tokens are sealed, and master_key, which opens them, is not set",
            ));
        };
        let wrong =
            || Unexpected::new("master_key is not the one that sealed the keys that sign tokens");
        let (nonce, sealed) = key.secret.split_at_checked(NONCE_BYTES).ok_or_else(wrong)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| wrong())?;
        let payload = Payload { msg: sealed, aad: key.kid.as_bytes() };
        let opened =
            XChaCha20Poly1305::new(&(*master).into()).decrypt(&XNonce::from(nonce), payload);
        secret(&opened.map_err(|_| wrong())?)
    }
}

fn secret(bytes: &[u8]) -> Result<[u8; 32], Unexpected> {
    bytes.try_into().map_err(|_| Unexpected::new("a signing key is not 32 bytes long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::testing::{HandClock, Seeded};
    use std::sync::Arc;

    fn kept() -> KeptKey {
        KeptKey { kid: "k".into(), secret: vec![7; 32], sealed: false, created_at: 0 }
    }

    #[test]
    fn a_sealed_key_opens_by_its_master_key_alone() {
        let sources = Sources::new(Arc::new(HandClock::default()), Arc::new(Seeded::new(1)));
        let seal = Seal(Some([1; 32]));
        let sealed = seal.close(kept(), &sources).unwrap();
        assert!(sealed.sealed && !sealed.secret.windows(8).any(|part| part == [7; 8]));
        assert_eq!(seal.open(&sealed).unwrap(), [7; 32]);
        assert!(Seal(Some([2; 32])).open(&sealed).unwrap_err().to_string().contains("master_key"));
        assert!(Seal(None).open(&sealed).unwrap_err().to_string().contains("master_key"));
        let moved = KeptKey { kid: "other".into(), ..sealed.clone() };
        assert!(seal.open(&moved).is_err(), "a sealed secret stays with its id");
        let cut = KeptKey { secret: sealed.secret[..20].to_vec(), ..sealed };
        assert!(seal.open(&cut).is_err());
    }

    fn made(days: &[i64]) -> (Keys, Timestamp) {
        let epoch = Timestamp::from_micros(1_767_225_600_000_000);
        let opened = |day: &i64| {
            let secret = [u8::try_from(*day).unwrap(); 32];
            Opened {
                key: SigningKey::from_secret(&secret),
                links: LinkKey::derive(&secret),
                created_at: Timestamp::from_micros(epoch.micros() + day * 86_400_000_000),
            }
        };
        (Keys { all: days.iter().map(opened).collect() }, epoch)
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_an_old_one_after() {
        let (keys, epoch) = made(&[90, 0]);
        let (new, old) = (keys.all[0].key.kid(), keys.all[1].key.kid());
        let at = |span| epoch.after(TERM).after(span);
        let signs = |span| keys.signing(at(span)).unwrap().kid().to_owned();
        let published = |span| -> Vec<String> {
            keys.published(at(span)).keys.into_iter().map(|key| key.kid).collect()
        };
        assert_eq!(signs(Duration::ZERO), old);
        assert_eq!(published(Duration::ZERO), [new, old]);
        assert_eq!(signs(LEAD), new);
        assert_eq!(published(LEAD + HOUR + Duration::from_secs(900)), [new, old]);
        assert_eq!(published(OVERLAP), [new]);
        assert!(keys.of_links(old).is_some(), "links live longer than tokens");
        assert_eq!(made(&[3]).0.published(at(TERM)).keys.len(), 1, "the last one stays");
        let (only, _) = made(&[5]);
        assert!(only.signing(epoch).is_ok(), "the first one signs at once");
        assert!(made(&[]).0.signing(epoch).is_err());
    }

    #[test]
    fn without_a_master_key_a_key_is_kept_as_it_is() {
        let sources = Sources::new(Arc::new(HandClock::default()), Arc::new(Seeded::new(1)));
        let seal = Seal(None);
        assert_eq!(seal.open(&seal.close(kept(), &sources).unwrap()).unwrap(), [7; 32]);
        assert_eq!(Seal(Some([1; 32])).open(&kept()).unwrap(), [7; 32]);
    }
}
