//! `Prefer: wait`: a client that waits for what becomes of its order.
//!
//! The events of a commit wake whoever waits in this replica. They may be missed, and the
//! payment's own events come here before their effect: the order is read again now and then.
use crate::order::Order;
use crate::{Orders, store};
use contracts::OrderId;
use contracts::orders::OrderStatus;
use contracts::payments::PaymentStatus;
use kit::Unexpected;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How long a client may be kept waiting.
pub const LONGEST: Duration = Duration::from_secs(30);
/// How often the order is read without being woken.
const READ_AGAIN: Duration = Duration::from_millis(250);

/// Who waits, by order.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Mutex<BTreeMap<OrderId, Arc<Notify>>>>);

impl Waiting {
    /// The order changed: whoever waits for it looks again.
    pub fn wake(&self, order: OrderId) {
        if let Some(waiting) = self.0.lock().get(&order) {
            waiting.notify_waiters();
        }
    }
    /// Somebody who waits for `order`.
    pub fn wait_for(&self, order: OrderId) -> Waiter {
        let wake = Arc::clone(self.0.lock().entry(order).or_default());
        Waiter { waiting: self.clone(), order, wake }
    }
}

/// One who waits, until dropped.
pub struct Waiter {
    waiting: Waiting,
    order: OrderId,
    wake: Arc<Notify>,
}

impl Waiter {
    /// What wakes it.
    pub fn wakes(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiting.0.lock();
        // The table and this one hold it: nobody else waits.
        if Arc::strong_count(&self.wake) <= 2 {
            waiting.remove(&self.order);
        }
    }
}

/// Waits until the order is decided, or needs the shopper, or `most` has passed since it was
/// answered as `seen`; answers it as it is then.
pub async fn outcome(
    orders: &Orders,
    seen: &contracts::orders::Order,
    most: Duration,
) -> Result<Option<Order>, Unexpected> {
    let waiter = orders.waiting.wait_for(seen.id);
    let end = Instant::now() + most.min(LONGEST);
    loop {
        let woken = waiter.wake.notified();
        tokio::pin!(woken);
        // Before the read, so that a change between the two is not missed.
        woken.as_mut().enable();
        let found = store::find(orders.db.reader(), seen.id).await?;
        let now = Instant::now();
        if found.as_ref().is_none_or(|order| is_settled(order, seen.version)) || now >= end {
            return Ok(found);
        }
        // Woken or not: it is read again.
        let _ = timeout_at(end.min(now + READ_AGAIN), woken).await;
    }
}

/// An action that was required in the answer already is the one that is being completed.
fn is_settled(order: &Order, seen: i64) -> bool {
    let asks = order.payment.status == PaymentStatus::RequiresAction && order.version != seen;
    // Money that comes later does not come while somebody waits.
    order.status != OrderStatus::Pending || order.payment.method.pays_later() || asks
}
