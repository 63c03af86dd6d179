//! Hashing of passwords: argon2id, off the async threads, on no more cores than there are.
use crate::account::Password;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use contracts::CallError;
use kit::clock::Sources;
use kit::problem::Unexpected;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may wait for each core: some two seconds.
const WAITING_PER_CORE: usize = 100;
/// The hash of no password, with the costs of all others: whoever logs in with an unknown address
/// waits as long as everybody.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Where passwords are hashed.
pub struct Passwords {
    cores: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum NotHashed {
    /// Too many wait.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// Our fault.
    #[error(transparent)]
    Failed(#[from] Unexpected),
}

impl<E> From<NotHashed> for CallError<E> {
    fn from(why: NotHashed) -> Self {
        if let NotHashed::Failed(error) = &why {
            error.log();
        }
        Self::NotDone(why.to_string())
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            room: Arc::new(Semaphore::new(cores * WAITING_PER_CORE)),
        }
    }
}

impl Passwords {
    /// The hash to keep, as a PHC string.
    /// # Errors
    /// [`NotHashed`], see there.
    pub async fn hash(&self, password: Password, sources: &Sources) -> Result<String, NotHashed> {
        let mut salt = [0; 16];
        sources.fill(&mut salt);
        self.run(move || {
            let hash =
                Argon2::default().hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash: PasswordHash| hash.to_string()).map_err(Unexpected::from_error)
        })
        .await
    }
    /// Whether `password` is the one of `hash`. Without a hash it is not, after the same time.
    /// # Errors
    /// [`NotHashed`], see there.
    pub async fn verify(
        &self,
        password: Password,
        hash: Option<String>,
    ) -> Result<bool, NotHashed> {
        self.run(move || {
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let hash = PasswordHash::new(hash).map_err(Unexpected::from_error)?;
            Ok(Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
        })
        .await
    }
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Unexpected> + Send + 'static,
    ) -> Result<T, NotHashed> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| NotHashed::Busy)?;
        let core = Arc::clone(&self.cores).acquire_owned().await;
        let core = core.map_err(Unexpected::from_error)?;
        // The permits stay with the work: a caller that leaves does not stop it.
        let permits: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (room, core);
        let hashed = tokio::task::spawn_blocking(move || {
            let _permits = permits;
            work()
        });
        Ok(hashed.await.map_err(Unexpected::from_error)??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::testing::{HandClock, Seeded};

    fn sources() -> Sources {
        Sources::new(Arc::new(HandClock::default()), Arc::new(Seeded::new(1)))
    }
    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_matches_its_hash() {
        let passwords = Passwords::default();
        let right = password("correct-horse\0battery");
        let hash = passwords.hash(right.clone(), &sources()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert!(passwords.verify(right, Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(password("correct-horse"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_account_costs_what_a_known_one_does() {
        let passwords = Passwords::default();
        let hash = passwords.hash(password("12345678"), &sources()).await.unwrap();
        let costs = |hash: &str| hash.split('$').nth(3).unwrap().to_owned();
        assert_eq!(costs(NOBODY), costs(&hash));
        assert_eq!(NOBODY.len(), hash.len());
        assert!(!passwords.verify(password("12345678"), None).await.unwrap());
    }

    #[tokio::test]
    async fn when_too_many_wait_the_next_one_is_told_so() {
        let passwords =
            Passwords { cores: Arc::new(Semaphore::new(1)), room: Arc::new(Semaphore::new(0)) };
        assert!(matches!(passwords.verify(password("12345678"), None).await, Err(NotHashed::Busy)));
    }
}
