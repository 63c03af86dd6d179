//! What others are told of a change. Pure.
use crate::cart::{Cart, Change};
use contracts::cart::{CartCleared, CartsMerged, ItemAdded, ItemChanged, ItemRemoved};
use contracts::{AccountId, CartId, Sku};
use kit::problem::Unexpected;
use kit::wave::Wave;

/// One fact, and the version of the cart that it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The cart's version after it.
    pub version: i64,
    /// The fact.
    pub fact: Fact,
}

/// What happened to a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// More of a SKU.
    Added(ItemAdded),
    /// Another number of a SKU.
    Changed(ItemChanged),
    /// A SKU less.
    Removed(ItemRemoved),
    /// Nothing left.
    Cleared(CartCleared),
    /// A guest's lines more.
    Merged(CartsMerged),
}

impl News {
    /// Tells it with the change.
    /// # Errors
    /// When it cannot be written.
    pub fn tell(self, wave: &mut Wave) -> Result<(), Unexpected> {
        let version = self.version;
        match self.fact {
            Fact::Added(fact) => wave.tell(version, fact),
            Fact::Changed(fact) => wave.tell(version, fact),
            Fact::Removed(fact) => wave.tell(version, fact),
            Fact::Cleared(fact) => wave.tell(version, fact),
            Fact::Merged(fact) => wave.tell(version, fact),
        }
    }
}

/// What `change`, which made `after` of a cart of version `before`, is to others. A change that
/// changed nothing is no news.
pub fn of_change(
    cart: CartId,
    account: Option<AccountId>,
    change: &Change,
    (before, after): (i64, &Cart),
) -> Vec<News> {
    if after.version == before {
        return Vec::new();
    }
    let quantity_of =
        |sku: &Sku| after.lines.iter().find(|line| line.sku == *sku).map(|line| line.quantity);
    let removed = |sku: &Sku| Fact::Removed(ItemRemoved { cart, account, sku: sku.clone() });
    let facts = match change {
        Change::Look => Vec::new(),
        Change::Add(sku, added, _) => {
            let fact = |quantity| {
                let (sku, added) = (sku.clone(), added.get());
                Fact::Added(ItemAdded { cart, account, sku, added, quantity })
            };
            quantity_of(sku).map(fact).into_iter().collect()
        }
        Change::Set(sku, quantity) => {
            let (sku, quantity) = (sku.clone(), *quantity);
            vec![Fact::Changed(ItemChanged { cart, account, sku, quantity })]
        }
        Change::Remove(sku) => vec![removed(sku)],
        Change::Drop(skus) => skus.iter().map(removed).collect(),
        Change::Clear => vec![Fact::Cleared(CartCleared { cart, account })],
    };
    facts.into_iter().map(|fact| News { version: after.version, fact }).collect()
}
