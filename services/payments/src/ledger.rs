//! The ledger, double entry: money moves from one book to another, and never appears or vanishes.
//!
//! A [`Movement`] knows where the money came from, where it went, and one positive amount; its
//! two sides follow from that, so that a one-sided movement cannot be expressed.
use contracts::{AccountId, Money, OrderId};

/// Where money can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Book {
    /// With us, and an account's to spend.
    Wallet(AccountId),
    /// Outside, behind the card provider. Its sum is what the provider owes or has paid us,
    /// negated.
    Card,
    /// Outside, in the shop's bank account. Its sum is what arrived there less what was sent
    /// back, negated.
    Bank,
    /// Outside, in cash: what carriers took on delivery less what was handed back, negated.
    Cash,
    /// Ours, for what was sold.
    Sales,
}

impl Book {
    /// The book's name in the database.
    pub fn key(self) -> String {
        match self {
            Self::Wallet(account) => format!("wallet:{account}"),
            Self::Card => "card".to_owned(),
            Self::Bank => "bank".to_owned(),
            Self::Cash => "cash".to_owned(),
            Self::Sales => "sales".to_owned(),
        }
    }
}

/// What a shopper pays from and is paid back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purse {
    /// The account's wallet.
    Wallet(AccountId),
    /// A card.
    Card,
    /// A bank account.
    Bank,
    /// What is in their pocket.
    Cash,
}

impl Purse {
    const fn book(self) -> Book {
        match self {
            Self::Wallet(account) => Book::Wallet(account),
            Self::Card => Book::Card,
            Self::Bank => Book::Bank,
            Self::Cash => Book::Cash,
        }
    }
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Into a wallet.
    TopUp,
    /// For an order.
    Purchase,
    /// Back to whoever paid.
    Refund,
}

impl Kind {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Purchase => "purchase",
            Self::Refund => "refund",
        }
    }
}

/// More than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positive(Money);

impl Positive {
    /// `amount`, if it is more than nothing.
    pub const fn of(amount: Money) -> Option<Self> {
        if amount.minor > 0 { Some(Self(amount)) } else { None }
    }
    /// How much.
    pub const fn money(self) -> Money {
        self.0
    }
}

/// Money that moves from one book to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    from: Book,
    to: Book,
    amount: Positive,
    kind: Kind,
    order: Option<OrderId>,
}

/// One side of a movement: an entry of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// In which book.
    pub book: Book,
    /// Negative where money leaves.
    pub amount: Money,
}

impl Movement {
    /// A purse pays for an order.
    pub const fn purchase(from: Purse, amount: Positive, order: OrderId) -> Self {
        let order = Some(order);
        Self { from: from.book(), to: Book::Sales, amount, kind: Kind::Purchase, order }
    }
    /// What was paid for an order goes back.
    pub const fn refund(to: Purse, amount: Positive, order: OrderId) -> Self {
        let order = Some(order);
        Self { from: Book::Sales, to: to.book(), amount, kind: Kind::Refund, order }
    }
    /// A card fills a wallet.
    pub const fn top_up(wallet: AccountId, amount: Positive) -> Self {
        let to = Book::Wallet(wallet);
        Self { from: Book::Card, to, amount, kind: Kind::TopUp, order: None }
    }
    /// Its entries: what leaves, and what arrives.
    pub const fn sides(&self) -> [Side; 2] {
        let amount = self.amount.money();
        [Side { book: self.from, amount: amount.negated() }, Side { book: self.to, amount }]
    }
    /// Why it moved.
    pub const fn kind(&self) -> Kind {
        self.kind
    }
    /// The order it was for.
    pub const fn order(&self) -> Option<OrderId> {
        self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Currency;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn any_movement() -> impl Strategy<Value = Movement> {
        let account = (0..4_u128).prop_map(|n| AccountId(Uuid::from_u128(n)));
        let outside = prop_oneof![Just(Purse::Card), Just(Purse::Bank), Just(Purse::Cash)];
        let purse = prop_oneof![outside, account.clone().prop_map(Purse::Wallet)];
        let currency = prop_oneof![Just(Currency::USD), Just(Currency::EUR)];
        (0..3_u8, purse, account, 1..=Money::MAX_MINOR, currency).prop_map(
            |(kind, purse, account, minor, currency)| {
                let amount = Positive::of(Money::new(minor, currency)).unwrap();
                let order = OrderId(Uuid::from_u128(9));
                match kind {
                    0 => Movement::purchase(purse, amount, order),
                    1 => Movement::refund(purse, amount, order),
                    _ => Movement::top_up(account, amount),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn every_movement_has_two_sides_in_two_books_and_sums_to_zero(movement in any_movement()) {
            let [left, arrived] = movement.sides();
            prop_assert_ne!(left.book, arrived.book);
            prop_assert!(left.amount.minor < 0 && arrived.amount.minor > 0);
            prop_assert_eq!(left.amount.plus(arrived.amount).map(Money::is_zero), Ok(true));
        }

        #[test]
        fn whatever_moves_the_ledger_sums_to_zero_in_each_currency(
            movements in prop::collection::vec(any_movement(), 0..50),
        ) {
            let mut books: BTreeMap<(String, String), i128> = BTreeMap::new();
            for side in movements.iter().flat_map(Movement::sides) {
                let currency = side.amount.currency.code().to_owned();
                *books.entry((currency, side.book.key())).or_default() += i128::from(side.amount.minor);
            }
            for currency in ["USD", "EUR"] {
                let sum: i128 = books.iter().filter(|((of, _), _)| of == currency).map(|(_, n)| n).sum();
                prop_assert_eq!(sum, 0);
            }
        }
    }

    #[test]
    fn nothing_and_less_than_nothing_cannot_move() {
        assert_eq!(Positive::of(Money::new(0, Currency::USD)), None);
        assert_eq!(Positive::of(Money::new(-1, Currency::USD)), None);
        assert_eq!(Positive::of(Money::new(i64::MIN, Currency::USD)), None);
    }

    #[test]
    fn a_purchase_from_a_wallet_takes_from_it_and_a_refund_gives_it_back() {
        let (account, order) = (AccountId(Uuid::from_u128(1)), OrderId(Uuid::from_u128(2)));
        let amount = Positive::of(Money::new(500, Currency::USD)).unwrap();
        let paid = Movement::purchase(Purse::Wallet(account), amount, order).sides();
        let back = Movement::refund(Purse::Wallet(account), amount, order).sides();
        assert_eq!((paid[0].book, paid[0].amount.minor), (Book::Wallet(account), -500));
        assert_eq!((paid[1].book, paid[1].amount.minor), (Book::Sales, 500));
        assert_eq!((back[0].book, back[0].amount.minor), (Book::Sales, -500));
        assert_eq!((back[1].book, back[1].amount.minor), (Book::Wallet(account), 500));
        assert_eq!(Movement::top_up(account, amount).sides()[0].book, Book::Card);
    }
}
