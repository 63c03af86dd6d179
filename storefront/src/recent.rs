//! What was told a moment ago: one question every two seconds, whoever looks.
use contracts::Timestamp;
use kit::clock::Sources;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// How old an answer may be.
const AGE: Duration = Duration::from_secs(2);
/// How long a page waits for a new one.
const PATIENCE: Duration = Duration::from_secs(1);

struct Known<T> {
    at: Timestamp,
    told: Option<Arc<T>>,
}

/// The last answer to one question.
pub struct Recent<T> {
    known: Mutex<Option<Known<T>>>,
    /// Held by whoever asks, so that the others do not.
    asking: tokio::sync::Mutex<()>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }
}

impl<T> Recent<T> {
    /// The answer of at most two seconds ago. Where `ask` has none in time, the last one that
    /// there was.
    pub async fn get(
        &self,
        sources: &Sources,
        ask: impl Future<Output = Option<T>>,
    ) -> Option<Arc<T>> {
        if let Some(told) = self.fresh(sources.now()) {
            return told;
        }
        let _asking = self.asking.lock().await;
        let at = sources.now();
        if let Some(told) = self.fresh(at) {
            return told;
        }
        let told = tokio::time::timeout(PATIENCE, ask).await.ok().flatten().map(Arc::new);
        let mut known = self.known.lock();
        let told = told.or_else(|| known.take().and_then(|known| known.told));
        *known = Some(Known { at, told: told.clone() });
        told
    }
    fn fresh(&self, now: Timestamp) -> Option<Option<Arc<T>>> {
        let known = self.known.lock();
        known.as_ref().filter(|known| now.since(known.at) < AGE).map(|known| known.told.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::testing::{HandClock, Seeded};

    #[tokio::test]
    async fn an_answer_is_kept_for_two_seconds_and_the_last_one_until_there_is_another() {
        let clock = HandClock::default();
        let sources = Sources::new(Arc::new(clock.clone()), Arc::new(Seeded::new(1)));
        let recent = Recent::default();
        let ask = async |answer: Option<u32>| {
            recent.get(&sources, std::future::ready(answer)).await.map(|told| *told)
        };
        assert_eq!(ask(None).await, None);
        assert_eq!(ask(Some(1)).await, None);
        clock.forward(AGE);
        assert_eq!((ask(Some(2)).await, ask(Some(3)).await), (Some(2), Some(2)));
        clock.forward(AGE);
        assert_eq!((ask(None).await, ask(Some(4)).await), (Some(2), Some(2)));
        clock.forward(AGE);
        assert_eq!(ask(Some(5)).await, Some(5));
    }
}
