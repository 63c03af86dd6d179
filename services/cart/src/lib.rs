//! Owns what shoppers mean to buy, guests by a token and others by their account. Promises that
//! parallel changes lose nothing. Never owns a price: it asks the catalogue and shows what it says.
#![warn(missing_docs)]

mod add_item;
mod cart;
mod change_carts;
mod expire_carts;
#[doc(hidden)]
pub mod http;
mod news;
mod queries;
mod recent;
mod store;
mod take_ordered;

use cart::Change;
use change_carts::{ChangeCart, Changed, change_carts};
use contracts::cart::{
    AddItem, CartAnswer, CartCleared, CartContents, CartExpired, CartRefused, CartToken,
    CartsMerged, ChangeItem, ClearCart, GetCart, ItemAdded, ItemChanged, ItemRemoved, RemoveItem,
};
use contracts::catalog::PricesOf;
use contracts::identity::AccountErased;
use contracts::orders::{OrderPaid, OrderPlaced};
use contracts::{AccountId, CallError, Caller, Currency};
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::wave::{Batched, NotRun, Waves};
use recent::Recent;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::TokenHash;

/// The carts, in one replica.
pub struct Carts {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    currency: Currency,
    kept_for: kit::config::Carts,
    change: Batched<ChangeCart, Result<Changed, CartRefused>>,
    recent: Arc<Recent>,
}

/// How often carts that nobody touches are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// The most changes that one wave makes.
const MOST_IN_A_SET: usize = 250;

impl Carts {
    fn new(parts: Parts) -> Self {
        let Parts { db, waves, calls, sources, config, .. } = parts;
        let change = waves.batched("change_carts", MOST_IN_A_SET, |wave, commands| {
            Box::pin(change_carts(wave, commands))
        });
        let recent = Arc::new(Recent::new(db.engine()));
        let keeping = Arc::clone(&recent);
        waves.noted(move |changed| keeping.note(changed));
        let (currency, kept_for) = (config.currency, config.carts);
        Self { db, waves, calls, sources, currency, kept_for, change, recent }
    }
    async fn run(
        &self,
        account: Option<AccountId>,
        token: Option<TokenHash>,
        change: Change,
    ) -> Result<Result<Changed, CartRefused>, NotRun> {
        self.change.run(ChangeCart { account, token, change }).await
    }
    /// Changes the caller's cart, and shows it.
    async fn change(
        &self,
        caller: &Caller,
        of: &CartToken,
        change: Change,
    ) -> Result<CartAnswer, CallError<CartRefused>> {
        let changed = self.run(caller.account(), queries::hashed(of), change).await?;
        let changed = changed.map_err(CallError::Refused)?;
        queries::show_changed(self, changed, BTreeMap::new()).await
    }
}

/// What the cart service says of itself.
pub fn plug() -> Plug<Carts> {
    let migrations = vec![kit::migration!("0001_cart")];
    Plug::new("cart", migrations, |parts| Ok(Carts::new(parts)))
        .answers::<GetCart>(|s, caller, call| {
            Box::pin(async move { queries::get_cart(s, caller, &call.of).await })
        })
        .answers::<AddItem>(|s, caller, call| {
            Box::pin(async move { Ok(add_item::add_item(s, caller, call).await?.answer) })
        })
        .answers::<ChangeItem>(|s, caller, call| {
            let change = Change::Set(call.sku, call.quantity);
            Box::pin(async move { s.change(caller, &call.of, change).await })
        })
        .answers::<RemoveItem>(|s, caller, call| {
            Box::pin(async move { s.change(caller, &call.of, Change::Remove(call.sku)).await })
        })
        .answers::<ClearCart>(|s, caller, call| {
            Box::pin(async move {
                s.change(caller, &call.of, Change::Clear).await.map_err(|error| match error {
                    CallError::Refused(_) => CallError::NotDone("clearing was refused".to_owned()),
                    CallError::NotDone(why) => CallError::NotDone(why),
                    CallError::Unknown(why) => CallError::Unknown(why),
                })
            })
        })
        .answers::<CartContents>(|s, caller, call| {
            Box::pin(async move { queries::contents(s, caller, &call).await })
        })
        .calls::<PricesOf>()
        .tells::<ItemAdded>()
        .tells::<ItemChanged>()
        .tells::<ItemRemoved>()
        .tells::<CartCleared>()
        .tells::<CartsMerged>()
        .tells::<CartExpired>()
        .hears_some::<OrderPlaced>(
            |placed| placed.method.pays_later(),
            |_, wave, heard| Box::pin(take_ordered::take_placed(wave, heard)),
        )
        .hears::<OrderPaid>(|_, wave, heard| Box::pin(take_ordered::take_paid(wave, heard)))
        .hears::<AccountErased>(|_, wave, heard| {
            Box::pin(expire_carts::forget_accounts(wave, heard))
        })
        .works("expire_carts", LOOK_EVERY, |s| Box::pin(expire_carts::expire_carts(s)))
        .routes(http::routes)
}
