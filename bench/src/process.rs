//! What the system says of a process: the processor time it took, the memory it holds.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::cell::RefCell;
use std::fs::read_to_string;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often memory is looked at during a run.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A process, by its id.
#[derive(Clone, Copy, Debug)]
pub struct Process(u32);

/// What a process holds in memory, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// All that is resident.
    pub resident: u64,
    /// Of that, what is no file: the process's own.
    pub anonymous: u64,
}

impl Process {
    /// The process with this id.
    pub const fn of(id: u32) -> Self {
        Self(id)
    }
    /// This process: the load generator.
    pub fn own() -> Self {
        Self(std::process::id())
    }
    fn file(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }
    /// The processor time that it has taken, in user space and in the kernel.
    pub fn cpu(self) -> Option<Duration> {
        let stat = read_to_string(self.file("stat")).ok()?;
        // The name of the program stands in parentheses, and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let ticks = ticks(11)? + ticks(12)?;
        Some(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
    }
    /// What it holds now.
    pub fn memory(self) -> Option<Memory> {
        let status = read_to_string(self.file("status")).ok()?;
        Some(Memory {
            resident: kib(&status, "VmRSS:")?,
            anonymous: kib(&status, "RssAnon:").unwrap_or_default(),
        })
    }
    /// Looks at its memory again and again, until asked.
    pub fn watch(self) -> Watch {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&seen);
        let looking = tokio::task::spawn_local(async move {
            loop {
                into.borrow_mut().push(self.memory().unwrap_or_default());
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Watch { process: self, seen, looking }
    }
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Somebody looking at a process.
pub struct Watch {
    process: Process,
    seen: Rc<RefCell<Vec<Memory>>>,
    looking: JoinHandle<()>,
}

impl Watch {
    /// All that was seen, in its order; at least one.
    pub fn seen(self) -> Vec<Memory> {
        self.looking.abort();
        let mut seen = self.seen.take();
        seen.push(self.process.memory().unwrap_or_default());
        seen
    }
}

/// How many files this process, and those that it starts, may have open: as many as the system
/// lets it.
pub fn most_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: maximum, maximum };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(_) => current.unwrap_or(u64::MAX),
    }
}

/// What the measurements were taken on, in one line.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let memory = read_to_string("/proc/meminfo").unwrap_or_default();
    let gib = kib(&memory, "MemTotal:").unwrap_or_default() / (1 << 20);
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    format!("{cores} cores ({model}), {gib} GiB, Linux {}, load {load} at the start", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_time_and_holds_memory() {
        let own = Process::own();
        let before = own.cpu().unwrap();
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(60) {
            std::hint::black_box(before);
        }
        assert!(own.cpu().unwrap() > before);
        let memory = own.memory().unwrap();
        assert!(memory.resident > 100 && memory.anonymous <= memory.resident, "{memory:?}");
        assert!(Process::of(u32::MAX).cpu().is_none());
        assert!(most_files() > 0);
    }
}
