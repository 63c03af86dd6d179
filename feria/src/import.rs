//! `feria import`: goods from a file, beside a running store or without one.
//!
//! Rows stream through in batches, so that memory does not grow with the file. A batch lists its
//! products first and counts their stock then; whoever is interrupted in between repeats the
//! import, which changes nothing that is there already.
use crate::Failure;
use crate::goods::{Format, Goods, Rejected, Row, cannot_read};
use crate::store::Beside;
use contracts::catalog::{ImportProducts, Imported};
use contracts::inventory::{ImportStock, StockCount, StockImported};
use contracts::{CallError, Sku};
use indicatif::{ProgressBar, ProgressStyle};
use kit::Unexpected;
use kit::config::Config;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What is imported, and how.
#[derive(Clone, Debug)]
pub struct Import {
    /// The file.
    pub file: PathBuf,
    /// Its format; found by itself if none is given.
    pub format: Option<Format>,
    /// Whether stock that is known is set to what the file says, too.
    pub replace_stock: bool,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were read, with those that were rejected.
    pub rows: u64,
    /// Products that are new.
    pub created: u64,
    /// Products that were changed.
    pub updated: u64,
    /// Products that were so already.
    pub unchanged: u64,
    /// Rows that are no product, or one that the store refuses.
    pub rejected: u64,
    /// SKUs whose stock was recorded.
    pub stocked: u64,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, created, updated, unchanged, rejected, stocked, took } = self;
        write!(
            f,
            "Read {rows} rows in {}.{} s: {created} products are new, {updated} were changed, \
             {unchanged} were so already, {rejected} rows were rejected. \
             Recorded the stock of {stocked} SKUs.",
            took.as_secs(),
            took.subsec_millis() / 100,
        )?;
        match peak_memory() {
            Some(kib) => write!(f, " Peak memory: {} MB.", kib / 1024),
            None => Ok(()),
        }
    }
}

/// How many rows make a batch. Two wait while one is written.
const BATCH: usize = 250;
const WAITING: usize = 2;

/// Imports the file. `reject` is told each row that was rejected.
/// # Errors
/// When the file is none of that format, or a service does not answer.
pub async fn import(
    config: Config,
    import: Import,
    mut reject: impl FnMut(&Rejected),
) -> Result<Report, Failure> {
    let began = Instant::now();
    let format = match import.format {
        Some(format) => format,
        None => Format::of(&import.file)?,
    };
    let open = |error| cannot_read(&import.file, &error);
    let file = File::open(&import.file).map_err(open)?;
    let bar = progress(file.metadata().map_err(open)?.len());
    let rows = format.read(bar.wrap_read(file), config.currency)?;
    let store = Beside::open(config).await?;
    let (sender, mut batches) = mpsc::channel(WAITING);
    let reading = tokio::task::spawn_blocking(move || send(rows, &sender));
    let mut report = Report::default();
    let mut told = |rejected: &Rejected| bar.suspend(|| reject(rejected));
    let mut failed = None;
    while let Some(batch) = batches.recv().await {
        if let Err(error) = take(&store, batch, import.replace_stock, &mut report, &mut told).await
        {
            failed = Some(error);
            break;
        }
    }
    drop(batches);
    bar.finish_and_clear();
    store.close().await;
    reading.await.map_err(Unexpected::from_error)?;
    report.took = began.elapsed();
    failed.map_or(Ok(report), |error| Err(error.into()))
}

/// Reads on a thread of its own, until all is read or nobody takes it any more.
fn send(rows: impl Iterator<Item = Row>, to: &mpsc::Sender<Vec<Row>>) {
    let mut batch = Vec::with_capacity(BATCH);
    for row in rows {
        batch.push(row);
        if batch.len() == BATCH && to.blocking_send(std::mem::take(&mut batch)).is_err() {
            return;
        }
    }
    if !batch.is_empty() {
        // Nobody takes it: the import has ended.
        let _ = to.blocking_send(batch);
    }
}

/// Lists the products of a batch and counts their stock.
async fn take(
    store: &Beside,
    batch: Vec<Row>,
    replace: bool,
    report: &mut Report,
    reject: &mut impl FnMut(&Rejected),
) -> Result<(), Unexpected> {
    report.rows += batch.len() as u64;
    let mut goods: Vec<Goods> = Vec::with_capacity(batch.len());
    for row in batch {
        match row {
            Ok(row) => goods.push(row),
            Err(rejected) => {
                report.rejected += 1;
                reject(&rejected);
            }
        }
    }
    let records = goods.iter().map(|goods| goods.record.clone()).collect();
    let outcomes = store.call(ImportProducts { records }).await;
    let outcomes = outcomes.map_err(|error| called(error).context("list the products"))?;
    // The last row that names a SKU counts; a SKU stands once in a call.
    let mut counts: BTreeMap<Sku, (i64, u64)> = BTreeMap::new();
    for (goods, outcome) in goods.into_iter().zip(outcomes) {
        match outcome {
            Imported::Created => report.created += 1,
            Imported::Updated => report.updated += 1,
            Imported::Unchanged => report.unchanged += 1,
            Imported::Rejected { reason } => {
                report.rejected += 1;
                reject(&Rejected { line: goods.line, reason });
                continue;
            }
        }
        let line = goods.line;
        counts.extend(goods.stock.into_iter().map(|(sku, on_hand)| (sku, (on_hand, line))));
    }
    count(store, counts, replace, report, reject).await
}

async fn count(
    store: &Beside,
    counts: BTreeMap<Sku, (i64, u64)>,
    replace: bool,
    report: &mut Report,
    reject: &mut impl FnMut(&Rejected),
) -> Result<(), Unexpected> {
    let counts: Vec<_> = counts.into_iter().collect();
    for some in counts.chunks(1_000) {
        let count = |(sku, (on_hand, _)): &(Sku, (i64, u64))| StockCount {
            sku: sku.clone(),
            on_hand: *on_hand,
        };
        let call = ImportStock { counts: some.iter().map(count).collect(), replace };
        let outcomes = store.call(call).await;
        let outcomes = outcomes.map_err(|error| called(error).context("count the stock"))?;
        for ((sku, (_, line)), outcome) in some.iter().zip(outcomes) {
            match outcome {
                StockImported::Set => report.stocked += 1,
                StockImported::Kept => {}
                StockImported::Rejected { reason } => {
                    report.rejected += 1;
                    reject(&Rejected { line: *line, reason: format!("stock of {sku}: {reason}") });
                }
            }
        }
    }
    Ok(())
}

fn called<E: std::error::Error + Send + Sync + 'static>(error: CallError<E>) -> Unexpected {
    match error {
        CallError::Refused(refused) => Unexpected::from_error(refused),
        CallError::NotDone(why) | CallError::Unknown(why) => Unexpected::new(why),
    }
}

/// A bar on the terminal; where there is none, nothing.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = "{bar:30} {percent:>3} %  {binary_bytes} of {binary_total_bytes}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// The most memory that this process had resident, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
