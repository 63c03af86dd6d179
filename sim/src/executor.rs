//! Tasks, one at a time: a task that was chosen runs until it ends or waits for the scheduler.
//!
//! SQLite runs on threads of its own, so a task that waits for it is waited for; what a task
//! waits for the *scheduler* with (a wave, another service's answer) it marks
//! ([`kit::faults::take_at_scheduler`]). Nothing runs beside the chosen task, and so the same
//! choices give the same run, byte for byte.
use futures_util::future::BoxFuture;
use futures_util::task::{ArcWake, waker};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// What wakes a task: it remembers that it was woken.
struct Woken {
    woken: AtomicBool,
    thread: Thread,
}

impl ArcWake for Woken {
    fn wake_by_ref(this: &Arc<Self>) {
        this.woken.store(true, Ordering::Release);
        this.thread.unpark();
    }
}

/// A piece of work, and whose it is: it is dropped when its owner crashes.
pub struct Task {
    /// The service it runs in; `shopper` for those outside.
    pub owner: &'static str,
    /// What it is, for the trace.
    pub label: String,
    work: BoxFuture<'static, ()>,
    woken: Arc<Woken>,
}

/// Tasks that were spawned while another ran.
pub type Spawned = Arc<Mutex<Vec<(&'static str, String, BoxFuture<'static, ()>)>>>;

/// All tasks, by number.
#[derive(Default)]
pub struct Tasks {
    tasks: BTreeMap<u64, Task>,
    next: u64,
    /// Where tasks put those that they spawn.
    pub spawned: Spawned,
}

/// How long a task may wait for anything but the scheduler before the run is given up.
const STUCK: Duration = Duration::from_secs(20);

/// A task waited for something that is neither the database nor the scheduler.
#[derive(Debug)]
pub struct Stuck(pub String);

impl Tasks {
    /// Takes in what tasks spawned since the last time.
    pub fn take_spawned(&mut self) {
        let spawned = std::mem::take(&mut *self.spawned.lock());
        for (owner, label, work) in spawned {
            self.add(owner, label, work);
        }
    }
    /// Adds a task; answers its number.
    pub fn add(&mut self, owner: &'static str, label: String, work: BoxFuture<'static, ()>) -> u64 {
        let woken =
            Arc::new(Woken { woken: AtomicBool::new(true), thread: std::thread::current() });
        self.tasks.insert(self.next, Task { owner, label, work, woken });
        self.next += 1;
        self.next - 1
    }
    /// The tasks that can go on.
    pub fn runnable(&self) -> Vec<u64> {
        let woken = |task: &Task| task.woken.woken.load(Ordering::Acquire);
        self.tasks.iter().filter(|(_, task)| woken(task)).map(|(id, _)| *id).collect()
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
    /// What all of them are, for the report of a run that is stuck.
    pub fn labels(&self) -> Vec<String> {
        self.tasks.values().map(|task| format!("{}: {}", task.owner, task.label)).collect()
    }
    /// What task `id` is.
    pub fn label(&self, id: u64) -> String {
        self.tasks.get(&id).map_or_else(String::new, |t| format!("{} {}", t.owner, t.label))
    }
    /// Drops all tasks of `owner`, as its crash does.
    pub fn drop_of(&mut self, owner: &str) {
        self.tasks.retain(|_, task| task.owner != owner);
    }
    /// Runs task `id` until it ends (true) or waits for the scheduler.
    /// # Errors
    /// When it waits for something else for too long.
    pub fn run(&mut self, id: u64) -> Result<bool, Stuck> {
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(true) };
        let ended = poll_until_blocked(&mut task.work, &task.woken, &task.label)?;
        if ended {
            self.tasks.remove(&id);
        }
        self.take_spawned();
        Ok(ended)
    }
}

fn poll_until_blocked(
    work: &mut BoxFuture<'_, ()>,
    woken: &Arc<Woken>,
    label: &str,
) -> Result<bool, Stuck> {
    let waker = waker(Arc::clone(woken));
    let mut context = Context::from_waker(&waker);
    loop {
        kit::faults::take_at_scheduler();
        woken.woken.store(false, Ordering::Release);
        if work.as_mut().poll(&mut context) == Poll::Ready(()) {
            return Ok(true);
        }
        if kit::faults::take_at_scheduler() {
            return Ok(false);
        }
        let since = Instant::now();
        while !woken.woken.load(Ordering::Acquire) {
            if since.elapsed() > STUCK {
                return Err(Stuck(label.to_owned()));
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

/// Runs `work`, which waits for nothing but databases, to its end.
/// # Errors
/// When it waits for something else.
pub fn complete<'a, T: Send + 'a>(
    work: impl Future<Output = T> + Send + 'a,
    label: &str,
) -> Result<T, Stuck> {
    let woken = Arc::new(Woken { woken: AtomicBool::new(true), thread: std::thread::current() });
    let result = Arc::new(Mutex::new(None));
    let into = Arc::clone(&result);
    let mut work: BoxFuture<'a, ()> = Box::pin(async move {
        let done = work.await;
        *into.lock() = Some(done);
    });
    if !poll_until_blocked(&mut work, &woken, label)? {
        return Err(Stuck(format!("{label} waits for the scheduler")));
    }
    let done = result.lock().take();
    done.ok_or_else(|| Stuck(label.to_owned()))
}
