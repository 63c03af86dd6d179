//! The keys that sign access tokens: made at the first start, shared by all replicas, and sealed
//! by the store's master key where it has one (XChaCha20-Poly1305, the key's id as its label).
use crate::Identity;
use crate::store::{self, KeptKey};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use contracts::identity::Jwks;
use kit::auth::SigningKey;
use kit::clock::Sources;
use kit::problem::Unexpected;
use kit::wave::Wave;

const NONCE_BYTES: usize = 24;

/// The keys, opened.
pub struct Keys {
    newest: SigningKey,
    older: Vec<SigningKey>,
}

impl Keys {
    /// The key that signs.
    pub const fn signing(&self) -> &SigningKey {
        &self.newest
    }
    /// All that verify, newest first.
    pub fn published(&self) -> Jwks {
        let all = std::iter::once(&self.newest).chain(&self.older);
        Jwks { keys: all.map(SigningKey::jwk).collect() }
    }
}

/// The keys in the database. Makes the first, should there be none.
/// # Errors
/// When the database fails, or the keys are sealed by another master key.
pub async fn load_or_make(service: &Identity) -> Result<Keys, Unexpected> {
    let seal = Seal(service.master_key);
    let kept = service.waves.write(seal.clone(), |wave, seal: &Seal| Box::pin(keep(wave, seal)));
    let kept = kept.await.map_err(Unexpected::from_error)?;
    let mut keys = Vec::with_capacity(kept.len());
    for key in &kept {
        keys.push(SigningKey::from_secret(&seal.open(key)?));
    }
    let mut keys = keys.into_iter();
    match keys.next() {
        Some(newest) => Ok(Keys { newest, older: keys.collect() }),
        None => Err(Unexpected::new("identity has no key that signs tokens")),
    }
}

/// Under a lock, so that replicas that start together make one key.
async fn keep(wave: &mut Wave, seal: &Seal) -> Result<Vec<KeptKey>, Unexpected> {
    let mut kept = store::lock_keys(wave.tx()).await?;
    if kept.is_empty() {
        let key = SigningKey::generate(wave.sources());
        let key = KeptKey {
            kid: key.kid().to_owned(),
            secret: key.secret().to_vec(),
            sealed: false,
            created_at: wave.now().micros(),
        };
        let key = seal.close(key, wave.sources())?;
        store::insert_key(wave.tx(), key.clone()).await?;
        kept.push(key);
    }
    for key in kept.iter_mut().filter(|key| !key.sealed && seal.0.is_some()) {
        // The store got its master key after its first start.
        *key = seal.close(key.clone(), wave.sources())?;
        store::save_sealed(wave.tx(), key).await?;
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

    #[test]
    fn without_a_master_key_a_key_is_kept_as_it_is() {
        let sources = Sources::new(Arc::new(HandClock::default()), Arc::new(Seeded::new(1)));
        let seal = Seal(None);
        assert_eq!(seal.open(&seal.close(kept(), &sources).unwrap()).unwrap(), [7; 32]);
        assert_eq!(Seal(Some([1; 32])).open(&kept()).unwrap(), [7; 32]);
    }
}
