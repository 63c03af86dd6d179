//! What is shown again and again: products that are ready to be answered, which of them a
//! question finds, the names of facets. Bounded by weight.
//!
//! Nothing of it is older than what the database says by more than a second. A change of this
//! process is told before whoever made it is answered (`watches`); that others made one is read
//! from the change log ([`crate::freshness`]). Units sold are not in the log until the index is
//! given them, and are noted by themselves. Prices are not older at all: whoever asks for them
//! follows the log to its end first.
use crate::product::Shelf;
use crate::queries::{Filter, Order};
use crate::ready::Ready;
use crate::search::Spread;
use bytes::Bytes;
use contracts::catalog::Priced;
use contracts::{ProductId, Sku, Timestamp};
use kit::clock::age;
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Bytes of products, about.
const OF_PRODUCTS: u64 = 16 << 20;
/// Bytes of answers to questions, about.
const OF_PAGES: u64 = 12 << 20;
/// Bytes of pages as they were written, about.
const OF_TEXTS: u64 = 6 << 20;
/// Bytes of prices, about.
const OF_PRICES: u64 = 8 << 20;
const SLUGS: usize = 20_000;
const NUMBERS: usize = 20_000;
const NAMES: usize = 4_000;
/// Products are read again at last, whatever nobody told of them.
const OLDEST: Duration = Duration::from_secs(300);
/// How old scores may be shown; and when a sale that was heard of is committed, or failed.
const SOLD_AGO: Duration = Duration::from_secs(1);
/// Sales and changes are noted by the hash of their product.
const NOTED: usize = 1 << 14;
/// Who asks the same waits for the first one.
const QUEUES: usize = 64;

/// A question: which page of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Question {
    /// The words.
    pub q: Option<String>,
    /// A category, an author and a genre, as they were asked for.
    pub names: [Option<String>; 3],
    /// At least so many minor units.
    pub min_price: Option<i64>,
    /// At most so many.
    pub max_price: Option<i64>,
    /// Whether it can be ordered.
    pub in_stock: Option<bool>,
    /// In which order.
    pub order: Order,
    /// How many come before.
    pub offset: u64,
    /// How many are asked for.
    pub limit: u64,
    /// Whether to count.
    pub spread: bool,
}

/// The shelves of [`Question::names`].
pub const NAMED: [Shelf; 3] = [Shelf::Categories, Shelf::Authors, Shelf::Genres];

/// What was found.
#[derive(Debug)]
pub struct Page {
    /// The products, in their order.
    pub ids: Box<[Uuid]>,
    /// How many match in all.
    pub total: u64,
    /// What they were filtered by, should they come from the index: it may be behind.
    pub looked_up: Option<Filter>,
    /// How all matches spread.
    pub spread: Option<Arc<Spread>>,
    /// When it was asked.
    pub at: Timestamp,
    /// After how many changes: see [`Shown::lists`].
    pub lists: u64,
}

/// A page as it was written, and of what.
pub struct Written {
    /// What was found.
    pub page: Arc<Page>,
    /// The products.
    pub items: Vec<Arc<Ready>>,
    /// What inventory said of their variants.
    pub numbers: Vec<i64>,
    /// The text.
    pub text: Bytes,
}

/// A name of a facet.
#[derive(Debug)]
pub struct FacetName {
    /// What to filter by.
    pub slug: String,
    /// The name.
    pub name: String,
}

/// What a SKU cost when it was read.
#[derive(Debug)]
struct Price {
    priced: Priced,
    /// How many changes had been seen before it was read.
    before: u64,
}

/// Weighs what is kept.
#[derive(Clone, Copy)]
pub struct Scales;

