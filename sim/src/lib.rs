//! The seeded simulation of the checkout: one seed, one run, byte for byte.
//!
//! The seed picks every next step (a shopper's request, a wave and what it takes, a message, a
//! worker's turn, time) and every fault: a message comes again, waits, or overtakes those of
//! other aggregates; a service crashes before or after any commit and starts again from its
//! database; a call answers `NotDone` or `Unknown`; the provider answers late, or charges and
//! answers an error. At the end everything is left to calm down, and [`checks`] reads the books.
pub mod checks;
pub mod crash;
pub mod executor;
pub mod news;
pub mod scheduler;
pub mod shoppers;
pub mod staff;
pub mod story;
pub mod tables;
pub mod tally;
pub mod world;

use executor::{Stuck, complete};
use scheduler::{Scheduler, Script};
use std::path::Path;

/// What came of a seed.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What happened, a line a step.
    pub trace: Vec<String>,
    /// What does not hold.
    pub violations: Vec<String>,
}

/// The most steps that chance decides before everything is left to calm down.
const STEPS: usize = 1_500;

/// Runs the simulation many times on copies of one migrated template.
pub struct Simulation {
    runtime: tokio::runtime::Runtime,
    template: tempfile::TempDir,
}

impl Simulation {
    /// Makes the template.
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self, Stuck> {
        let io = |error: std::io::Error| Stuck(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(io)?;
        let template = tempfile::tempdir().map_err(io)?;
        let entered = runtime.enter();
        world::make_template(template.path())?;
        drop(entered);
        Ok(Self { runtime, template })
    }
    /// Runs `seed` by `script`.
    /// # Errors
    /// When the run cannot go on: a task waits for what the scheduler does not know.
    pub fn run(&self, seed: u64, script: Script) -> Result<Report, Stuck> {
        let _entered = self.runtime.enter();
        let io = |error: std::io::Error| Stuck(error.to_string());
        let folder =
            tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).map_err(io)?;
        copy(self.template.path(), folder.path()).map_err(io)?;
        let mut run = Scheduler::new(seed, folder.path(), script)?;
        run.run(STEPS)?;
        run.finish()?;
        let violations = checks::violations(&run, script.stock)?;
        let trace = std::mem::take(&mut run.trace);
        for (_, running) in std::mem::take(&mut run.world.running) {
            let db = running.db.clone();
            drop(running);
            complete(async move { db.close().await }, "close")?;
        }
        Ok(Report { seed, trace, violations })
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
