//! A cart and its lines. Pure: what a change does, and what it refuses.
use contracts::cart::CartRefused;
use contracts::{Money, Quantity, Sku};

/// The most lines that a cart holds.
pub const MOST_LINES: usize = 100;

/// One line: a SKU stands on one only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which SKU.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// Where it stands among the lines; rises by the time it was added.
    pub position: i64,
    /// What one piece cost when the shopper last saw it.
    pub shown_price: Option<Money>,
}

/// What is in a cart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart {
    /// Rises by one with every change.
    pub version: i64,
    /// In the order in which they were added.
    pub lines: Vec<Line>,
}

/// What a shopper does to a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Looks at it; only a merge changes anything.
    Look,
    /// Puts more of a SKU into it, at the price that is shown.
    Add(Sku, Quantity, Money),
    /// Says how many of a SKU there are.
    Set(Sku, Quantity),
    /// Takes a SKU out.
    Remove(Sku),
    /// Takes SKUs out that are no longer sold.
    Drop(Vec<Sku>),
    /// Takes everything out.
    Clear,
}

impl Cart {
    /// Makes `change`; answers whether a line is new. What is refused changes nothing.
    /// # Errors
    /// When a line or the cart would hold too much, or has no such line.
    pub fn make(&mut self, change: &Change) -> Result<bool, CartRefused> {
        match change {
            Change::Look => Ok(false),
            Change::Add(sku, quantity, price) => self.add(sku, *quantity, *price),
            Change::Set(sku, quantity) => self.set(sku, *quantity),
            Change::Remove(sku) => Ok(self.drop_lines(std::slice::from_ref(sku))),
            Change::Drop(skus) => Ok(self.drop_lines(skus)),
            Change::Clear => {
                self.version += i64::from(!self.lines.is_empty());
                self.lines.clear();
                Ok(false)
            }
        }
    }