impl Weighter<ProductId, Arc<Ready>> for Scales {
    fn weight(&self, _: &ProductId, ready: &Arc<Ready>) -> u64 {
        ready.weight() as u64
    }
}
impl Weighter<Question, Arc<Page>> for Scales {
    fn weight(&self, question: &Question, page: &Arc<Page>) -> u64 {
        let words = question.q.iter().chain(question.names.iter().flatten());
        let words: usize = words.map(|word| word.len()).sum();
        let spread = page.spread.as_ref().map_or(0, |spread| spread.weight());
        (450 + words + page.ids.len() * 16 + spread) as u64
    }
}
impl Weighter<usize, Arc<Written>> for Scales {
    fn weight(&self, _: &usize, written: &Arc<Written>) -> u64 {
        (200 + written.items.len() * 8 + written.numbers.len() * 8 + written.text.len()) as u64
    }
}
impl Weighter<Sku, Arc<Price>> for Scales {
    fn weight(&self, sku: &Sku, price: &Arc<Price>) -> u64 {
        let priced = &price.priced;
        let image = priced.image.as_ref().map_or(0, String::len);
        (350 + 2 * sku.as_str().len() + priced.slug.len() + priced.title.len() + image) as u64
    }
}

type Hasher = BuildHasherDefault<DefaultHasher>;

/// The cache of one replica.
pub struct Shown {
    products: Cache<ProductId, Arc<Ready>, Scales>,
    /// A product keeps its slugs for ever, also those that it had before.
    slugs: Cache<String, Uuid>,
    /// What inventory last said, for when it is away.
    numbers: Cache<Sku, i64>,
    pages: Cache<Question, Arc<Page>, Scales>,
    /// By where the page stands in memory, which each of them keeps there.
    texts: Cache<usize, Arc<Written>, Scales>,
    queues: Box<[tokio::sync::Mutex<()>]>,
    names: Cache<i64, Arc<FacetName>>,
    prices: Cache<Sku, Arc<Price>, Scales>,
    changes: AtomicU64,
    /// Which of the changes was the last one of a product, and of all of them.
    changed: Box<[AtomicU64]>,
    all_changed: AtomicU64,
    lists: AtomicU64,
    sales: Box<[AtomicI64]>,
    last_sale: AtomicI64,
    /// Up to which number the change log was followed, and up to which one it is known that it
    /// will be written, and since when.
    pub(crate) followed: AtomicI64,
    pub(crate) looked: AtomicI64,
    pub(crate) looking: tokio::sync::Mutex<()>,
    expected: AtomicI64,
    expected_at: AtomicI64,
    /// Whether other replicas count sales that are not noted here.
    shared: bool,
}

fn weighed<K, V>(bytes: u64, each: usize) -> Cache<K, V, Scales>
where
    K: Eq + std::hash::Hash,
    V: Clone,
    Scales: Weighter<K, V> + Clone,
{
    let items = usize::try_from(bytes).unwrap_or(usize::MAX) / each;
    let options = OptionsBuilder::new()
        .shards(4)
        .estimated_items_capacity(items)
        .weight_capacity(bytes)
        .build();
    match options {
        Ok(options) => Cache::with_options(options, Scales, Default::default(), Default::default()),
        Err(_) => Cache::with_weighter(items, bytes, Scales),
    }
}

fn place(page: &Arc<Page>) -> usize {
    Arc::as_ptr(page).addr()
}

/// Where sales and changes of a product are noted.
fn noted(product: ProductId) -> usize {
    // The end of an id is chance.
    let low = product.0.as_u64_pair().1;
    usize::try_from(low % NOTED as u64).unwrap_or(0)
}

impl Default for Shown {
    fn default() -> Self {
        Self::of(OF_PRODUCTS, OF_PAGES, OF_PRICES)
    }
}

