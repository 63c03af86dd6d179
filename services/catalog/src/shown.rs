//! What was read of products a moment ago, so that a popular page does not ask the database
//! every time. Dropped when a product changes, and never older than five seconds.
use crate::store::Listed;
use contracts::{ProductId, Sku, Timestamp};
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

const OLDEST: Duration = Duration::from_secs(5);
const PRODUCTS: usize = 2_000;
const SLUGS: usize = 20_000;
const NUMBERS: usize = 50_000;

/// The cache of one replica.
pub struct Shown {
    products: Cache<ProductId, (Arc<Listed>, Timestamp)>,
    /// A product keeps its slugs for ever, also those that it had before.
    slugs: Cache<String, Uuid>,
    /// What inventory last said, for when it is away.
    numbers: Cache<Sku, i64>,
    changes: AtomicU64,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            products: Cache::new(PRODUCTS),
            slugs: Cache::new(SLUGS),
            numbers: Cache::new(NUMBERS),
            changes: AtomicU64::new(0),
        }
    }
}

impl Shown {
    /// What was read of the product, unless that is too long ago.
    pub fn get(&self, product: ProductId, now: Timestamp) -> Option<Arc<Listed>> {
        let (listed, at) = self.products.get(&product)?;
        (now.since(at) < OLDEST).then_some(listed)
    }
    /// How many changes were seen: to be asked before reading what is to be kept.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
    /// Keeps what was read, unless something changed while it was read.
    pub fn keep(&self, listed: Arc<Listed>, now: Timestamp, before: u64) {
        let product = listed.product.id;
        self.products.insert(product, (listed, now));
        if self.changes() != before {
            self.products.remove(&product);
        }
    }
    /// Forgets a product that changed.
    pub fn drop_product(&self, product: ProductId) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.products.remove(&product);
    }
    /// Forgets all products: a name that many of them have has changed.
    pub fn drop_products(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.products.clear();
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
        if self.numbers.get(sku) != Some(number) {
            self.numbers.insert(sku.clone(), number);
        }
    }
    /// What inventory last said of a SKU that it called orderable or not: none of what is not,
    /// and at least one of what is.
    pub fn last_number(&self, sku: &Sku, in_stock: bool) -> i64 {
        if in_stock { self.numbers.get(sku).unwrap_or(1).max(1) } else { 0 }
    }
}
