//! Which letters are just being written, so that no worker writes what another does.
//!
//! Replicas that share a database say so there: a letter under a claim is due again when the claim
//! ends. A replica that is alone keeps it in mind, which spares a transaction for each set; when
//! it dies, what it had claimed is due at once. Either way a claim ends by the clock, and is only
//! there to spare work: that a letter is written once is decided when it is saved.
use crate::letter::Letter;
use crate::{Notifications, store};
use contracts::{NotificationId, Timestamp};
use kit::db::Engine;
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::BTreeMap;
use store::letters::Claimed;
use tokio::sync::Mutex;

/// The claims of one replica.
pub struct Claims {
    /// When they end. None: the database knows.
    alone: Option<Mutex<BTreeMap<NotificationId, Timestamp>>>,
}

impl Claims {
    /// Of a replica on this engine: on SQLite it is alone.
    pub fn new(engine: Engine) -> Self {
        Self { alone: (engine == Engine::Sqlite).then(Mutex::default) }
    }
    /// Claims at most `most` letters that are due, those that wait longest first.
    /// # Errors
    /// When the database fails.
    pub async fn take(
        &self,
        service: &Notifications,
        most: usize,
    ) -> Result<Vec<Claimed>, Unexpected> {
        let (reader, now) = (service.db.reader(), service.sources.now());
        let Some(claims) = &self.alone else {
            // A look by a reader first: an idle worker never holds up a writer.
            if !store::letters::any_due(reader, now).await? {
                return Ok(Vec::new());
            }
            let claimed =
                service.waves.write(most, |wave, most: &usize| Box::pin(claim(wave, *most)));
            return claimed.await.map_err(Unexpected::from_error);
        };
        // Held while it reads: what was saved meanwhile is either read as done, or still claimed.
        let mut claims = claims.lock().await;
        claims.retain(|_, end| *end > now);
        let due = store::letters::due(reader, now, most + claims.len()).await?;
        let free = due.into_iter().filter(|one| !claims.contains_key(&one.letter.id));
        let taken: Vec<Claimed> = free.take(most).collect();
        let end = now.after(Letter::CLAIM);
        claims.extend(taken.iter().map(|one| (one.letter.id, end)));
        Ok(taken)
    }
    /// Ends the claims of letters that were saved.
    pub async fn end(&self, letters: &[NotificationId]) {
        if let Some(claims) = &self.alone {
            let mut claims = claims.lock().await;
            for letter in letters {
                claims.remove(letter);
            }
        }
    }
}

async fn claim(wave: &mut Wave, most: usize) -> Result<Vec<Claimed>, Unexpected> {
    let until = wave.now().after(Letter::CLAIM);
    store::letters::claim(wave.tx(), wave.now(), until, most).await
}
