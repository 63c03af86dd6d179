//! The search index: words to products, with what lists are filtered and sorted by.
//!
//! It is a copy, rebuilt from the database whenever it is missing, of another shape, or of
//! another database. Each commit says how far it has followed the change log, so that a crash
//! between the two loses nothing. One process writes the folder; another beside it (a second
//! replica, the command line) finds it locked and keeps an index of its own in memory.
use crate::product::squeezed;
use crate::queries::{Filter, Order};
use crate::store::Listed;
use contracts::Sku;
use kit::problem::Unexpected;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tantivy::collector::sort_key::{SortBySimilarityScore, SortByStaticFastValue, SortByString};
use tantivy::collector::{Count, SortKeyComputer, TopDocs};
use tantivy::directory::error::LockError;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, Query, RangeQuery, TermQuery,
};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing,
    TextOptions, Value,
};
use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer, TokenStream,
};
use tantivy::{
    DocAddress, Index, IndexReader, IndexWriter, Order as Direction, ReloadPolicy, Searcher,
    TantivyDocument, TantivyError, Term,
};
use uuid::Uuid;

/// The shape of the index; another number makes it be built anew.
const SHAPE: u32 = 3;
/// What the writer may use before it writes a segment.
const WRITER_BYTES: usize = 32 << 20;
const LONGEST_WORD: usize = 100;
/// More words than this are too many to be meant: the longest title has fewer.
const MOST_WORDS: usize = 64;
const WORDS: &str = "words";

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

/// The index, opened when it is first needed.
pub struct Search {
    folder: PathBuf,
    open: OnceLock<Arc<Open>>,
    opening: Mutex<()>,
}

struct Open {
    reader: IndexReader,
    fields: Fields,
    writer: Mutex<IndexWriter>,
    position: Mutex<Position>,
}

#[derive(Clone, Copy)]
struct Fields {
    id: Field,
    title: Field,
    authors: Field,
    genres: Field,
    categories: Field,
    description: Field,
    sku_words: Field,
    sku: Field,
    name: Field,
    min_price: Field,
    score: Field,
    created_at: Field,
    in_stock: Field,
    title_key: Field,
    tie: Field,
}

/// A whole SKU is meant and nothing else.
const SKU_BOOST: f32 = 100.0;

impl Fields {
    /// Where words are looked for: how much the word counts there, and how much its beginning.
    const fn with_words(&self) -> [(Field, f32, f32); 6] {
        [
            (self.title, 8.0, 0.8),
            (self.authors, 4.0, 0.4),
            (self.sku_words, 4.0, 0.4),
            (self.genres, 2.0, 0.2),
            (self.categories, 2.0, 0.2),
            (self.description, 1.0, 0.1),
        ]
    }
    fn build() -> (Schema, Self) {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(WORDS)
            .set_index_option(IndexRecordOption::WithFreqs);
        let words = TextOptions::default().set_indexing_options(indexing);
        let mut schema = Schema::builder();
        let fields = Self {
            id: schema.add_text_field("id", STRING | STORED),
            title: schema.add_text_field("title", words.clone()),
            authors: schema.add_text_field("authors", words.clone()),
            genres: schema.add_text_field("genres", words.clone()),
            categories: schema.add_text_field("categories", words.clone()),
            description: schema.add_text_field("description", words.clone()),
            sku_words: schema.add_text_field("sku_words", words),
            sku: schema.add_text_field("sku", STRING),
            name: schema.add_text_field("name", STRING),
            min_price: schema.add_i64_field("min_price", INDEXED | FAST),
            score: schema.add_i64_field("score", FAST),
            created_at: schema.add_i64_field("created_at", FAST),
            in_stock: schema.add_bool_field("in_stock", INDEXED),
            title_key: schema.add_text_field("title_key", STRING | FAST),
            tie: schema.add_u64_field("tie", FAST),
        };
        (schema.build(), fields)
    }
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
        self.with(|open| Ok(open.position.lock().clone())).await
    }
    /// Writes `changed`, and with them that the index has followed up to `position`; `anew`
    /// empties it first. They can be found once this answers.
    pub async fn follow(
        self: &Arc<Self>,
        changed: Vec<Listed>,
        position: Position,
        anew: bool,
    ) -> Result<(), Unexpected> {
        self.with(move |open| open.write(&changed, position, anew).map_err(failed)).await
    }
    /// A page of the products that have every word of `q` and match `filter`, and how many do.
    pub async fn find(
        self: &Arc<Self>,
        q: String,
        filter: Filter,
        order: Order,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Uuid>, u64), Unexpected> {
        let within = (usize::try_from(offset), usize::try_from(limit));
        let (Ok(offset), Ok(limit)) = within else { return Ok((Vec::new(), 0)) };
        self.with(move |open| open.find(&q, &filter, order, offset, limit).map_err(failed)).await
    }
}

fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(LONGEST_WORD))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

