//! What is held for one order, and the states that a hold goes through.
//!
//! ```text
//! (none) ──reserve──> held ──paid──> taken ──cancelled──> returned
//!    │                 │               ^
//!    │                 └─release, cancelled─> released
//!    ├──release, cancelled──> released ──paid, enough is there──> taken
//!    └──paid──> taken, or missing where too little is there (so from released)
//! ```
use contracts::inventory::StockLine;
use contracts::{Sku, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pieces by SKU: lines of one SKU count together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lines(BTreeMap<Sku, i64>);

impl Lines {
    /// Adds up `lines`.
    pub fn of(lines: &[StockLine]) -> Self {
        let mut sum: BTreeMap<Sku, i64> = BTreeMap::new();
        for line in lines {
            *sum.entry(line.sku.clone()).or_default() += i64::from(line.quantity);
        }
        Self(sum)
    }
    /// Each SKU with its pieces, in the order of the SKUs.
    pub fn iter(&self) -> impl Iterator<Item = (&Sku, i64)> {
        self.0.iter().map(|(sku, pieces)| (sku, *pieces))
    }
    /// The SKUs, in order.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        self.0.keys()
    }
}

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// The pieces are promised to the order.
    Held,
    /// The order was paid: they left the shelf.
    Taken,
    /// Let go. Also the mark that an undo leaves, which refuses a late reserve.
    Released,
    /// They left, and came back because the order was cancelled.
    Returned,
    /// The order was paid, and too little was there.
    Missing,
}

impl HoldState {
    const ALL: [Self; 5] = [Self::Held, Self::Taken, Self::Released, Self::Returned, Self::Missing];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Taken => "taken",
            Self::Released => "released",
            Self::Returned => "returned",
            Self::Missing => "missing",
        }
    }
    /// The state that is called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What is held, or was, for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Where it stands.
    pub state: HoldState,
    /// What for; nothing where an undo came before its step.
    pub lines: Lines,
    /// When orders is to be asked whether the order exists; none once that is known.
    pub ask_at: Option<Timestamp>,
}

impl Hold {
    /// Whether a paid order takes from what is available, as nothing is held for it any more.
    pub fn may_sell(&self) -> bool {
        self.state == HoldState::Released
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Quantity;

    #[test]
    fn lines_of_one_sku_count_together_beyond_what_one_line_can_ask() {
        let line = |sku: &str, count| StockLine {
            sku: sku.parse().unwrap(),
            quantity: Quantity::new(count).unwrap(),
        };
        let lines = Lines::of(&[line("B", 9_999), line("A", 1), line("b", 9_999)]);
        let sums: Vec<_> = lines.iter().map(|(sku, pieces)| (sku.as_str(), pieces)).collect();
        assert_eq!(sums, [("A", 1), ("B", 19_998)]);
    }

    #[test]
    fn lines_and_states_survive_the_database() {
        let lines = Lines([("A/1".parse().unwrap(), 2), ("B".parse().unwrap(), 1)].into());
        let json = serde_json::to_string(&lines).unwrap();
        assert_eq!(json, r#"{"A/1":2,"B":1}"#);
        assert_eq!(serde_json::from_str::<Lines>(&json).unwrap(), lines);
        for state in HoldState::ALL {
            assert_eq!(HoldState::named(state.as_str()), Some(state));
        }
        assert_eq!(HoldState::named("lost"), None);
    }
}
