//! The shop's terms as a replica remembers them: reading them for a checkout costs no statement.
//!
//! Whoever changes them tells so, and what is remembered is read again. The news may be missed,
//! or be another process's: what is older than a second is looked after. So a price that is
//! charged is one of terms that were current while the checkout ran, or up to a second before.
use crate::store::terms;
use crate::{Orders, queries::fault, terms as rules};
use contracts::Timestamp;
use contracts::orders::{GetShop, Shop};
use kit::Unexpected;
use kit::calls::Answer;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How old what is remembered may be before the database is asked for its version.
const MOST_AGE: Duration = Duration::from_secs(1);

/// The terms that were read last.
#[derive(Default)]
pub struct Remembered {
    known: Mutex<Option<Known>>,
    /// How often a change was told: what was read before the last time is stale.
    told: AtomicU64,
    /// Held by the one who reads, so that those who come meanwhile need not.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Known {
    shop: Arc<Shop>,
    read_at: Timestamp,
    told: u64,
}

impl Remembered {
    /// The terms were changed: they are read again before they are used.
    pub fn changed(&self) {
        self.told.fetch_add(1, Ordering::AcqRel);
    }
    fn known(&self) -> Option<Known> {
        self.known.lock().clone()
    }
    fn fresh(&self, now: Timestamp) -> Option<Arc<Shop>> {
        let known = self.known()?;
        let told = self.told.load(Ordering::Acquire);
        // A clock that was set back makes nothing young.
        let young = known.read_at <= now && now.since(known.read_at) < MOST_AGE;
        (known.told == told && young).then_some(known.shop)
    }
}

/// The terms of now.
pub async fn current(orders: &Orders) -> Result<Arc<Shop>, Unexpected> {
    let remembered = &orders.shop;
    if let Some(shop) = remembered.fresh(orders.sources.now()) {
        return Ok(shop);
    }
    let _reading = remembered.reading.lock().await;
    let read_at = orders.sources.now();
    if let Some(shop) = remembered.fresh(read_at) {
        return Ok(shop);
    }
    // Before the read: what is told meanwhile makes it stale.
    let told = remembered.told.load(Ordering::Acquire);
    let number = terms::newest_number(orders.db.reader()).await?.unwrap_or(0);
    let shop = match remembered.known().filter(|known| known.shop.version == number) {
        Some(known) => known.shop,
        None => Arc::new(read(orders).await?),
    };
    *remembered.known.lock() = Some(Known { shop: Arc::clone(&shop), read_at, told });
    Ok(shop)
}

async fn read(orders: &Orders) -> Result<Shop, Unexpected> {
    Ok(as_shop(orders, terms::newest(orders.db.reader()).await?))
}

/// A version of the terms as it is shown; none is what is configured.
pub(crate) fn as_shop(orders: &Orders, version: Option<terms::Version>) -> Shop {
    let currency = orders.config.currency;
    match version {
        Some(terms::Version { number, terms, from }) => {
            let changed_at = Some(from).filter(|_| number > 0);
            Shop { terms, currency, version: number, changed_at }
        }
        None => {
            let terms = rules::configured(&orders.config);
            Shop { terms, currency, version: 0, changed_at: None }
        }
    }
}

/// The shop's terms.
pub async fn get_shop(orders: &Orders, _: GetShop) -> Answer<GetShop> {
    Ok((*current(orders).await.map_err(fault)?).clone())
}
