//! A story of a whole store: shoppers and staff over HTTP, all ways to pay, all outcomes.
//!
//! Shoppers order one to five titles each, at the same time, until so many orders were asked
//! for; they pay in every way, fail, wait too long, cancel, and staff confirms, ships, and gives
//! money back. Then everything comes to rest, and [`books`] reads what is written.
pub mod books;
mod client;
mod shopper;
mod staff;

use client::{Client, Refused};
use feria::Store;
use kit::config::{Config, Switch};
use parking_lot::Mutex;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Longer than anything may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
const ADMIN: (&str, &str) = ("story@example.com", "correct-horse-battery");

/// What went wrong, in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(pub String);

/// How long a story is.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many orders are asked for.
    pub orders: u32,
    /// How many shoppers ask at once.
    pub shoppers: u32,
    /// What chance begins with.
    pub seed: u64,
}

/// What happened, counted.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<BTreeMap<String, u32>>>);

impl Told {
    fn count(&self, what: impl Into<String>) {
        *self.0.lock().entry(what.into()).or_default() += 1;
    }
    /// How often what happened.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.0.lock().clone()
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
    let wrong = |error: &dyn std::fmt::Display| Wrong(format!("the store does not open: {error}"));
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
        Err(error) => Err(Wrong(format!("no admin: {error}"))),
    }
}

/// Tells the story in the store at `url`, and waits until it rests.
/// # Errors
/// When the store answers what it should not, or does not come to rest.
pub async fn tell(url: &str, plan: Plan) -> Result<Told, Wrong> {
    let staff = Arc::new(staff::Staff::log_in(Client::new(url)?, ADMIN).await?);
    let titles = Arc::new(titles(&Client::new(url)?).await?);
    if titles.is_empty() {
        return Err(Wrong("the shelves are empty".to_owned()));
    }
    let told = Told::default();
    let left = Arc::new(AtomicU32::new(plan.orders));
    let mut shopping = tokio::task::JoinSet::new();
    for number in 0..plan.shoppers {
        let (told, left, titles) = (told.clone(), Arc::clone(&left), Arc::clone(&titles));
        let (client, staff) = (Client::new(url)?, Arc::clone(&staff));
        let seed = plan.seed ^ (u64::from(number) << 32);
        shopping.spawn(async move {
            let chance = ChaCha8Rng::seed_from_u64(seed);
            let shopper = shopper::Shopper::enter(client, staff, told, titles, number, chance);
            let mut shopper = shopper.await?;
            // One errand an order, until enough were asked for.
            while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok() {
                shopper.errand().await?;
            }
            Ok::<(), Wrong>(())
        });
    }
    while let Some(done) = shopping.join_next().await {
        done.map_err(|error| Wrong(error.to_string()))??;
    }
    rest(&staff).await?;
    Ok(told)
}

const fn less(left: u32) -> Option<u32> {
    left.checked_sub(1)
}

/// SKUs on the shelf, once all that is on it can be found.
async fn titles(client: &Client) -> Result<Vec<String>, Wrong> {
    let mut titles = Vec::new();
    let mut known = None;
    loop {
        let found = client.get("/v1/products?in_stock=true&per_page=1").await?["total"].as_u64();
        if found == known && found > Some(0) {
            break;
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

/// Waits until no order waits for anything, and nothing is reserved.
async fn rest(staff: &staff::Staff) -> Result<(), Wrong> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut busy = Vec::new();
        for status in ["pending", "paid", "fulfilled"] {
            let found = staff.orders(status).await?;
            // What was paid after its shopper went away is sent now, what is on its way arrives.
            for order in &found {
                staff.see_through(order).await?;
            }
            busy.extend(found.iter().map(describe));
        }
        if busy.is_empty() {
            return Ok(());
        }
        if Instant::now() > end {
            let some: Vec<_> = busy.into_iter().take(5).collect();
            return Err(Wrong(format!("orders that never end: {some:?}")));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn describe(order: &Value) -> String {
    let payment = &order["payment"];
    format!("{} {} {} {}", order["id"], order["status"], payment["method"], payment["status"])
}

/// Refused as the story expects it: answers whether it was done.
fn unless(answer: Result<Value, Refused>, codes: &[&str]) -> Result<Option<Value>, Wrong> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Refused::Problem { code, .. }) if codes.contains(&&*code) => Ok(None),
        Err(refused) => Err(Wrong(refused.to_string())),
    }
}