/// The text without accents that stand as characters of their own.
fn composed(text: &str) -> String {
    text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect()
}

/// The words of a text, as the index has them.
fn words(analyzer: &mut TextAnalyzer, text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let text = composed(text);
    let mut stream = analyzer.token_stream(&text);
    stream.process(&mut |token| words.push(token.text.clone()));
    words
}

impl Open {
    fn at(folder: &Path) -> Result<Self, Unexpected> {
        std::fs::create_dir_all(folder)?;
        let directory = MmapDirectory::open(folder).map_err(failed)?;
        match directory.acquire_lock(&INDEX_WRITER_LOCK) {
            Err(LockError::LockBusy) => {
                tracing::info!(?folder, "another process writes the search index: own in memory");
                return Self::of(Index::create_in_ram(Fields::build().0));
            }
            Err(error) => return Err(Unexpected::from_error(error)),
            Ok(ours) => drop(ours),
        }
        match Index::open_or_create(directory, Fields::build().0).and_then(usable) {
            Ok(index) => Self::of(index),
            Err(error) => {
                tracing::warn!(?folder, %error, "the search index is built anew");
                std::fs::remove_dir_all(folder)?;
                std::fs::create_dir_all(folder)?;
                Self::of(Index::create_in_dir(folder, Fields::build().0).map_err(failed)?)
            }
        }
    }
    fn of(index: Index) -> Result<Self, Unexpected> {
        index.tokenizers().register(WORDS, analyzer());
        let writer = index.writer_with_num_threads(1, WRITER_BYTES).map_err(failed)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader = reader.try_into().map_err(failed)?;
        let payload = index.load_metas().map_err(failed)?.payload;
        let position = payload.and_then(|json| serde_json::from_str(&json).ok());
        let fields = Fields::build().1;
        let position = Mutex::new(position.unwrap_or_default());
        Ok(Self { reader, fields, writer: Mutex::new(writer), position })
    }

    fn write(&self, changed: &[Listed], position: Position, anew: bool) -> tantivy::Result<()> {
        let mut writer = self.writer.lock();
        if anew {
            writer.delete_all_documents()?;
        }
        for listed in changed {
            let id = listed.product.id.0.simple().to_string();
            writer.delete_term(Term::from_field_text(self.fields.id, &id));
            if !listed.withdrawn {
                writer.add_document(self.document(listed, &id))?;
            }
        }
        let payload = serde_json::to_string(&position).unwrap_or_default();
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.reader.reload()?;
        *self.position.lock() = position;
        Ok(())
    }

    fn document(&self, listed: &Listed, id: &str) -> TantivyDocument {
        let (fields, product) = (&self.fields, &listed.product);
        let mut document = TantivyDocument::new();
        document.add_text(fields.id, id);
        document.add_text(fields.title, composed(&product.title));
        document.add_text(fields.description, composed(&product.description));
        for author in &product.authors {
            document.add_text(fields.authors, composed(&author.name));
            document.add_text(fields.name, author.id.0.simple().to_string());
        }
        for genre in &product.genres {
            document.add_text(fields.genres, composed(&genre.name));
            document.add_text(fields.name, genre.id.0.simple().to_string());
        }
        for category in &product.categories {
            document.add_text(fields.categories, composed(&category.name));
            document.add_text(fields.name, category.id.0.simple().to_string());
        }
        for variant in &product.variants {
            document.add_text(fields.sku, variant.sku.as_str());
            document.add_text(fields.sku_words, variant.sku.as_str());
        }
        let cheapest = product.variants.iter().map(|variant| variant.price.minor).min();
        document.add_i64(fields.min_price, cheapest.unwrap_or(0));
        document.add_i64(fields.score, product.score);
        document.add_i64(fields.created_at, product.created_at.micros());
        document.add_bool(fields.in_stock, listed.in_stock.iter().any(|flag| *flag));
        document.add_text(fields.title_key, crate::product::title_key(&product.title));
        document.add_u64(fields.tie, product.id.0.as_u64_pair().1);
        document
    }

    fn find(
        &self,
        q: &str,
        filter: &Filter,
        order: Order,
        offset: usize,
        limit: usize,
    ) -> tantivy::Result<(Vec<Uuid>, u64)> {
        let Some(query) = self.query(q, filter) else { return Ok((Vec::new(), 0)) };
        let searcher = self.reader.searcher();
        let total = searcher.search(&query, &Count)?;
        if offset >= total {
            return Ok((Vec::new(), total as u64));
        }
        // The collector makes room for all that comes before the page.
        let top = TopDocs::with_limit(limit.min(total - offset)).and_offset(offset);
        let found = match order {
            Order::Relevance => sorted(&searcher, &query, top, SortBySimilarityScore, DOWN)?,
            Order::Title => {
                sorted(&searcher, &query, top, SortByString::for_field("title_key"), UP)?
            }
            Order::Price => sorted(&searcher, &query, top, number("min_price"), UP)?,
            Order::PriceDescending => sorted(&searcher, &query, top, number("min_price"), DOWN)?,
            Order::Newest => sorted(&searcher, &query, top, number("created_at"), DOWN)?,
            Order::Best => sorted(&searcher, &query, top, number("score"), DOWN)?,
        };
        let mut ids = Vec::with_capacity(found.len());
        for address in found {
            let document: TantivyDocument = searcher.doc(address)?;
            let id = document.get_first(self.fields.id).and_then(|id| id.as_str());
            ids.extend(id.and_then(|id| Uuid::parse_str(id).ok()));
        }
        Ok((ids, total as u64))
    }

