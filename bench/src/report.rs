//! What was measured: for people a table, for programs JSON.
use crate::histogram::Histogram;
use crate::process::Memory;
use crate::raw::Written;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// All of one invocation.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was run.
    pub command: String,
    /// On what.
    pub machine: String,
    /// What is worth knowing about how it was measured.
    pub notes: Vec<String>,
    /// How many products and shoppers there were.
    pub products: usize,
    /// How many of them.
    pub shoppers: usize,
    /// By workload, in the order in which they ran.
    pub workloads: Vec<Measured>,
    /// The ceiling of the databases.
    pub raw_sql: Option<Written>,
}

/// A workload.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Its name.
    pub name: &'static str,
    /// How many connections.
    pub connections: usize,
    /// How many operations a second were asked for; none: as many as can be.
    pub asked_rate: Option<u32>,
    /// Every run; the one whose rate is the median stands for all.
    pub runs: Vec<Run>,
    /// The same load on the bare server.
    pub bare: Vec<Run>,
    /// What does not hold; nothing is wrong if empty.
    pub broken: Vec<String>,
}

/// One run of a workload.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Run {
    /// Operations that did what they should.
    pub operations: u64,
    /// How long it took, until all that it set off was done.
    pub seconds: f64,
    /// Operations in a second.
    pub rate: f64,
    /// How long an operation took.
    pub took: Quantiles,
    /// How long parts of it took.
    pub parts: BTreeMap<&'static str, Quantiles>,
    /// What happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// What went wrong.
    pub failures: BTreeMap<String, u64>,
    /// The server's processor time of an operation, in microseconds.
    pub server_cpu_us: Option<f64>,
    /// The load generator's.
    pub client_cpu_us: f64,
    /// Of all cores, how much the server and the load generator took together.
    pub cores_busy: f64,
    /// The most that the server held, in MiB.
    pub peak_mib: u64,
    /// Of that, what was its own and no file.
    pub peak_anonymous_mib: u64,
    /// What it held at the start and after each tenth of the run.
    pub held_mib: Vec<u64>,
    /// How long it took after the last answer until all was done, in milliseconds.
    pub drained_ms: f64,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// One in a hundred takes longer.
    pub p99: f64,
    /// One in a thousand.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// In milliseconds.
pub fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

impl From<&Histogram> for Quantiles {
    fn from(histogram: &Histogram) -> Self {
        Self {
            p50: millis(histogram.quantile(500)),
            p99: millis(histogram.quantile(990)),
            p999: millis(histogram.quantile(999)),
            max: millis(histogram.longest()),
        }
    }
}

impl Run {
    /// What the server held, in its order.
    pub fn held(&mut self, seen: &[Memory]) {
        let most = |of: fn(&Memory) -> u64| seen.iter().map(of).max().unwrap_or_default() / 1024;
        self.peak_mib = most(|memory| memory.resident);
        self.peak_anonymous_mib = most(|memory| memory.anonymous);
        let at = |tenth: usize| seen.get((seen.len() - 1) * tenth / 10);
        let tenths = (0..=10).filter_map(at);
        self.held_mib = tenths.map(|memory| memory.resident / 1024).collect();
    }
}

/// The run whose rate is the median of all.
pub fn median(runs: &[Run]) -> Option<&Run> {
    let mut sorted: Vec<&Run> = runs.iter().collect();
    sorted.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// How far the fastest and the slowest run are apart, in percent of the median.
fn spread(runs: &[Run]) -> f64 {
    let rates = || runs.iter().map(|run| run.rate);
    let middle = median(runs).map_or(1.0, |run| run.rate).max(f64::MIN_POSITIVE);
    (rates().fold(0.0, f64::max) - rates().fold(f64::MAX, f64::min)).max(0.0) / middle * 100.0
}

impl Report {
    /// What does not hold.
    pub fn broken(&self) -> impl Iterator<Item = String> {
        let one = |measured: &Measured| -> Vec<String> {
            measured.broken.iter().map(|what| format!("{}: {what}", measured.name)).collect()
        };
        self.workloads.iter().flat_map(one)
    }
    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut page = format!(
            "{}\n{} products, {} shoppers\n\n| workload | c | per second | spread | p50 ms | p99 ms \
             | p99.9 ms | server µs/op | client µs/op | cores | peak MiB (own) | bare/s | ratio |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            self.machine, self.products, self.shoppers
        );
        for measured in &self.workloads {
            measured.row(&mut page);
        }
        for measured in &self.workloads {
            measured.details(&mut page);
        }
        if let Some(raw) = &self.raw_sql {
            // Writing to a string cannot fail.
            let _ = writeln!(
                page,
                "\nraw SQL of a purchase: {:.0}/s in sets of {}, {:.0} µs of processor each, {} row \
                 changes, {} commits a set",
                raw.rate, raw.batch, raw.cpu_us, raw.rows, raw.commits
            );
        }
        for note in
            self.notes.iter().cloned().chain(self.broken().map(|what| format!("BROKEN {what}")))
        {
            let _ = writeln!(page, "- {note}");
        }
        page
    }
}

impl Measured {
    fn row(&self, page: &mut String) {
        let Some(run) = median(&self.runs) else { return };
        let bare = median(&self.bare).map(|bare| bare.rate);
        let name = match self.asked_rate {
            Some(rate) => format!("{} at {rate}/s", self.name),
            None => self.name.to_owned(),
        };
        let or_none = |number: Option<f64>, digits: usize| {
            number.map_or("–".to_owned(), |number| format!("{number:.digits$}"))
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| {name} | {} | {:.0} | {:.0} % | {:.2} | {:.2} | {:.2} | {} | {:.0} | {:.2} | {} ({}) | {} | {} |",
            self.connections,
            run.rate,
            spread(&self.runs),
            run.took.p50,
            run.took.p99,
            run.took.p999,
            or_none(run.server_cpu_us, 0),
            run.client_cpu_us,
            run.cores_busy,
            run.peak_mib,
            run.peak_anonymous_mib,
            or_none(bare, 0),
            or_none(bare.map(|bare| run.rate / bare), 2),
        );
    }
    /// What the row has no room for.
    fn details(&self, page: &mut String) {
        let Some(run) = median(&self.runs) else { return };
        let mut said = Vec::new();
        for (part, took) in &run.parts {
            said.push(format!("{part} {:.2} / {:.2} / {:.2} ms", took.p50, took.p99, took.p999));
        }
        said.extend(run.counts.iter().map(|(what, times)| format!("{what} {times}")));
        if run.drained_ms > 0.0 {
            said.push(format!("drained {:.0} ms after the last answer", run.drained_ms));
        }
        if self.asked_rate.is_some() {
            said.push(format!("the server held {:?} MiB, by tenths of the run", run.held_mib));
        }
        let failures = self.runs.iter().flat_map(|run| &run.failures);
        said.extend(failures.map(|(what, times)| format!("FAILED {times} × {what}")));
        if !said.is_empty() {
            let _ = writeln!(page, "\n{}: {}", self.name, said.join("; "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_run_stands_for_all() {
        let run = |rate| Run { rate, ..Run::default() };
        let runs = [run(5.0), run(1.0), run(3.0)];
        assert!((median(&runs).unwrap().rate - 3.0).abs() < f64::EPSILON);
        assert!((spread(&runs) - 400.0 / 3.0).abs() < 1e-9);
        assert!(median(&[]).is_none());
    }
}
