//! The search index: words to products, with what lists are filtered, counted and sorted by.
//!
//! It is a copy, rebuilt from the database whenever it is missing, of another shape, or of
//! another database. Each commit says how far it has followed the change log, so that a crash
//! between the two loses nothing. One process writes the folder; another beside it (a second
//! replica, the command line) finds it locked and keeps an index of its own in memory. The
//! writer, which holds threads and buffers, is there only while there is something to write.
mod codes;
mod fields;
mod question;
mod spread;

pub use fields::Entry;
pub use spread::Spread;

use crate::queries::{Filter, Order};
use fields::{Fields, SHAPE, WORDS, analyzer};
use kit::problem::Unexpected;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use spread::Counting;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tantivy::collector::sort_key::{SortBySimilarityScore, SortByStaticFastValue, SortByString};
use tantivy::collector::{Count, SortKeyComputer, TopDocs};
use tantivy::directory::error::LockError;
use tantivy::directory::{Directory, DirectoryLock, Lock, MmapDirectory};
use tantivy::indexer::IndexWriterOptions;
use tantivy::query::Query;
use tantivy::{
    DocAddress, Index, IndexReader, IndexWriter, Order as Direction, ReloadPolicy, Searcher,
    TantivyError, Term,
};
use uuid::Uuid;

/// What the writer may use before it writes a segment: the least that there is.
const WRITER_BYTES: usize = 15_000_000;
/// After so many turns without a change the writer is let go, with its buffers.
const IDLE_TURNS: u32 = 2;
/// How many spreads are remembered until the index changes.
const MOST_REMEMBERED: usize = 64;
/// For pages that end later all is counted first, as the collector makes room for all before them.
const FAR: usize = 1_000;
/// Held by the one process that writes the folder, as long as it runs.
const LOCK: &str = ".feria-index.lock";

/// How far an index has followed the change log of which database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    shape: u32,
    /// Which database.
    pub epoch: String,
    /// The number of the last change that it has.
    pub last: i64,
}

impl Position {
    /// At `last` of the database `epoch`.
    pub const fn new(epoch: String, last: i64) -> Self {
        Self { shape: SHAPE, epoch, last }
    }
}

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The words; none for all products.
    pub q: Option<String>,
    /// Which products.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// How many come before the page.
    pub offset: u64,
    /// How many are on the page.
    pub limit: u64,
    /// Whether to count how all matches spread.
    pub spread: bool,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The page.
    pub ids: Vec<Uuid>,
    /// How many match in all.
    pub total: u64,
    /// How they spread, where that was asked for.
    pub spread: Option<Arc<Spread>>,
}

/// The index, opened when it is first needed.
pub struct Search {
    folder: PathBuf,
    open: OnceLock<Arc<Open>>,
    opening: Mutex<()>,
}

struct Open {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    writing: Mutex<Writing>,
    position: Mutex<Position>,
    remembered: Mutex<Vec<Remembered>>,
    /// None for an index in memory.
    _ours: Option<DirectoryLock>,
}

/// The writer, while there is something to write.
#[derive(Default)]
struct Writing {
    writer: Option<IndexWriter>,
    idle: u32,
}

/// A spread that was counted since the index changed.
struct Remembered {
    q: Option<String>,
    filter: Filter,
    spread: Arc<Spread>,
}

fn failed(error: impl Into<TantivyError>) -> Unexpected {
    Unexpected::from_error(error.into()).context("the search index")
}

