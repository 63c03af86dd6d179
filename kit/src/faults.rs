//! Where the simulation puts its fingers in: crashes at commits, calls that go wrong, and the
//! points at which a task waits for the scheduler and for nothing else.
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Faults that are injected. A store that serves has none.
pub trait Faults: Send + Sync + 'static {
    /// Whether `service` crashes here.
    fn crashes(&self, service: &'static str, point: Point) -> bool;
    /// What goes wrong with the call `name` of the service `from`.
    fn call(&self, from: &'static str, name: &'static str) -> CallFault;
}

/// Before or after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// All was written, nothing is kept.
    BeforeCommit,
    /// All is kept, nobody was told.
    AfterCommit,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallFault {
    /// Nothing.
    None,
    /// It is not made.
    NotDone,
    /// It is made, and its answer is lost.
    AnswerLost,
    /// It is not made, and nobody knows.
    RequestLost,
}

thread_local! {
    static AT_SCHEDULER: Cell<bool> = const { Cell::new(false) };
}

/// Whether the task that this thread polled last waits for the scheduler; forgets it.
pub fn take_at_scheduler() -> bool {
    AT_SCHEDULER.replace(false)
}

/// Marks `future` as one that only the scheduler of the simulation can complete.
pub async fn at_scheduler<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(output),
        Poll::Pending => {
            AT_SCHEDULER.set(true);
            Poll::Pending
        }
    })
    .await
}