impl Shown {
    /// Of so many bytes for products, for pages and for prices.
    pub fn of(products: u64, pages: u64, prices: u64) -> Self {
        Self {
            products: weighed(products, 1_500),
            slugs: Cache::new(SLUGS),
            numbers: Cache::new(NUMBERS),
            pages: weighed(pages, 1_500),
            texts: weighed(OF_TEXTS, 20_000),
            queues: (0..QUEUES).map(|_| tokio::sync::Mutex::default()).collect(),
            names: Cache::new(NAMES),
            prices: weighed(prices, 450),
            changes: AtomicU64::new(0),
            changed: (0..NOTED).map(|_| AtomicU64::new(0)).collect(),
            all_changed: AtomicU64::new(0),
            lists: AtomicU64::new(0),
            sales: (0..NOTED).map(|_| AtomicI64::new(i64::MIN)).collect(),
            last_sale: AtomicI64::new(i64::MIN),
            followed: AtomicI64::new(-1),
            looked: AtomicI64::new(i64::MIN),
            looking: tokio::sync::Mutex::default(),
            expected: AtomicI64::new(-1),
            expected_at: AtomicI64::new(i64::MIN),
            shared: false,
        }
    }
    /// The same, beside other replicas.
    #[must_use]
    pub fn shared(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    /// A product that is ready, unless that is too long ago.
    pub fn get(&self, product: ProductId, now: Timestamp) -> Option<Arc<Ready>> {
        let ready = self.products.get(&product)?;
        let sold = self.sales[noted(product)].load(Ordering::Relaxed);
        (age(ready.read_at, now) < OLDEST && self.counts_sales(sold, ready.read_at, now))
            .then_some(ready)
    }
    /// How many changes were seen: to be asked before reading what is to be kept.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
    /// Keeps what was read, unless something changed while it was read.
    pub fn keep(&self, ready: Arc<Ready>, before: u64) {
        let product = ready.id;
        self.products.insert(product, ready);
        if self.changes() != before {
            self.products.remove(&product);
        }
    }
    /// Forgets a product that changed.
    pub fn drop_product(&self, product: ProductId) {
        let change = self.changes.fetch_add(1, Ordering::AcqRel) + 1;
        self.changed[noted(product)].fetch_max(change, Ordering::AcqRel);
        self.products.remove(&product);
        self.drop_pages();
    }
    /// Forgets all products: a name that many of them have has changed, or much has.
    pub fn drop_products(&self) {
        let change = self.changes.fetch_add(1, Ordering::AcqRel) + 1;
        self.all_changed.fetch_max(change, Ordering::AcqRel);
        self.products.clear();
        self.drop_pages();
        self.names.clear();
    }
    /// What a SKU costs, unless its product changed since that was read.
    pub fn price(&self, sku: &Sku) -> Option<Priced> {
        let price = self.prices.get(sku)?;
        let changed = self.changed[noted(price.priced.product)].load(Ordering::Acquire);
        let changed = changed.max(self.all_changed.load(Ordering::Acquire));
        (changed <= price.before).then(|| price.priced.clone())
    }
    /// Keeps what a SKU cost. A change that was not seen `before` it was read makes it void,
    /// whichever comes first.
    pub fn keep_price(&self, priced: Priced, before: u64) {
        self.prices.insert(priced.sku.clone(), Arc::new(Price { priced, before }));
    }
    /// The product of a SKU, which is its own for ever.
    pub fn owner(&self, sku: &Sku) -> Option<ProductId> {
        self.prices.get(sku).map(|price| price.priced.product)
    }
    /// Forgets what names are: one may have changed.
    pub fn drop_names(&self) {
        self.drop_pages();
        self.names.clear();
    }
    /// Forgets what questions found: something may be found now, or no longer.
    pub fn drop_pages(&self) {
        self.lists.fetch_add(1, Ordering::AcqRel);
    }
    /// How often pages were forgotten: to be asked before reading what is to be kept.
    pub fn lists(&self) -> u64 {
        self.lists.load(Ordering::Acquire)
    }

    /// What the question found, if nothing has changed since.
    pub fn page(&self, question: &Question, now: Timestamp) -> Option<Arc<Page>> {
        let page = self.pages.get(question)?;
        let same = page.lists == self.lists() && self.is_settled(now);
        let last_sale = self.last_sale.load(Ordering::Relaxed);
        let sales = question.order != Order::Best || self.counts_sales(last_sale, page.at, now);
        (same && sales).then_some(page)
    }
    /// Keeps what a question found.
    pub fn keep_page(&self, question: Question, page: Arc<Page>) {
        self.pages.insert(question, page);
    }
    /// The text of a page that was written of the same.
    pub fn text(&self, page: &Arc<Page>, items: &[Arc<Ready>], numbers: &[i64]) -> Option<Bytes> {
        let written = self.texts.get(&place(page))?;
        let same = Arc::ptr_eq(&written.page, page)
            && written.numbers == numbers
            && written.items.len() == items.len()
            && written.items.iter().zip(items).all(|(one, other)| Arc::ptr_eq(one, other));
        same.then(|| written.text.clone())
    }
    /// Keeps how a page was written.
    pub fn keep_text(&self, written: Written) {
        self.texts.insert(place(&written.page), Arc::new(written));
    }
    /// Where those who ask the same wait for each other.
    pub fn queue(&self, question: &Question) -> &tokio::sync::Mutex<()> {
        let hash = Hasher::default().hash_one(question);
        &self.queues[usize::try_from(hash % QUEUES as u64).unwrap_or(0)]
    }

    /// The name of this number.
    pub fn name(&self, number: i64) -> Option<Arc<FacetName>> {
        self.names.get(&number)
    }
    /// Keeps the name of a number, unless names changed while it was read.
    pub fn keep_name(&self, number: i64, name: Arc<FacetName>, lists: u64) {
        self.names.insert(number, name);
        if self.lists() != lists {
            self.names.remove(&number);
        }
    }

    /// Whether what was read at `at` has the units of a sale that was noted at `sold`, or is young
    /// enough to be shown without.
    fn counts_sales(&self, sold: i64, at: Timestamp, now: Timestamp) -> bool {
        let known = !self.shared && Timestamp::from_micros(sold).after(SOLD_AGO) < at;
        known || age(at, now) < SOLD_AGO
    }
    /// Notes that a product was sold, before that is committed.
    pub fn note_sale(&self, product: ProductId, now: Timestamp) {
        self.sales[noted(product)].store(now.micros(), Ordering::Relaxed);
        self.last_sale.store(now.micros(), Ordering::Relaxed);
    }

    /// Says that the change log will be written up to `number`: called before the commit. Until
    /// it has been followed so far, no page is taken from memory.
    pub fn expect(&self, number: i64, now: Timestamp) {
        self.expected_at.store(now.micros(), Ordering::Release);
        self.expected.fetch_max(number, Ordering::AcqRel);
    }
    /// Whether all changes that were said to come have come, or will not come any more.
    pub fn is_settled(&self, now: Timestamp) -> bool {
        let behind = self.followed.load(Ordering::Acquire) < self.expected.load(Ordering::Acquire);
        let since = Timestamp::from_micros(self.expected_at.load(Ordering::Acquire));
        !behind || now.since(since) >= SOLD_AGO
    }

    /// The product of a slug.
    pub fn id_of(&self, slug: &str) -> Option<Uuid> {
        self.slugs.get(slug)
    }
    /// Remembers whose a slug is.
    pub fn keep_slug(&self, slug: String, product: Uuid) {
        self.slugs.insert(slug, product);
    }
    /// Remembers what inventory said.
    pub fn keep_number(&self, sku: &Sku, number: i64) {
        self.numbers.insert(sku.clone(), number);
    }
    /// What inventory last said of a SKU that it called orderable or not: none of what is not,
    /// and at least one of what is.
    pub fn last_number(&self, sku: &Sku, in_stock: bool) -> i64 {
        if in_stock { self.numbers.get(sku).unwrap_or(1).max(1) } else { 0 }
    }
}

#[cfg(test)]
mod tests;
