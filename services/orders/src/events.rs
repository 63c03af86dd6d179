//! Live status: streams that tell an order's changes to whoever watches it.
//!
//! A stream is woken by the events of a commit in this process ([`crate::waiting`]). They may be
//! missed, and not every change is an event: once a second one worker reads the versions of all
//! orders that are watched in this replica, a thousand to a statement, and wakes the streams of
//! those that moved. A stream that nothing happens to reads nothing.
use crate::order::Order;
use crate::waiting::Waiter;
use crate::{Orders, store};
use contracts::OrderId;
use contracts::orders::OrderStatus;
use contracts::payments::PaymentStatus;
use kit::Unexpected;
use kit::worker::Worked;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How many streams a replica has at most.
pub const MOST_STREAMS: usize = 10_000;
/// How long a stream lasts; its client comes again and is asked who it is.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How many versions are read by one statement.
const AT_A_TIME: usize = 1_000;

/// The streams of this replica.
pub struct Streams {
    seats: Arc<Semaphore>,
    followed: Arc<Mutex<BTreeMap<OrderId, Followed>>>,
}

/// An order that is watched.
struct Followed {
    streams: usize,
    /// The newest version that the worker has woken its streams for. What a stream reads by
    /// itself is not in it, for the others may have missed that.
    version: i64,
}

/// A place among the streams, until dropped.
pub struct Seat(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Streams {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { seats: Arc::new(Semaphore::new(most)), followed: Arc::default() }
    }
    /// A place for one more stream, if there is one.
    pub fn seat(&self) -> Option<Seat> {
        Arc::clone(&self.seats).try_acquire_owned().ok().map(Seat)
    }
    /// Whether nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.followed.lock().is_empty()
    }
    fn follow(&self, order: OrderId) -> Following {
        let mut followed = self.followed.lock();
        followed.entry(order).or_insert(Followed { streams: 0, version: 0 }).streams += 1;
        Following { order, followed: Arc::clone(&self.followed) }
    }
    fn orders(&self) -> Vec<OrderId> {
        self.followed.lock().keys().copied().collect()
    }
    /// Takes in the newest version of an order; answers whether its streams are to be woken.
    fn is_news(&self, order: OrderId, version: i64) -> bool {
        let mut followed = self.followed.lock();
        let Some(known) = followed.get_mut(&order) else { return false };
        let news = known.version < version;
        known.version = known.version.max(version);
        news
    }
}

/// One stream's share in an order that is watched, until dropped.
struct Following {
    order: OrderId,
    followed: Arc<Mutex<BTreeMap<OrderId, Followed>>>,
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followed = self.followed.lock();
        let last = followed.get_mut(&self.order).is_some_and(|known| {
            known.streams -= 1;
            known.streams == 0
        });
        if last {
            followed.remove(&self.order);
        }
    }
}

/// One turn of the worker: wakes the streams of orders that changed without their noticing.
pub async fn look_again(orders: &Orders) -> Result<Worked, Unexpected> {
    for some in orders.streams.orders().chunks(AT_A_TIME) {
        for (order, version) in store::joins::versions(orders.db.reader(), some).await? {
            if orders.streams.is_news(order, version) {
                orders.waiting.wake(order);
            }
        }
    }
    Ok(Worked::Idle)
}

/// Somebody who watches an order.
pub struct Watcher {
    orders: Arc<Orders>,
    following: Following,
    waiter: Waiter,
    /// The version that was told last.
    told: i64,
    until: Instant,
    ended: bool,
    _seat: Seat,
}

impl Watcher {
    /// Of `order`, for a client that has been told its version `told`.
    pub fn new(orders: Arc<Orders>, order: OrderId, told: i64, seat: Seat) -> Self {
        let (following, waiter) = (orders.streams.follow(order), orders.waiting.wait_for(order));
        let until = Instant::now() + LONGEST;
        Self { orders, following, waiter, told, until, ended: false, _seat: seat }
    }
    /// The order once it has another version than the one told last; none when there is nothing
    /// more to tell, when the store closes, or when the stream has lasted long enough.
    pub async fn next(&mut self) -> Option<Order> {
        let closing = self.orders.closing.clone();
        while !self.ended {
            let wake = self.waiter.wakes();
            let woken = wake.notified();
            tokio::pin!(woken);
            // Before the read, so that a change between the two is not missed.
            woken.as_mut().enable();
            let found = store::find(self.orders.db.reader(), self.following.order).await;
            let order = found.inspect_err(Unexpected::log).ok().flatten()?;
            self.ended = is_final(&order);
            if order.version > self.told {
                self.told = order.version;
                return Some(order);
            }
            if self.ended {
                return None;
            }
            tokio::select! {
                () = closing.cancelled() => return None,
                woken = timeout_at(self.until, woken) => woken.ok()?,
            }
        }
        None
    }
}

/// Whether nothing more is to come: it arrived and is paid, all money went back, or it ended
/// without any. A cancelled order whose money is still on its way back is not final yet.
pub fn is_final(order: &Order) -> bool {
    let paid =
        matches!(order.payment.status, PaymentStatus::Captured | PaymentStatus::PartiallyRefunded);
    match order.status {
        OrderStatus::Refunded => true,
        OrderStatus::Delivered => paid,
        OrderStatus::Cancelled => !paid,
        OrderStatus::Pending | OrderStatus::Paid | OrderStatus::Fulfilled => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn there_is_a_seat_for_so_many_and_no_more() {
        let streams = Streams::new(2);
        let (first, _second) = (streams.seat().unwrap(), streams.seat().unwrap());
        assert!(streams.seat().is_none());
        drop(first);
        assert!(streams.seat().is_some());
    }

    #[test]
    fn an_order_is_watched_until_the_last_stream_leaves() {
        let (streams, order) = (Streams::new(9), OrderId(Uuid::from_u128(1)));
        assert!(!streams.is_news(order, 7), "nobody watches it");
        let (one, other) = (streams.follow(order), streams.follow(order));
        assert!(
            streams.is_news(order, 3) && !streams.is_news(order, 3) && !streams.is_news(order, 2)
        );
        drop(one);
        assert_eq!(streams.orders(), [order]);
        assert!(streams.is_news(order, 4));
        drop(other);
        assert!(streams.is_empty());
    }
}
