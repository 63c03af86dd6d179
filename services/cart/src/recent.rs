//! What is in the carts that this process changed last, for those who need not know better: the
//! count on every page, and a checkout of what is sold out. On SQLite, whose only writer this
//! process is; beside other replicas nothing is kept.
use crate::store::{Kept, TokenHash};
use contracts::AccountId;
use contracts::cart::{Contents, ContentsLine};
use kit::db::Engine;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Bytes of carts, about.
const MOST_BYTES: u64 = 8 << 20;
/// Of which each takes so many, mostly.
const EACH: usize = 300;

/// Whose a cart is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// An account's.
    Account(AccountId),
    /// That of a guest with this token.
    Guest(TokenHash),
}

impl Whose {
    /// None of a cart that was merged, or whose owner is gone.
    pub fn of(kept: &Kept) -> Option<Self> {
        kept.account.map(Self::Account).or_else(|| kept.token.map(Self::Guest))
    }
}

/// What a wave did to carts, to be noted once it has committed.
#[derive(Default)]
pub struct Changed {
    /// Whose carts are theirs no more.
    pub left: Vec<Whose>,
    /// Carts as they are now.
    pub kept: Vec<Kept>,
}

#[derive(Clone)]
struct Scales;

impl Weighter<Whose, Arc<Contents>> for Scales {
    fn weight(&self, _: &Whose, contents: &Arc<Contents>) -> u64 {
        (EACH - 100 + 100 * contents.lines.len()) as u64
    }
}

/// The carts that were changed last.
pub struct Recent(Option<Cache<Whose, Arc<Contents>, Scales>>);

impl Recent {
    /// Of a replica on `engine`.
    pub fn new(engine: Engine) -> Self {
        let items = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX) / EACH;
        let cache = || Cache::with_weighter(items, MOST_BYTES, Scales);
        Self((engine == Engine::Sqlite).then(cache))
    }
    /// A wave has committed.
    pub fn note(&self, changed: Changed) {
        let Some(carts) = &self.0 else { return };
        for whose in changed.left {
            carts.remove(&whose);
        }
        for kept in changed.kept {
            if let Some(whose) = Whose::of(&kept) {
                carts.insert(whose, Arc::new(contents(kept, true)));
            }
        }
    }
    /// What is in a cart, if it was changed lately.
    pub fn get(&self, whose: Whose) -> Option<Contents> {
        let found = self.0.as_ref()?.get(&whose)?;
        Some((*found).clone())
    }
}

/// What is in a cart, without prices.
pub fn contents(kept: Kept, lately: bool) -> Contents {
    let line = |line: crate::cart::Line| ContentsLine {
        sku: line.sku,
        quantity: line.quantity,
        shown_price: line.shown_price,
    };
    let lines = kept.cart.lines.into_iter().map(line).collect();
    Contents { cart: Some(kept.id), version: kept.cart.version, lines, lately }
}
