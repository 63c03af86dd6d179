//! The real store, killed while it sells, without room on its disk, and with a clock that jumps.
//!
//! Shoppers and staff order all the time and repeat what was not answered, with the same
//! `Idempotency-Key`. In the end all that was acknowledged has to be there, and the books have
//! to hold, whatever was done to the store.
mod child;
pub mod clock;
pub mod disk;
pub mod kills;

use crate::story::books::Audit;
use crate::story::place::Place;
use crate::story::{Plan, Story, Wrong, goods, hire};
use child::{Child, Launch};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Many more orders than any run has time for.
const ENDLESS: u32 = u32::MAX;
/// How many titles are on the shelves, and how many pieces of most.
const TITLES: u32 = 40;
const PLENTY: u32 = 1_000_000;

/// How long a store took to answer, from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Started {
    /// Until the first 200 on `/readyz`.
    pub ready: Duration,
    /// Until the first 200 on `/healthz`.
    pub healthy: Duration,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// How long each start took.
    pub starts: Vec<Started>,
    /// What happened, counted.
    pub told: BTreeMap<String, u32>,
    /// What was acknowledged, in a sentence.
    pub noted: String,
    /// How many orders were asked for again at the end.
    pub repeated: usize,
    /// The books.
    pub audit: Audit,
    /// What the store logged as errors.
    pub logged: Vec<String>,
    /// What does not hold, in sentences.
    pub wrong: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.told {
            writeln!(f, "{count:>6}  {what}")?;
        }
        let mut ready: Vec<_> = self.starts.iter().map(|start| start.ready).collect();
        ready.sort_unstable();
        let healthy = self.starts.iter().map(|start| start.healthy).max().unwrap_or_default();
        let (median, slowest) = (ready.get(ready.len() / 2), ready.last());
        let (median, slowest) = (median.copied(), slowest.copied());
        writeln!(
            f,
            "{} starts; until the first 200 on /readyz: median {:.0?}, slowest {:.0?}; on \
             /healthz: slowest {healthy:.0?}",
            ready.len(),
            median.unwrap_or_default(),
            slowest.unwrap_or_default(),
        )?;
        writeln!(f, "{}; {} asked for again at the end", self.noted, self.repeated)?;
        writeln!(f, "{}", self.audit)?;
        writeln!(f, "{} errors were logged", self.logged.len())?;
        for line in self.logged.iter().take(10) {
            writeln!(f, "  {line}")?;
        }
        for wrong in self.wrong.iter().take(20) {
            writeln!(f, "WRONG {wrong}")?;
        }
        Ok(())
    }
}

/// A store with goods and staff, to be started.
async fn prepare(place: &Place) -> Result<(), Wrong> {
    let config = place.config("data");
    goods::stock(&config, TITLES, PLENTY).await?;
    hire(config).await
}

/// Lets the last errands end, and reads the books.
async fn finish(
    launch: &Launch,
    child: Child,
    mut story: Story,
    place: &Place,
) -> Result<Outcome, Wrong> {
    story.close();
    story.end().await?;
    let beside = feria::store::Beside::open(place.config("data")).await;
    let beside = beside.map_err(|error| Wrong::when("read the books", error))?;
    let audit = story.audit(&beside.node).await?;
    let notes = story.told().notes();
    let mut wrong = audit.violations.clone();
    wrong.extend(notes.check(&beside.node, true).await?);
    let (repeated, differs) = notes.repeat().await?;
    wrong.extend(differs);
    beside.close().await;
    if let Err(error) = child.terminate().await {
        wrong.push(error.to_string());
    }
    let (told, noted) = (story.told().counts(), notes.said());
    let (starts, logged) = (launch.starts(), launch.errors()?);
    Ok(Outcome { starts, told, noted, repeated, audit, logged, wrong })
}

/// Orders without an end.
const fn endless(shoppers: u32, seed: u64, insist: crate::story::Insist) -> Plan {
    Plan { orders: ENDLESS, shoppers, seed, insist }
}

/// The `feria` that was built beside the program that runs.
/// # Errors
/// When there is none.
pub fn feria_beside(program: &Path) -> Result<std::path::PathBuf, Wrong> {
    // Tests run in a folder below.
    let found = program.ancestors().skip(1).take(2).map(|folder| folder.join("feria"));
    found.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Wrong(format!("there is no feria beside {}: cargo build -p feria", program.display()))
    })
}