    fn add(&mut self, sku: &Sku, quantity: Quantity, price: Money) -> Result<bool, CartRefused> {
        let too_much = |what: String| CartRefused::TooMuch { what };
        let is_new = if let Some(line) = self.lines.iter_mut().find(|line| line.sku == *sku) {
            let sum = line.quantity.plus(quantity);
            line.quantity = sum.map_err(|_| {
                too_much(format!("{} of {sku}", line.quantity.get() + quantity.get()))
            })?;
            line.shown_price = Some(price);
            false
        } else {
            if self.lines.len() >= MOST_LINES {
                return Err(too_much(format!("{} different SKUs", self.lines.len() + 1)));
            }
            self.push(sku.clone(), quantity, Some(price));
            true
        };
        self.version += 1;
        Ok(is_new)
    }
    fn push(&mut self, sku: Sku, quantity: Quantity, shown_price: Option<Money>) {
        let position = self.lines.last().map_or(0, |line| line.position + 1);
        self.lines.push(Line { sku, quantity, position, shown_price });
    }
    fn set(&mut self, sku: &Sku, quantity: Quantity) -> Result<bool, CartRefused> {
        let line = self.lines.iter_mut().find(|line| line.sku == *sku);
        let line = line.ok_or_else(|| CartRefused::NotInCart { sku: sku.clone() })?;
        self.version += i64::from(line.quantity != quantity);
        line.quantity = quantity;
        Ok(false)
    }
    fn drop_lines(&mut self, skus: &[Sku]) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !skus.contains(&line.sku));
        self.version += i64::from(self.lines.len() != before);
        false
    }

    /// Takes in the lines of a guest's cart. Nothing refuses it: a quantity stops at
    /// [`Quantity::MAX`], and lines beyond [`MOST_LINES`] stay behind.
    pub fn merge(&mut self, guest: &Self) {
        for taken in &guest.lines {
            if let Some(line) = self.lines.iter_mut().find(|line| line.sku == taken.sku) {
                let sum = (line.quantity.get() + taken.quantity.get()).min(Quantity::MAX);
                line.quantity = Quantity::new(sum).unwrap_or(line.quantity);
                // The guest's side was looked at last.
                line.shown_price = taken.shown_price.or(line.shown_price);
            } else if self.lines.len() < MOST_LINES {
                self.push(taken.sku.clone(), taken.quantity, taken.shown_price);
            }
        }
        self.version += i64::from(!guest.lines.is_empty());
    }

    /// Takes out what was ordered and paid: that many and no more, as more may have been added
    /// meanwhile.
    pub fn take(&mut self, ordered: &[(Sku, Quantity)]) {
        let before = self.lines.clone();
        for (sku, quantity) in ordered {
            let Some(at) = self.lines.iter().position(|line| line.sku == *sku) else { continue };
            match self.lines[at].quantity.get().checked_sub(quantity.get()).map(Quantity::new) {
                Some(Ok(left)) => self.lines[at].quantity = left,
                _ => drop(self.lines.remove(at)),
            }
        }
        self.version += i64::from(self.lines != before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;
    use proptest::prelude::*;

    fn sku(n: usize) -> Sku {
        format!("S-{n}").parse().unwrap()
    }
    fn count(n: u32) -> Quantity {
        Quantity::new(n).unwrap()
    }
    fn add(n: usize, quantity: u32) -> Change {
        Change::Add(sku(n), count(quantity), Money::new(100, Currency::USD))
    }
    fn quantities(cart: &Cart) -> Vec<(String, u32)> {
        cart.lines.iter().map(|line| (line.sku.to_string(), line.quantity.get())).collect()
    }

    #[test]
    fn lines_of_one_sku_are_one() {
        let mut cart = Cart::default();
        assert_eq!(cart.make(&add(1, 2)), Ok(true));
        assert_eq!(cart.make(&add(1, 3)), Ok(false));
        assert_eq!((quantities(&cart), cart.version), (vec![("S-1".into(), 5)], 2));
    }

    #[test]
    fn too_much_is_refused_and_changes_nothing() {
        let mut cart = Cart::default();
        cart.make(&add(0, Quantity::MAX)).unwrap();
        let before = cart.clone();
        assert!(matches!(cart.make(&add(0, 1)), Err(CartRefused::TooMuch { .. })));
        assert_eq!(cart, before);
        for n in 1..MOST_LINES {
            cart.make(&add(n, 1)).unwrap();
        }
        let before = cart.clone();
        assert!(matches!(cart.make(&add(500, 1)), Err(CartRefused::TooMuch { .. })));
        assert_eq!(cart, before);
    }

    #[test]
    fn what_changes_nothing_leaves_the_version() {
        let mut cart = Cart::default();
        cart.make(&add(1, 2)).unwrap();
        for change in [Change::Look, Change::Set(sku(1), count(2)), Change::Remove(sku(9))] {
            cart.make(&change).unwrap();
            assert_eq!(cart.version, 1, "{change:?}");
        }
        cart.take(&[(sku(9), count(1))]);
        cart.merge(&Cart::default());
        assert_eq!(cart.version, 1);
        cart.make(&Change::Clear).unwrap();
        cart.make(&Change::Clear).unwrap();
        assert_eq!((cart.version, cart.lines.len()), (2, 0));
    }

    #[test]
    fn a_merge_sums_and_stops_at_the_caps() {
        let (mut cart, mut guest) = (Cart::default(), Cart::default());
        cart.make(&add(1, 9_000)).unwrap();
        guest.make(&add(1, 9_000)).unwrap();
        for n in 0..MOST_LINES {
            if n != 1 {
                guest.make(&add(n, 1)).unwrap();
            }
        }
        cart.make(&add(1_000, 1)).unwrap();
        cart.merge(&guest);
        assert_eq!(cart.lines.len(), MOST_LINES);
        assert_eq!(cart.lines[0].quantity.get(), Quantity::MAX);
        assert_eq!(cart.version, 3);
    }

    #[test]
    fn only_what_was_ordered_leaves() {
        let mut cart = Cart::default();
        cart.make(&add(1, 5)).unwrap();
        cart.make(&add(2, 1)).unwrap();
        cart.take(&[(sku(1), count(2)), (sku(2), count(3)), (sku(3), count(1))]);
        assert_eq!((quantities(&cart), cart.version), (vec![("S-1".into(), 3)], 3));
    }

    fn any_change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (0..5_usize, 1..6_000_u32).prop_map(|(n, q)| add(n, q)),
            (0..5_usize, 1..9_999_u32).prop_map(|(n, q)| Change::Set(sku(n), count(q))),
            (0..5_usize).prop_map(|n| Change::Remove(sku(n))),
            Just(Change::Clear),
        ]
    }

    proptest! {
        #[test]
        fn the_version_rises_exactly_when_the_lines_change(
            changes in proptest::collection::vec(any_change(), 0..40)
        ) {
            let mut cart = Cart::default();
            for change in changes {
                let before = cart.clone();
                let refused = cart.make(&change).is_err();
                let changed = before.lines != cart.lines;
                prop_assert_eq!(cart.version - before.version, i64::from(changed));
                prop_assert!(!(refused && changed));
                prop_assert!(cart.lines.is_sorted_by_key(|line| line.position));
                let mut skus: Vec<_> = cart.lines.iter().map(|line| &line.sku).collect();
                skus.sort();
                skus.dedup();
                prop_assert_eq!(skus.len(), cart.lines.len());
            }
        }
    }
}
