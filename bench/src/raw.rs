//! The ceiling of the databases: the row changes and commits of purchases by card, in sets, and
//! nothing else: no HTTP, no calls, no decisions, no reading.
//!
//! The tables are those of the services, with their indexes and checks, in databases of their own
//! that are opened as the store opens its own, and each service commits as often as it does for a
//! set of purchases. The services run beside each other and never wait for one another: the store
//! cannot be faster than this without writing less.
mod steps;

use crate::Trouble;
use crate::process::Process;
use crate::town::{config, write};
use feria::store::Beside;
use kit::db::Tx;
use kit::plug::{Node, Running};
use kit::{Unexpected, clock::Sources};
use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// The argument that has `bench` write rows instead.
pub const ARGUMENT: &str = "--as-raw";

/// How fast rows were written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Written {
    /// How many purchases.
    pub purchases: usize,
    /// How many of them in one set.
    pub batch: usize,
    /// How long it took.
    pub seconds: f64,
    /// Purchases in a second.
    pub rate: f64,
    /// Processor time of a purchase, in microseconds.
    pub cpu_us: f64,
    /// Rows that a purchase changes.
    pub rows: usize,
    /// Commits for each set.
    pub commits: usize,
}

/// One purchase: the ids of its rows.
#[derive(Clone, Copy)]
struct Purchase {
    order: Uuid,
    payment: Uuid,
    attempt: Uuid,
    cart: Uuid,
    account: Uuid,
    number: i64,
    news: [Uuid; 3],
    others: [Uuid; 8],
}

/// Writes `purchases`, `batch` at a time, into new databases in `data`.
/// # Errors
/// When a database cannot be written.
pub async fn run(data: &Path, purchases: usize, batch: usize) -> Result<Written, Trouble> {
    let store = Beside::open(config(data)?).await.map_err(Trouble::from_error)?;
    let written = measure(&store.node, purchases, batch).await;
    store.close().await;
    written
}

async fn measure(node: &Node, purchases: usize, batch: usize) -> Result<Written, Trouble> {
    let service = |name| {
        let found = node.service(name);
        found.ok_or_else(|| Trouble::new(format!("there is no service {name}")))
    };
    write(service("inventory")?, (), |wave, ()| Box::pin(steps::stock_up(wave))).await?;
    let sources = feria::sources::real();
    let all: Vec<Purchase> =
        (0..).take(purchases).map(|number| purchase(&sources, number)).collect();
    let sets: Arc<[Set]> = all.chunks(batch.max(1)).map(|some| Set(some.into())).collect();
    let (began, cpu) = (Instant::now(), Process::own().cpu().unwrap_or_default());
    tokio::try_join!(
        waves(service("cart")?, &sets, &[steps::fill_carts, steps::clear_carts]),
        waves(service("orders")?, &sets, &[steps::begin, steps::place, steps::pay]),
        waves(service("inventory")?, &sets, &[steps::reserve, steps::take]),
        waves(
            service("payments")?,
            &sets,
            &[steps::start, steps::claim, steps::charge, steps::settle]
        ),
        waves(service("catalog")?, &sets, &[steps::score]),
        waves(service("notifications")?, &sets, &[steps::confirm, steps::receipt, steps::post]),
    )?;
    let took = began.elapsed().as_secs_f64();
    let cpu = Process::own().cpu().unwrap_or_default().saturating_sub(cpu).as_secs_f64();
    let count = purchases.max(1) as f64;
    Ok(Written {
        purchases,
        batch,
        seconds: took,
        rate: count / took,
        cpu_us: cpu * 1e6 / count,
        rows: ROWS,
        commits: COMMITS,
    })
}

/// What the steps change for each purchase: cart 2 + 3, orders 1 + 4 + 5, inventory 2 + 4,
/// payments 4 + 1 + 1 + 6, catalog 3, notifications 2 + 2 + 6.
const ROWS: usize = 46;
const COMMITS: usize = 15;

#[derive(Clone)]
struct Set(Arc<[Purchase]>);

type Step = for<'a> fn(&'a Tx, &'a [Purchase]) -> Writing<'a>;
type Writing<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

async fn waves(service: &Running, sets: &[Set], steps: &[Step]) -> Result<(), Trouble> {
    for set in sets {
        for step in steps {
            write(service, (set.clone(), *step), |wave, (set, step)| {
                Box::pin(async move { Ok::<_, Unexpected>(step(wave.tx(), &set.0).await?) })
            })
            .await?;
        }
    }
    Ok(())
}

fn purchase(sources: &Sources, number: i64) -> Purchase {
    Purchase {
        order: sources.id(),
        payment: sources.id(),
        attempt: sources.id(),
        cart: sources.id(),
        account: sources.id(),
        number,
        news: std::array::from_fn(|_| sources.id()),
        others: std::array::from_fn(|_| sources.id()),
    }
}
