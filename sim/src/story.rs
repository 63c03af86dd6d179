//! A story of a whole store: shoppers and staff over HTTP, all ways to pay, all outcomes.
//!
//! Shoppers order one to five titles each, at the same time, until so many orders were asked
//! for; they pay in every way, fail, wait too long, cancel, and staff confirms, ships, and gives
//! money back. Then everything comes to rest, and [`books`] reads what is written; [`notes`]
//! holds it against what was acknowledged.
pub mod books;
pub mod client;
pub mod goods;
pub mod notes;
pub mod place;
mod shopper;
mod staff;

pub use client::Insist;

use books::Audit;
use client::{Client, Refused};
use feria::Store;
use kit::config::{Config, Switch};
use kit::plug::Node;
use notes::Notes;
use parking_lot::Mutex;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use staff::Staff;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Longer than anything may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
/// A letter that was being written when its store was killed waits for the end of its claim.
const LETTERS: Duration = Duration::from_secs(80);
const ADMIN: (&str, &str) = ("story@example.com", "correct-horse-battery");

/// What went wrong, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(pub String);

impl Wrong {
    /// What went wrong while something was done.
    pub fn when(doing: &str, error: impl std::fmt::Display) -> Self {
        Self(format!("{doing}: {error}"))
    }
}

/// How long a story is.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many orders are asked for.
    pub orders: u32,
    /// How many shoppers ask at once.
    pub shoppers: u32,
    /// What chance begins with.
    pub seed: u64,
    /// When they ask the same again.
    pub insist: Insist,
}

/// What happened, counted, and what was acknowledged.
#[derive(Clone, Default)]
pub struct Told {
    counted: Arc<Mutex<BTreeMap<String, u32>>>,
    notes: Arc<Mutex<Notes>>,
}

impl Told {
    fn count(&self, what: impl Into<String>) {
        *self.counted.lock().entry(what.into()).or_default() += 1;
    }
    /// How often what happened.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.counted.lock().clone()
    }
    /// What was acknowledged until now.
    pub fn notes(&self) -> Notes {
        self.notes.lock().clone()
    }
}

/// A configuration for a story: no limits, and a hold that ends soon.
pub fn config(data: &Path, database: Option<&str>) -> Config {
    Config {
        data: data.display().to_string(),
        rate_limit: Switch::Off,
        hold_seconds: 3,
        database: database.unwrap_or_default().into(),
        ..Config::default()
    }
}

/// Opens a store on a free port.
/// # Errors
/// When it cannot be opened.
pub async fn open(config: Config) -> Result<Store, Wrong> {
    let wrong = |error: &dyn std::fmt::Display| Wrong::when("the store does not open", error);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| wrong(&error))?;
    feria::serve::start(config, listener).await.map_err(|error| wrong(&error))
}

/// Opens an account for the story's staff, if there is none yet.
/// # Errors
/// When the store's databases cannot be written.
pub async fn hire(config: Config) -> Result<(), Wrong> {
    let (email, password) = ADMIN;
    match feria::admin::create(config, email.to_owned(), password.to_owned()).await {
        Ok(()) | Err(feria::Failure::Input(_)) => Ok(()),
        Err(error) => Err(Wrong::when("no admin", error)),
    }
}

/// A story that is being told.
pub struct Story {
    staff: Arc<Staff>,
    told: Told,
    left: Arc<AtomicU32>,
    shopping: JoinSet<Result<(), Wrong>>,
    settled: BTreeSet<String>,
}

