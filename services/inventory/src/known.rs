//! How many of each SKU can be ordered, as it was last read: so that a page of products does not
//! ask the database each time. Only for showing: whoever decides reads the rows under lock.
//!
//! A change of this process is announced before its commit: from then on the SKU is read anew,
//! until the database has the version that was announced. What others write is noticed within
//! half a second on SQLite, where the file says so, and never shown older than a second on a
//! server. What is asked for together while others read is read by one statement.
use contracts::inventory::Available;
use contracts::{Sku, Timestamp};
use kit::Unexpected;
use kit::clock::age;
use kit::db::{Db, Engine};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::store;

/// How many SKUs are remembered: some 130 bytes each.
const MOST_KNOWN: usize = 50_000;
/// How often it is looked whether another process has written to the file.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How old an answer may get beside other replicas.
const OLDEST_SHARED: Duration = Duration::from_secs(1);
/// How old an answer may get at all.
const OLDEST: Duration = Duration::from_secs(60);
/// After this long a change that was announced is committed, or never will be.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// The version of what has no stock.
const NONE: i64 = -1;

/// What was read of a SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Read {
    version: i64,
    available: i64,
    at: Timestamp,
    /// Of which era: see [`Known::era`].
    era: usize,
}

/// A change that may not be committed yet.
#[derive(Clone, Copy, Debug)]
struct Announced {
    version: i64,
    at: Timestamp,
}

/// What is known of stock in one replica.
pub struct Known {
    shared: bool,
    shelf: Cache<Sku, Read>,
    /// Also held by whoever writes to `shelf`.
    announced: Mutex<HashMap<Sku, Announced>>,
    /// Rises when another process has written: what was read before does not count any more.
    era: AtomicUsize,
    foreign: AtomicI64,
    looked: AtomicI64,
    looking: tokio::sync::Mutex<()>,
    swept: AtomicI64,
    asked: Mutex<Arc<Asked>>,
    reading: tokio::sync::Mutex<()>,
}

/// What a transaction saw under lock.
pub(crate) struct Seen {
    /// The version of each SKU's stock, and how many can be ordered.
    pub rows: HashMap<Sku, (i64, i64)>,
    /// When.
    pub at: Timestamp,
}

/// What callers want to know that is read by one statement.
#[derive(Default)]
struct Asked {
    skus: Mutex<BTreeSet<Sku>>,
    /// By SKU; none where there is no stock.
    answer: OnceLock<Answer>,
}
type Answer = HashMap<Sku, Number>;
/// How many can be ordered; none where there is no stock.
pub type Number = Option<i64>;

