//! `Prefer: wait`: a client that waits for what becomes of its order.
//!
//! The events of a commit wake whoever waits in this replica. They may be missed, and the
//! payment's own events come here before their effect: the order is read again now and then.
//! One that was placed a moment ago is not read at first: unless it was woken already, it is
//! still as it was answered.
use crate::order::Order;
use crate::{Orders, store};
use contracts::OrderId;
use contracts::orders::OrderStatus;
use contracts::payments::PaymentStatus;
use kit::Unexpected;
use kit::db::Engine;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How long a client may be kept waiting.
pub const LONGEST: Duration = Duration::from_secs(30);
/// How often the order is read without being woken: beside other replicas, whose commits wake
/// nobody here, and alone.
const READ_AGAIN_SHARED: Duration = Duration::from_millis(250);
const READ_AGAIN: Duration = Duration::from_secs(1);

/// How many orders are remembered that changed while nobody waited.
const MOST_MISSED: usize = 1_000;

/// Who waits.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    by_order: BTreeMap<OrderId, Arc<Notify>>,
    /// Orders that changed lately while nobody waited for them.
    missed: VecDeque<OrderId>,
}

impl Waiting {
    /// The order changed: whoever waits for it looks again.
    pub fn wake(&self, order: OrderId) {
        let mut table = self.0.lock();
        match table.by_order.get(&order) {
            Some(waiting) => waiting.notify_waiters(),
            None => {
                table.missed.truncate(MOST_MISSED - 1);
                table.missed.push_front(order);
            }
        }
    }
    /// Somebody who waits for `order`.
    pub fn wait_for(&self, order: OrderId) -> Waiter {
        let mut table = self.0.lock();
        let missed = table.missed.contains(&order);
        let wake = Arc::clone(table.by_order.entry(order).or_default());
        Waiter { waiting: self.clone(), order, wake, missed }
    }
}

/// One who waits, until dropped.
pub struct Waiter {
    waiting: Waiting,
    order: OrderId,
    wake: Arc<Notify>,
    /// Whether the order changed before this one came.
    missed: bool,
}

impl Waiter {
    /// What wakes it.
    pub fn wakes(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut table = self.waiting.0.lock();
        // The table and this one hold it: nobody else waits.
        if Arc::strong_count(&self.wake) <= 2 {
            table.by_order.remove(&self.order);
        }
    }
}

/// An order that is younger was answered as it was placed.
const YOUNG: Duration = Duration::from_secs(1);

/// Waits until the order is decided, or needs the shopper, or `most` has passed since it was
/// answered as `seen`; answers it as it is then.
pub async fn outcome(
    orders: &Orders,
    seen: &contracts::orders::Order,
    most: Duration,
) -> Result<Option<Arc<Order>>, Unexpected> {
    let waiter = orders.waiting.wait_for(seen.id);
    let end = Instant::now() + most.min(LONGEST);
    let shared = orders.db.engine() != Engine::Sqlite;
    let read_again = if shared { READ_AGAIN_SHARED } else { READ_AGAIN };
    let mut known =
        !waiter.missed && orders.sources.now().since(seen.created_at) < YOUNG && waits(seen);
    loop {
        let woken = waiter.wake.notified();
        tokio::pin!(woken);
        // Before the read, so that a change between the two is not missed.
        woken.as_mut().enable();
        let now = Instant::now();
        if std::mem::take(&mut known) && now < end {
            let _ = timeout_at(end.min(now + read_again), woken).await;
            continue;
        }
        let found = match orders.recent.get(seen.id, orders.sources.now()) {
            Some(order) => Some(order),
            None => store::find(orders.db.reader(), seen.id).await?.map(Arc::new),
        };
        if found.as_ref().is_none_or(|order| is_settled(order, seen.version)) || now >= end {
            return Ok(found);
        }
        // Woken or not: it is read again.
        let _ = timeout_at(end.min(now + read_again), woken).await;
    }
}

/// Whether somebody who saw the order so waits for more.
fn waits(seen: &contracts::orders::Order) -> bool {
    seen.status == OrderStatus::Pending && !seen.payment.method.pays_later()
}

/// An action that was required in the answer already is the one that is being completed.
fn is_settled(order: &Order, seen: i64) -> bool {
    let asks = order.payment.status == PaymentStatus::RequiresAction && order.version != seen;
    // Money that comes later does not come while somebody waits.
    order.status != OrderStatus::Pending || order.payment.method.pays_later() || asks
}
