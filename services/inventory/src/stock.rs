//! The stock of one SKU, and what it may become. Pure: it decides, and writes nothing.
use contracts::Sku;
use contracts::inventory::StockLevel;

/// The stock of one SKU, and at how many staff is told that it runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// The stock.
    pub stock: Stock,
    /// None: at the store's default.
    pub low_stock_at: Option<i64>,
}

/// The most that staff can put on the shelf.
pub const MOST_ON_HAND: i64 = 1_000_000_000;

/// The stock of one SKU: `0 <= reserved <= on_hand`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Pieces on the shelf.
    pub on_hand: i64,
    /// Of those, promised to orders.
    pub reserved: i64,
    /// Rises with every change.
    pub version: i64,
}

/// There are fewer than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {available} are available")]
pub struct TooLittle {
    /// How many can be ordered.
    pub available: i64,
}

/// The books contradict each other: a hold that the stock does not carry. Our fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pieces} pieces are held, but only {reserved} are reserved")]
pub struct Broken {
    /// What the hold says.
    pub pieces: i64,
    /// What the stock says.
    pub reserved: i64,
}

/// Why staff cannot change the stock so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSet {
    /// It would leave less than what is promised to orders.
    #[error("{reserved} pieces are promised to orders")]
    BelowReserved {
        /// Promised to orders.
        reserved: i64,
    },
    /// It would leave more than [`MOST_ON_HAND`].
    #[error("the shelf holds at most 1,000,000,000")]
    TooMuch,
}