impl Known {
    /// Knows nothing yet of the stock in `db`.
    pub fn new(db: &Db) -> Self {
        Self::of(db.engine() != Engine::Sqlite, MOST_KNOWN)
    }
    fn of(shared: bool, most: usize) -> Self {
        Self {
            shared,
            shelf: Cache::new(most),
            announced: Mutex::default(),
            era: AtomicUsize::new(0),
            foreign: AtomicI64::new(0),
            looked: AtomicI64::new(i64::MIN),
            looking: tokio::sync::Mutex::default(),
            swept: AtomicI64::new(i64::MIN),
            asked: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Says that a transaction gives a SKU this version: called before its commit.
    pub(crate) fn announce<'a>(
        &self,
        changes: impl Iterator<Item = (&'a Sku, i64)>,
        now: Timestamp,
    ) {
        let mut announced = self.announced.lock();
        for (sku, version) in changes {
            let known = announced.entry(sku.clone()).or_insert(Announced { version, at: now });
            (known.version, known.at) = (known.version.max(version), now);
        }
        let swept = Timestamp::from_micros(self.swept.load(Ordering::Relaxed));
        if now.since(swept) >= SETTLED_AFTER {
            self.swept.store(now.micros(), Ordering::Relaxed);
            announced.retain(|sku, change| self.is_open(sku, *change, now));
        }
    }
    /// Whether a change may still be on its way. If not, what was read before it is forgotten.
    fn is_open(&self, sku: &Sku, change: Announced, now: Timestamp) -> bool {
        let open = now.since(change.at) < SETTLED_AFTER;
        if !open {
            self.shelf.remove(sku);
        }
        open
    }

    /// How many of each of `skus` can be ordered, in their order. Those without stock are left
    /// out.
    /// # Errors
    /// When the database cannot be read.
    pub async fn available(
        &self,
        db: &Db,
        now: Timestamp,
        skus: Vec<Sku>,
    ) -> Result<Vec<Available>, Unexpected> {
        self.look(db, now).await;
        let (found, lacking) = self.find(&skus, now);
        let read =
            if lacking.is_empty() { HashMap::new() } else { self.read(db, now, lacking).await? };
        let number = |(sku, found): (Sku, Option<Number>)| {
            let available = found.unwrap_or_else(|| read.get(&sku).copied())?;
            Some(Available { sku, available })
        };
        Ok(skus.into_iter().zip(found).filter_map(number).collect())
    }
    /// Keeps what a transaction saw that has committed: SKUs with their version, and how many of
    /// each can be ordered.
    pub(crate) fn note(&self, Seen { rows, at }: Seen) {
        let skus = rows.keys().cloned().collect();
        self.keep(skus, rows, at, self.era.load(Ordering::Acquire));
    }
    /// How many of each of `skus` can be ordered; none where that is not known.
    pub async fn peek(&self, db: &Db, now: Timestamp, skus: &[Sku]) -> Vec<Number> {
        self.look(db, now).await;
        self.find(skus, now).0.into_iter().map(Option::flatten).collect()
    }
    /// What is known of each, and of which nothing is.
    fn find(&self, skus: &[Sku], now: Timestamp) -> (Vec<Option<Number>>, Vec<Sku>) {
        let (mut found, mut lacking) = (Vec::with_capacity(skus.len()), Vec::new());
        let era = self.era.load(Ordering::Acquire);
        let announced = self.announced.lock();
        for sku in skus {
            let open = !announced.is_empty() && announced.contains_key(sku);
            match self.shelf.get(sku) {
                Some(read) if !open && read.era == era && self.is_young(read.at, now) => {
                    found.push(Some((read.version != NONE).then_some(read.available)));
                }
                _ => {
                    found.push(None);
                    lacking.push(sku.clone());
                }
            }
        }
        (found, lacking)
    }
    fn is_young(&self, at: Timestamp, now: Timestamp) -> bool {
        age(at, now) < if self.shared { OLDEST_SHARED } else { OLDEST }
    }

    /// Reads what is not known, together with what others ask for meanwhile. Whoever reads does
    /// it after all have asked, so that everybody gets what was committed before.
    async fn read(
        &self,
        db: &Db,
        now: Timestamp,
        skus: Vec<Sku>,
    ) -> Result<HashMap<Sku, i64>, Unexpected> {
        let mine = {
            let asked = self.asked.lock();
            asked.skus.lock().extend(skus.iter().cloned());
            Arc::clone(&asked)
        };
        let _one_at_a_time = self.reading.lock().await;
        if mine.answer.get().is_none() {
            {
                // Nobody else joins. Where a reader was cancelled, it was closed before.
                let mut asked = self.asked.lock();
                if Arc::ptr_eq(&asked, &mine) {
                    *asked = Arc::default();
                }
            }
            let wanted: Vec<Sku> = mine.skus.lock().iter().cloned().collect();
            let era = self.era.load(Ordering::Acquire);
            let rows = store::read_levels(db, &wanted).await?;
            let answer = self.keep(wanted, rows, now, era);
            // Only who holds `reading` sets it.
            let _ = mine.answer.set(answer);
        }
        let answer = mine.answer.get();
        let number = |sku: Sku| Some((answer?.get(&sku).copied()??, sku));
        Ok(skus.into_iter().filter_map(number).map(|(number, sku)| (sku, number)).collect())
    }
    /// Remembers what was read of `wanted`, but for what is being changed.
    fn keep(
        &self,
        wanted: Vec<Sku>,
        mut rows: HashMap<Sku, (i64, i64)>,
        at: Timestamp,
        era: usize,
    ) -> Answer {
        let mut answer = HashMap::with_capacity(wanted.len());
        let mut announced = self.announced.lock();
        for sku in wanted {
            let row = rows.remove(&sku);
            let (version, available) = row.unwrap_or((NONE, 0));
            answer.insert(sku.clone(), row.map(|(_, available)| available));
            match announced.get(&sku) {
                Some(change) if version < change.version => {
                    if !self.is_open(&sku, *change, at) {
                        announced.remove(&sku);
                    }
                    continue;
                }
                Some(_) => drop(announced.remove(&sku)),
                None => {}
            }
            if self.shelf.peek(&sku).is_none_or(|known| known.version <= version) {
                self.shelf.insert(sku, Read { version, available, at, era });
            }
        }
        answer
    }

    /// Now and then: whether another process wrote to the file. One looks, nobody waits for it.
    async fn look(&self, db: &Db, now: Timestamp) {
        let looked = Timestamp::from_micros(self.looked.load(Ordering::Acquire));
        if self.shared || age(looked, now) < LOOK_EVERY {
            return;
        }
        let Ok(_alone) = self.looking.try_lock() else { return };
        match db.foreign_writes().await {
            Ok(foreign) => {
                if self.foreign.swap(foreign, Ordering::AcqRel) != foreign {
                    self.era.fetch_add(1, Ordering::AcqRel);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "it is not known whether others wrote to the stock");
                self.era.fetch_add(1, Ordering::AcqRel);
            }
        }
        self.looked.store(now.micros(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }
    fn sku(name: &str) -> Sku {
        name.parse().unwrap()
    }
    fn read(known: &Known, name: &str, row: Option<(i64, i64)>, now: i64) {
        let rows = row.map(|row| (sku(name), row)).into_iter().collect();
        known.keep(vec![sku(name)], rows, at(now), known.era.load(Ordering::Acquire));
    }
    /// What is known: a number, that there is none, or nothing.
    fn shown(known: &Known, name: &str, now: i64) -> Option<Option<i64>> {
        known.find(&[sku(name)], at(now)).0[0]
    }

    #[test]
    fn what_was_read_is_shown_until_it_is_old() {
        for (shared, last) in [(true, 0), (false, 59)] {
            let known = Known::of(shared, 100);
            assert_eq!(shown(&known, "A", 100), None);
            read(&known, "A", Some((4, 7)), 100);
            read(&known, "B", None, 100);
            assert_eq!(shown(&known, "A", 100 + last), Some(Some(7)));
            assert_eq!(shown(&known, "B", 100 + last), Some(None), "there is no stock");
            assert_eq!(shown(&known, "A", 101 + last), None);
            assert_eq!(shown(&known, "A", 99), None, "the clock was set back");
        }
    }

    #[test]
    fn a_change_is_read_anew_from_its_announcement_to_its_commit() {
        let known = Known::of(false, 100);
        read(&known, "A", Some((4, 7)), 100);
        known.announce([(&sku("A"), 5)].into_iter(), at(100));
        assert_eq!(shown(&known, "A", 100), None);
        read(&known, "A", Some((4, 7)), 100);
        assert_eq!(shown(&known, "A", 100), None, "not committed yet");
        read(&known, "A", Some((5, 6)), 101);
        assert_eq!(shown(&known, "A", 101), Some(Some(6)));
        read(&known, "A", Some((4, 7)), 101);
        assert_eq!(shown(&known, "A", 101), Some(Some(6)), "a read that came late");
    }

    #[test]
    fn a_change_that_was_rolled_back_is_given_up_and_so_is_what_was_read_before() {
        let known = Known::of(false, 100);
        read(&known, "A", Some((4, 7)), 100);
        read(&known, "B", Some((1, 1)), 100);
        known.announce([(&sku("A"), 5)].into_iter(), at(100));
        known.announce([(&sku("B"), 2)].into_iter(), at(106));
        assert_eq!(known.announced.lock().len(), 1, "the older one is given up");
        assert_eq!(shown(&known, "A", 106), None);
        read(&known, "A", Some((4, 7)), 106);
        assert_eq!(shown(&known, "A", 106), Some(Some(7)));
        read(&known, "B", Some((1, 1)), 111);
        assert_eq!(shown(&known, "B", 111), None);
        read(&known, "B", Some((1, 1)), 111);
        assert_eq!(shown(&known, "B", 111), Some(Some(1)));
    }

    #[test]
    fn what_others_wrote_ends_an_era() {
        let known = Known::of(false, 100);
        read(&known, "A", Some((4, 7)), 100);
        known.era.fetch_add(1, Ordering::AcqRel);
        assert_eq!(shown(&known, "A", 100), None);
        read(&known, "A", Some((4, 9)), 100);
        assert_eq!(shown(&known, "A", 100), Some(Some(9)));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let known = Known::of(false, 1_000);
        for n in 0..20_000 {
            read(&known, &format!("S-{n}"), Some((1, 1)), 100);
        }
        assert!(known.shelf.len() <= 1_000, "{}", known.shelf.len());
    }
}