    /// None where nothing can match: a text without a single word.
    fn query(&self, q: &str, filter: &Filter) -> Option<BooleanQuery> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let mut analyzer = analyzer();
        let text = squeezed(q);
        let chunks: Vec<&str> = text.split(' ').collect();
        let mut count = 0;
        for (place, chunk) in chunks.iter().enumerate() {
            let words = words(&mut analyzer, chunk);
            count += words.len();
            if count > MOST_WORDS {
                return None;
            }
            if !words.is_empty() {
                let last = place + 1 == chunks.len();
                clauses.push((Occur::Must, self.chunk(chunk, &words, last)));
            }
        }
        if clauses.is_empty() {
            return None;
        }
        for name in &filter.names {
            let term = Term::from_field_text(self.fields.name, &name.simple().to_string());
            clauses.push((Occur::Must, unscored(exactly(term))));
        }
        if filter.min_price.is_some() || filter.max_price.is_some() {
            let bound = |price: Option<i64>| match price {
                Some(price) => Bound::Included(Term::from_field_i64(self.fields.min_price, price)),
                None => Bound::Unbounded,
            };
            let range = RangeQuery::new(bound(filter.min_price), bound(filter.max_price));
            clauses.push((Occur::Must, unscored(Box::new(range))));
        }
        if let Some(in_stock) = filter.in_stock {
            let term = Term::from_field_bool(self.fields.in_stock, in_stock);
            clauses.push((Occur::Must, unscored(exactly(term))));
        }
        Some(BooleanQuery::new(clauses))
    }

    /// What stands between two spaces: a SKU, or words that must all be there.
    fn chunk(&self, chunk: &str, words: &[String], last: bool) -> Box<dyn Query> {
        let each = words.iter().enumerate().map(|(place, word)| {
            let starts = last && place + 1 == words.len();
            (Occur::Must, self.word(word, starts))
        });
        let all: Box<dyn Query> = Box::new(BooleanQuery::new(each.collect()));
        let Ok(sku) = chunk.parse::<Sku>() else { return all };
        let sku = exactly(Term::from_field_text(self.fields.sku, sku.as_str()));
        let sku: Box<dyn Query> = Box::new(BoostQuery::new(sku, SKU_BOOST));
        Box::new(BooleanQuery::new(vec![(Occur::Should, all), (Occur::Should, sku)]))
    }

    /// A word in any field; the one that is still being typed also as the start of a word.
    fn word(&self, word: &str, starts: bool) -> Box<dyn Query> {
        let mut anywhere: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for (field, whole, beginning) in self.fields.with_words() {
            let term = Term::from_field_text(field, word);
            if starts {
                let start = Box::new(FuzzyTermQuery::new_prefix(term.clone(), 0, false));
                let start = ConstScoreQuery::new(start, beginning);
                anywhere.push((Occur::Should, Box::new(start)));
            }
            anywhere.push((Occur::Should, Box::new(BoostQuery::new(exactly(term), whole))));
        }
        Box::new(BooleanQuery::new(anywhere))
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

fn exactly(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
}

/// A filter says nothing about how well a product matches.
fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

const UP: Direction = Direction::Asc;
const DOWN: Direction = Direction::Desc;

fn number(field: &str) -> SortByStaticFastValue<i64> {
    SortByStaticFastValue::for_field(field)
}

/// What matches, by `key`. Of equals the newest comes first, in every replica, so that pages
/// follow each other without gaps whoever answers them.
fn sorted<S>(
    searcher: &Searcher,
    query: &BooleanQuery,
    top: TopDocs,
    key: S,
    direction: Direction,
) -> tantivy::Result<Vec<DocAddress>>
where
    S: SortKeyComputer,
    (S, Direction): SortKeyComputer + Send + 'static,
    <(S, Direction) as SortKeyComputer>::SortKey: 'static + Clone + Send + Sync + std::fmt::Debug,
{
    let newest = (number("created_at"), DOWN);
    let tie = (SortByStaticFastValue::<u64>::for_field("tie"), DOWN);
    let found = searcher.search(query, &top.order_by(((key, direction), newest, tie)))?;
    Ok(found.into_iter().map(|(_, address)| address).collect())
}