impl Search {
    /// An index in `folder`; nothing is opened yet.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder, open: OnceLock::new(), opening: Mutex::new(()) }
    }

    fn opened(&self) -> Result<Arc<Open>, Unexpected> {
        let _one_at_a_time = self.opening.lock();
        if let Some(open) = self.open.get() {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(Open::at(&self.folder)?);
        Ok(Arc::clone(self.open.get_or_init(|| open)))
    }
    /// Runs `work` on the index, off the async threads: it reads and writes files.
    async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Open) -> Result<T, Unexpected> + Send + 'static,
    ) -> Result<T, Unexpected> {
        let search = Arc::clone(self);
        let ran = tokio::task::spawn_blocking(move || work(&*search.opened()?)).await;
        ran.map_err(Unexpected::from_error)?
    }

    /// How far the index has followed.
    pub async fn position(self: &Arc<Self>) -> Result<Position, Unexpected> {
        if let Some(open) = self.open.get() {
            return Ok(open.position.lock().clone());
        }
        self.with(|open| Ok(open.position.lock().clone())).await
    }
    /// Writes `changed`, and with them that the index has followed up to `position`; `anew`
    /// empties it first. They can be found once this answers.
    pub async fn follow(
        self: &Arc<Self>,
        changed: Vec<Entry>,
        position: Position,
        anew: bool,
    ) -> Result<(), Unexpected> {
        self.with(move |open| open.write(&changed, position, anew).map_err(failed)).await
    }
    /// To be said each time that there is nothing to write: by and by the writer is let go.
    pub async fn rest(self: &Arc<Self>) -> Result<(), Unexpected> {
        if self.open.get().is_some_and(|open| open.is_tired()) {
            return self.with(|open| open.let_go().map_err(failed)).await;
        }
        Ok(())
    }
    /// A page of what has every word and matches the filter, how many do, and how they spread.
    pub async fn find(self: &Arc<Self>, asked: Asked) -> Result<Found, Unexpected> {
        self.with(move |open| open.find(&asked).map_err(failed)).await
    }
}

