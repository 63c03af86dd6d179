//! The orders that this process wrote last, for those who ask at once: who waits for the payment,
//! and who writes the letters; nothing is decided by it. On SQLite, whose only writer this process
//! is; beside other replicas nothing is kept.
use crate::order::Order;
use contracts::{OrderId, Timestamp};
use kit::clock::age;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many are kept: some 2 KB each.
const MOST: usize = 2_000;
/// For how long.
const OLDEST: Duration = Duration::from_secs(10);

/// What a wave did to orders, to be noted once it has committed.
pub enum Changed {
    /// Inserted, or updated, and is so now.
    Written { orders: Vec<Order>, at: Timestamp },
    /// Changed by statements that say no more than this.
    Rewritten,
}

/// The orders that were written last.
#[derive(Default)]
pub struct Recent(Mutex<BTreeMap<OrderId, (Timestamp, Arc<Order>)>>);

impl Recent {
    /// A wave has committed.
    pub fn note(&self, changed: Changed) {
        let mut kept = self.0.lock();
        match changed {
            Changed::Written { orders, at } => {
                kept.extend(orders.into_iter().map(|order| (order.id, (at, Arc::new(order)))));
                while kept.len() > MOST {
                    // Ids are UUIDv7: the oldest.
                    kept.pop_first();
                }
            }
            Changed::Rewritten => kept.clear(),
        }
    }
    /// An order as it is, if it was written lately.
    pub fn get(&self, id: OrderId, now: Timestamp) -> Option<Arc<Order>> {
        let kept = self.0.lock();
        let (at, order) = kept.get(&id)?;
        (age(*at, now) < OLDEST).then(|| Arc::clone(order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::pending;

    fn id(number: u128) -> OrderId {
        OrderId(uuid::Uuid::from_u128(number))
    }
    fn written(numbers: impl Iterator<Item = u128>, at: Timestamp) -> Changed {
        let orders = numbers.map(|number| Order { id: id(number), ..pending() });
        Changed::Written { orders: orders.collect(), at }
    }

    #[test]
    fn the_newest_are_kept_for_a_while() {
        let (recent, now) = (Recent::default(), Timestamp::from_micros(1_000_000_000));
        recent.note(written(0..MOST as u128 + 5, now));
        assert!(recent.get(id(4), now).is_none());
        assert!(recent.get(id(5), now).is_some());
        assert!(recent.get(id(5), now.after(OLDEST)).is_none());
        // Another wave said no more than that it changed some.
        recent.note(Changed::Rewritten);
        assert!(recent.get(id(5), now).is_none());
    }
}
