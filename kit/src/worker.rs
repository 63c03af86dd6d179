//! Workers: what a service does by itself, because time passed or a commit left work behind.
//!
//! A worker is correct beside another of its kind (a second replica, or one that was thought
//! dead): it claims rows under lock, or repeats what may be repeated.
use crate::problem::Unexpected;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What a worker's turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    /// Nothing more to do until time passes or somebody wakes it.
    Idle,
    /// There is more to do at once.
    More,
}

pub(crate) type Turn =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Worked, Unexpected>> + Send + Sync>;

/// The workers of one replica that can be woken, by name.
#[derive(Clone, Default)]
pub(crate) struct Wakes(Arc<Mutex<BTreeMap<&'static str, Arc<Notify>>>>);

impl Wakes {
    pub(crate) fn wake(&self, name: &'static str) {
        self.of(name).notify_one();
    }
    fn of(&self, name: &'static str) -> Arc<Notify> {
        Arc::clone(self.0.lock().entry(name).or_default())
    }
}

/// Runs `turn` whenever it is woken, and every `every`, until `stop`.
pub(crate) async fn run(
    name: &'static str,
    every: Duration,
    turn: Turn,
    wakes: Wakes,
    stop: CancellationToken,
) {
    let wake = wakes.of(name);
    loop {
        // A turn that panics is a bug, and must not be the last one.
        let turned = AssertUnwindSafe(async { turn().await }).catch_unwind().await;
        match turned.unwrap_or_else(|_| Err(Unexpected::new("it panicked"))) {
            Ok(Worked::More) => {
                if stop.is_cancelled() {
                    return;
                }
                tokio::task::coop::consume_budget().await;
                continue;
            }
            Ok(Worked::Idle) => {}
            Err(error) => {
                tracing::error!(worker = name, error = %format_args!("{error:#}"), "a worker failed");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = wake.notified() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}