impl Open {
    fn at(folder: &Path) -> Result<Self, Unexpected> {
        std::fs::create_dir_all(folder)?;
        let directory = MmapDirectory::open(folder).map_err(failed)?;
        let lock = Lock { filepath: PathBuf::from(LOCK), is_blocking: false };
        let ours = match directory.acquire_lock(&lock) {
            Ok(ours) => ours,
            Err(LockError::LockBusy) => {
                tracing::info!(?folder, "another process writes the search index: own in memory");
                return Self::of(Index::create_in_ram(Fields::build().0));
            }
            Err(error) => return Err(Unexpected::from_error(error)),
        };
        let index = Index::open_or_create(directory, Fields::build().0).and_then(usable);
        // A file of it may be missing, too: that shows when it is first read.
        let open = match index.map_err(failed).and_then(Self::of) {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(?folder, %error, "the search index is built anew");
                empty(folder)?;
                Self::of(Index::create_in_dir(folder, Fields::build().0).map_err(failed)?)?
            }
        };
        Ok(Self { _ours: Some(ours), ..open })
    }
    fn of(index: Index) -> Result<Self, Unexpected> {
        index.tokenizers().register(WORDS, analyzer());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader = reader.doc_store_cache_num_blocks(1).try_into().map_err(failed)?;
        let payload = index.load_metas().map_err(failed)?.payload;
        let position = payload.and_then(|json| serde_json::from_str(&json).ok());
        Ok(Self {
            index,
            reader,
            fields: Fields::build().1,
            writing: Mutex::default(),
            position: Mutex::new(position.unwrap_or_default()),
            remembered: Mutex::default(),
            _ours: None,
        })
    }

    fn write(&self, changed: &[Entry], position: Position, anew: bool) -> tantivy::Result<()> {
        let mut writing = self.writing.lock();
        writing.idle = 0;
        // A writer that failed would go on failing: it only comes back after a success.
        let mut writer = match writing.writer.take() {
            Some(writer) => writer,
            None => self.new_writer()?,
        };
        self.commit(&mut writer, changed, &position, anew)?;
        writing.writer = Some(writer);
        self.show()?;
        *self.position.lock() = position;
        Ok(())
    }
    fn commit(
        &self,
        writer: &mut IndexWriter,
        changed: &[Entry],
        position: &Position,
        anew: bool,
    ) -> tantivy::Result<()> {
        if anew {
            writer.delete_all_documents()?;
        }
        for entry in changed {
            let id = entry.listed.product.id.0.simple().to_string();
            writer.delete_term(Term::from_field_text(self.fields.id, &id));
            if !entry.listed.withdrawn {
                writer.add_document(self.fields.document(entry, &id))?;
            }
        }
        let payload = serde_json::to_string(position).unwrap_or_default();
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        Ok(())
    }
    fn new_writer(&self) -> tantivy::Result<IndexWriter> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        self.index.writer_with_options(options)
    }
    /// Has searches see what was written.
    fn show(&self) -> tantivy::Result<()> {
        self.reader.reload()?;
        self.remembered.lock().clear();
        Ok(())
    }
    fn is_tired(&self) -> bool {
        let mut writing = self.writing.lock();
        writing.idle = writing.idle.saturating_add(1);
        writing.writer.is_some() && writing.idle >= IDLE_TURNS
    }
    /// Waits for merges, and then frees the writer's threads and buffers, and the files that the
    /// merges replaced.
    fn let_go(&self) -> tantivy::Result<()> {
        let mut writing = self.writing.lock();
        if let Some(writer) = writing.writer.take() {
            writer.wait_merging_threads()?;
            self.show()?;
        }
        Ok(())
    }

    fn find(&self, asked: &Asked) -> tantivy::Result<Found> {
        let within = (usize::try_from(asked.offset), usize::try_from(asked.limit));
        let (Ok(offset), Ok(limit)) = within else { return Ok(Found::default()) };
        let found = self.find_within(asked, offset, limit, false)?;
        // Typos cost a walk through all words, and are not looked for beside what was typed.
        if found.total == 0 && asked.q.is_some() {
            return self.find_within(asked, offset, limit, true);
        }
        Ok(found)
    }
    fn find_within(
        &self,
        asked: &Asked,
        offset: usize,
        limit: usize,
        forgiving: bool,
    ) -> tantivy::Result<Found> {
        let Some(query) = self.fields.query(asked.q.as_deref(), &asked.filter, forgiving) else {
            let spread = asked.spread.then(Arc::default);
            return Ok(Found { spread, ..Found::default() });
        };
        let known = asked.spread.then(|| self.remembered(asked)).flatten();
        let searcher = self.reader.searcher();
        let counting = (asked.spread && known.is_none()).then_some(Counting);
        let near = offset.saturating_add(limit) <= FAR;
        let (total, counted, page) = if near {
            let top = TopDocs::with_limit(limit.max(1)).and_offset(offset);
            self.page(&searcher, &*query, top, counting, asked)?
        } else {
            let (total, counted) = searcher.search(&*query, &(Count, counting))?;
            let mut page = Vec::new();
            if offset < total {
                let top = TopDocs::with_limit(limit.clamp(1, total - offset)).and_offset(offset);
                page = self.page(&searcher, &*query, top, None, asked)?.2;
            }
            (total, counted, page)
        };
        let spread = match counted {
            // Typos may be looked for yet.
            Some(counted) if total == 0 && !forgiving => Some(Arc::new(counted)),
            Some(counted) => Some(self.remember(asked, &searcher, counted)),
            None => known,
        };
        let mut found = Found { ids: Vec::with_capacity(page.len()), total: total as u64, spread };
        for address in page {
            found.ids.extend(id_of(&searcher, address)?);
        }
        Ok(found)
    }

    fn page(
        &self,
        searcher: &Searcher,
        query: &dyn Query,
        top: TopDocs,
        counting: Option<Counting>,
        asked: &Asked,
    ) -> tantivy::Result<Page> {
        let (field, direction) = match asked.order {
            Order::Relevance if asked.q.is_some() => {
                return sorted(searcher, query, top, counting, SortBySimilarityScore, DOWN);
            }
            Order::Title => {
                let key = SortByString::for_field("title_key");
                return sorted(searcher, query, top, counting, key, UP);
            }
            Order::Price => ("min_price", UP),
            Order::PriceDescending => ("min_price", DOWN),
            // Where nothing is searched for every product matches alike.
            Order::Newest | Order::Relevance => ("created_at", DOWN),
            Order::Best => ("score", DOWN),
        };
        sorted(searcher, query, top, counting, number(field), direction)
    }

    fn remembered(&self, asked: &Asked) -> Option<Arc<Spread>> {
        let remembered = self.remembered.lock();
        let found = remembered.iter().find(|one| one.q == asked.q && one.filter == asked.filter)?;
        Some(Arc::clone(&found.spread))
    }
    /// Remembers a spread, unless the index changed while it was counted.
    fn remember(&self, asked: &Asked, searcher: &Searcher, spread: Spread) -> Arc<Spread> {
        let spread = Arc::new(spread);
        let mut remembered = self.remembered.lock();
        let now = self.reader.searcher().generation().generation_id();
        if now == searcher.generation().generation_id() {
            if remembered.len() >= MOST_REMEMBERED {
                remembered.remove(0);
            }
            let (q, filter) = (asked.q.clone(), asked.filter.clone());
            remembered.push(Remembered { q, filter, spread: Arc::clone(&spread) });
        }
        spread
    }
}