impl Story {
    /// Sends shoppers to the store, which is at all of `urls`.
    /// # Errors
    /// When the store does not let them in.
    pub async fn begin(urls: &[String], plan: Plan) -> Result<Self, Wrong> {
        let told = Told::default();
        let Some(url) = urls.first() else { return Err(Wrong("no store".to_owned())) };
        let client = Client::new(url, plan.insist, told.clone())?;
        let staff = Arc::new(Staff::log_in(client.clone(), told.clone(), ADMIN).await?);
        let left = Arc::new(AtomicU32::new(plan.orders));
        let (shopping, settled) = (JoinSet::new(), BTreeSet::new());
        let mut story = Self { staff, told, left, shopping, settled };
        if plan.orders > 0 {
            let titles = Arc::new(titles(&client).await?);
            for (number, url) in (0..plan.shoppers).zip(urls.iter().cycle()) {
                let client = Client::new(url, plan.insist, story.told.clone())?;
                story.shop(client, number, plan.seed, &titles);
            }
        }
        Ok(story)
    }
    fn shop(&mut self, client: Client, number: u32, seed: u64, titles: &Arc<Vec<String>>) {
        let (told, left) = (self.told.clone(), Arc::clone(&self.left));
        let (staff, titles) = (Arc::clone(&self.staff), Arc::clone(titles));
        let chance = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(number) << 32));
        self.shopping.spawn(async move {
            let shopper = shopper::Shopper::enter(client, staff, told, titles, number, chance);
            let mut shopper = shopper.await?;
            // One errand an order, until enough were asked for.
            while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok() {
                shopper.errand().await?;
            }
            Ok::<(), Wrong>(())
        });
    }
    /// What happened until now.
    pub const fn told(&self) -> &Told {
        &self.told
    }
    /// Lets nobody order any more; what was begun is brought to its end.
    pub fn close(&self) {
        self.left.store(0, Ordering::Release);
    }
    /// Waits until this many orders were acknowledged.
    /// # Errors
    /// When a shopper gave up, or it takes too long.
    pub async fn until(&mut self, orders: usize) -> Result<(), Wrong> {
        let end = Instant::now() + PATIENCE;
        while self.told.notes.lock().orders() < orders {
            while let Some(done) = self.shopping.try_join_next() {
                done.map_err(|error| Wrong(error.to_string()))??;
            }
            if Instant::now() > end {
                return Err(Wrong(format!("fewer than {orders} orders in {PATIENCE:?}")));
            }
            tokio::time::sleep(PAUSE / 10).await;
        }
        Ok(())
    }
    /// Whether a shopper gave up, and why.
    /// # Errors
    /// Why.
    pub fn look(&mut self) -> Result<(), Wrong> {
        while let Some(done) = self.shopping.try_join_next() {
            done.map_err(|error| Wrong(error.to_string()))??;
        }
        Ok(())
    }
    /// Waits for the shoppers, and until no order waits for anything.
    /// # Errors
    /// When the store answers what it should not, or does not come to rest.
    pub async fn end(&mut self) -> Result<(), Wrong> {
        while let Some(done) = self.shopping.join_next().await {
            done.map_err(|error| Wrong(error.to_string()))??;
        }
        self.rest().await
    }
    /// Waits until no order waits for anything.
    async fn rest(&mut self) -> Result<(), Wrong> {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut busy = Vec::new();
            for status in ["pending", "paid", "fulfilled"] {
                let found = self.staff.orders(status).await?;
                // What was paid after its shopper went away is sent now, what is on its way
                // arrives.
                for order in &found {
                    self.staff.see_through(order).await?;
                }
                busy.extend(found.iter().map(describe));
            }
            if busy.is_empty() && self.staff.give_by_hand(&mut self.settled).await? == 0 {
                return Ok(());
            }
            if Instant::now() > end {
                let some: Vec<_> = busy.into_iter().take(5).collect();
                return Err(Wrong(format!("orders that never end: {some:?}")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    /// Reads the books once the store rests. Letters and refunds follow their orders: what does
    /// not fit is looked at again for a while.
    /// # Errors
    /// When a table cannot be read, or the store does not come to rest.
    pub async fn audit(&mut self, node: &Node) -> Result<Audit, Wrong> {
        let end = Instant::now() + LETTERS;
        loop {
            self.rest().await?;
            let audit = books::audit(node).await?;
            if audit.violations.is_empty() || Instant::now() > end {
                return Ok(audit);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

const fn less(left: u32) -> Option<u32> {
    left.checked_sub(1)
}

/// SKUs on the shelf, once all that is on it can be found.
async fn titles(client: &Client) -> Result<Vec<String>, Wrong> {
    let end = Instant::now() + PATIENCE;
    let mut titles = Vec::new();
    let mut known = None;
    loop {
        let found = client.get("/v1/products?in_stock=true&per_page=1").await?["total"].as_u64();
        if found == known && found > Some(0) {
            break;
        }
        if Instant::now() > end {
            return Err(Wrong("the shelves are empty".to_owned()));
        }
        known = found;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for page in 1.. {
        let path = format!("/v1/products?in_stock=true&sort=title&per_page=100&page={page}");
        let found = client.get(&path).await?;
        let items = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        titles.extend(items.iter().filter_map(|item| Some(item["sku"].as_str()?.to_owned())));
        if items.len() < 100 || titles.len() >= 10_000 {
            break;
        }
    }
    Ok(titles)
}

fn describe(order: &Value) -> String {
    let payment = &order["payment"];
    format!("{} {} {} {}", order["id"], order["status"], payment["method"], payment["status"])
}

/// An id as it stands in a path.
fn text(id: &Value) -> &str {
    id.as_str().unwrap_or_default()
}

/// Refused as the story expects it: answers whether it was done.
fn unless(answer: Result<Value, Refused>, codes: &[&str]) -> Result<Option<Value>, Wrong> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Refused::Problem { code, .. }) if codes.contains(&&*code) => Ok(None),
        Err(refused) => Err(Wrong(refused.to_string())),
    }
}