impl Stock {
    /// How many can be ordered.
    pub const fn available(self) -> i64 {
        self.on_hand - self.reserved
    }
    /// Whether at least one can be ordered.
    pub const fn is_in_stock(self) -> bool {
        self.available() > 0
    }
    /// Promises `pieces` to an order.
    /// # Errors
    /// When fewer are available; the exact last one can be promised.
    pub const fn reserve(self, pieces: i64) -> Result<Self, TooLittle> {
        if pieces > self.available() {
            return Err(TooLittle { available: self.available() });
        }
        Ok(self.changed(0, pieces))
    }
    /// Undoes [`Self::reserve`].
    /// # Errors
    /// When fewer are reserved.
    pub const fn release(self, pieces: i64) -> Result<Self, Broken> {
        if pieces > self.reserved {
            return Err(Broken { pieces, reserved: self.reserved });
        }
        Ok(self.changed(0, -pieces))
    }
    /// Takes `pieces` that were reserved off the shelf.
    /// # Errors
    /// When fewer are reserved.
    pub const fn take(self, pieces: i64) -> Result<Self, Broken> {
        if pieces > self.reserved {
            return Err(Broken { pieces, reserved: self.reserved });
        }
        Ok(self.changed(-pieces, -pieces))
    }
    /// Takes `pieces` that were not reserved off the shelf.
    /// # Errors
    /// When fewer are available.
    pub const fn sell(self, pieces: i64) -> Result<Self, TooLittle> {
        if pieces > self.available() {
            return Err(TooLittle { available: self.available() });
        }
        Ok(self.changed(-pieces, 0))
    }
    /// Undoes [`Self::take`] and [`Self::sell`]. What comes back is there, however much it is:
    /// [`MOST_ON_HAND`] binds staff only.
    #[must_use]
    pub const fn give_back(self, pieces: i64) -> Self {
        self.changed(pieces, 0)
    }
    /// Sets what is on the shelf.
    /// # Errors
    /// [`CannotSet`], see there.
    pub const fn set(self, on_hand: i64) -> Result<Self, CannotSet> {
        if on_hand < self.reserved {
            return Err(CannotSet::BelowReserved { reserved: self.reserved });
        }
        if on_hand > MOST_ON_HAND && on_hand > self.on_hand {
            return Err(CannotSet::TooMuch);
        }
        Ok(self.changed(on_hand - self.on_hand, 0))
    }
    /// Adds to or takes from the shelf.
    /// # Errors
    /// [`CannotSet`], see there.
    pub const fn adjust(self, delta: i64) -> Result<Self, CannotSet> {
        self.set(self.on_hand.saturating_add(delta))
    }
    /// What staff see of it.
    pub fn level(self, sku: Sku, low_stock_at: Option<i64>) -> StockLevel {
        let Self { on_hand, reserved, .. } = self;
        StockLevel { sku, on_hand, reserved, available: self.available(), low_stock_at }
    }
    const fn changed(self, on_hand: i64, reserved: i64) -> Self {
        if on_hand == 0 && reserved == 0 {
            return self;
        }
        Self {
            on_hand: self.on_hand + on_hand,
            reserved: self.reserved + reserved,
            version: self.version + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stock(on_hand: i64, reserved: i64) -> Stock {
        Stock { on_hand, reserved, version: 1 }
    }

    #[test]
    fn the_exact_last_unit_can_be_reserved_and_no_more() {
        let one = stock(8, 7);
        assert_eq!(one.reserve(1), Ok(Stock { on_hand: 8, reserved: 8, version: 2 }));
        assert_eq!(one.reserve(2), Err(TooLittle { available: 1 }));
        assert_eq!(one.sell(2), Err(TooLittle { available: 1 }));
    }

    #[test]
    fn staff_cannot_take_what_is_promised_nor_pile_up_without_end() {
        let promised = stock(10, 4);
        assert_eq!(promised.adjust(-6).map(Stock::available), Ok(0));
        assert_eq!(promised.adjust(-7), Err(CannotSet::BelowReserved { reserved: 4 }));
        assert_eq!(promised.set(3), Err(CannotSet::BelowReserved { reserved: 4 }));
        assert_eq!(promised.adjust(i64::MIN), Err(CannotSet::BelowReserved { reserved: 4 }));
        assert_eq!(promised.adjust(i64::MAX), Err(CannotSet::TooMuch));
        assert_eq!(promised.set(MOST_ON_HAND + 1), Err(CannotSet::TooMuch));
        assert!(promised.set(MOST_ON_HAND).is_ok());
    }

    #[test]
    fn a_return_above_the_limit_is_counted_and_can_be_adjusted_away() {
        let full = stock(MOST_ON_HAND, 0).give_back(5);
        assert_eq!(full.on_hand, MOST_ON_HAND + 5);
        assert_eq!(full.adjust(1), Err(CannotSet::TooMuch));
        assert_eq!(full.adjust(-1).map(|stock| stock.on_hand), Ok(MOST_ON_HAND + 4));
    }

    #[test]
    fn what_changes_nothing_makes_no_version() {
        assert_eq!(stock(3, 0).set(3), Ok(stock(3, 0)));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_no_piece_is_promised_twice(
            steps in prop::collection::vec((0..7_u8, -20..50_i64), 1..60)
        ) {
            let mut now = Stock::default();
            let (mut received, mut sold, mut returned) = (0, 0, 0);
            for (step, pieces) in steps {
                let count = pieces.abs() + 1;
                let before = now;
                let next = match step {
                    0 => now.reserve(count).ok(),
                    1 => now.release(count).ok(),
                    2 => now.take(count).ok().inspect(|_| sold += count),
                    3 => now.sell(count).ok().inspect(|_| sold += count),
                    4 if returned + count <= sold => {
                        returned += count;
                        Some(now.give_back(count))
                    }
                    5 => now.set(count).ok().inspect(|next| received += next.on_hand - before.on_hand),
                    _ => now.adjust(pieces).ok().inspect(|_| received += pieces),
                };
                now = next.unwrap_or(now);
                prop_assert!(0 <= now.reserved && now.reserved <= now.on_hand, "{before:?} {now:?}");
                prop_assert_eq!(received, now.on_hand + sold - returned);
                prop_assert!(now == before || now.version == before.version + 1);
            }
        }
    }
}