/// Whether an index that was found has the shape of this release.
fn usable(index: Index) -> tantivy::Result<Index> {
    let payload = index.load_metas()?.payload;
    let Some(payload) = payload else { return Ok(index) };
    match serde_json::from_str::<Position>(&payload) {
        Ok(position) if position.shape == SHAPE => Ok(index),
        _ => Err(TantivyError::SchemaError("of another shape".to_owned())),
    }
}

/// Takes everything but our lock out of the folder.
fn empty(folder: &Path) -> Result<(), Unexpected> {
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        if file.file_name() == LOCK {
            continue;
        }
        if file.file_type()?.is_dir() {
            std::fs::remove_dir_all(file.path())?;
        } else {
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

fn id_of(searcher: &Searcher, address: DocAddress) -> tantivy::Result<Option<Uuid>> {
    let fast = searcher.segment_reader(address.segment_ord).fast_fields();
    let high = fast.u64("id_high")?.first(address.doc_id);
    let low = fast.u64("id_low")?.first(address.doc_id);
    Ok(high.zip(low).map(|(high, low)| Uuid::from_u64_pair(high, low)))
}

const UP: Direction = Direction::Asc;
const DOWN: Direction = Direction::Desc;

fn number(field: &str) -> SortByStaticFastValue<i64> {
    SortByStaticFastValue::for_field(field)
}

/// How many match, how they spread if that is counted, and those on the page.
type Page = (usize, Option<Spread>, Vec<DocAddress>);

/// What matches, by `key`. Of equals the newest comes first, in every replica, so that pages
/// follow each other without gaps whoever answers them.
fn sorted<S>(
    searcher: &Searcher,
    query: &dyn Query,
    top: TopDocs,
    counting: Option<Counting>,
    key: S,
    direction: Direction,
) -> tantivy::Result<Page>
where
    S: SortKeyComputer,
    (S, Direction): SortKeyComputer + Send + 'static,
    <(S, Direction) as SortKeyComputer>::SortKey: 'static + Clone + Send + Sync + std::fmt::Debug,
{
    let newest = (number("created_at"), DOWN);
    let tie = (SortByStaticFastValue::<u64>::for_field("id_low"), DOWN);
    let top = top.order_by(((key, direction), newest, tie));
    let (total, counted, found) = searcher.search(query, &(Count, counting, top))?;
    Ok((total, counted, found.into_iter().map(|(_, address)| address).collect()))
}

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
