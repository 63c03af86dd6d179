//! Owns stock and the holds on it. Promises that no piece is promised twice, that every change
//! of a shelf stands in its history, and that a hold ends only because its order did. Never
//! knows a price, and never lets a hold go because time passed.
//!
//! Read [`stock`] (one SKU), [`hold`] (one order) and [`stockroom`] (how a set of orders is
//! decided) first: they are pure. Each use case locks holds, then stock, each in the order of
//! its keys, decides in memory, and writes what changed.
#![warn(missing_docs)]

pub mod adjust_stock;
pub mod ask_about_holds;
pub mod hold;
mod http;
pub mod queries;
pub mod release_stock;
pub mod reserve_stock;
pub mod restock;
pub mod set_stock;
pub mod stock;
pub mod stockroom;
mod store;
pub mod take_stock;

use contracts::inventory::{
    AdjustStock, AvailabilityChanged, AvailableOf, GetStock, ReleaseStock, ReserveRefused,
    ReserveStock, Reserved, SetStock, StockHistory, StockLevel, StockMissing, StockRefused,
};
use contracts::orders::{OrderCancelled, OrderPaid, WhatBecameOf};
use contracts::{CallError, Caller, NoRefusal};
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::wave::{Batched, Waves};
use std::time::Duration;

/// The most commands of one kind that are decided in one transaction.
const MOST_IN_A_SET: usize = 250;
/// How often the worker looks for holds to ask about.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The inventory service.
pub struct Inventory {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    reserve: Batched<ReserveStock, Result<Reserved, ReserveRefused>>,
    release: Batched<ReleaseStock, ()>,
}

impl Inventory {
    fn new(parts: Parts) -> Self {
        let Parts { db, waves, calls, sources, .. } = parts;
        let reserve = waves.batched("reserve_stock", MOST_IN_A_SET, |wave, commands| {
            Box::pin(reserve_stock::reserve_stock(wave, commands))
        });
        let release = waves.batched("release_stock", MOST_IN_A_SET, |wave, commands| {
            Box::pin(release_stock::release_stock(wave, commands))
        });
        Self { db, waves, calls, sources, reserve, release }
    }
    async fn reserve_stock(
        &self,
        call: ReserveStock,
    ) -> Result<Reserved, CallError<ReserveRefused>> {
        if call.lines.is_empty() {
            return Err(CallError::NotDone("a hold needs at least one line".to_owned()));
        }
        self.reserve.run(call).await?.map_err(CallError::Refused)
    }
    async fn release_stock(&self, call: ReleaseStock) -> Result<(), CallError<NoRefusal>> {
        Ok(self.release.run(call).await?)
    }
    async fn set_stock(
        &self,
        caller: &Caller,
        call: SetStock,
    ) -> Result<StockLevel, CallError<StockRefused>> {
        let set = self.waves.write((caller.clone(), call), |wave, (caller, call)| {
            Box::pin(set_stock::set_stock(wave, caller, call))
        });
        set.await?.map_err(CallError::Refused)
    }
    async fn adjust_stock(
        &self,
        caller: &Caller,
        call: AdjustStock,
    ) -> Result<StockLevel, CallError<StockRefused>> {
        let adjust = self.waves.write((caller.clone(), call), |wave, (caller, call)| {
            Box::pin(adjust_stock::adjust_stock(wave, caller, call))
        });
        adjust.await?.map_err(CallError::Refused)
    }
}

/// What inventory says of itself.
pub fn plug() -> Plug<Inventory> {
    let migrations = vec![kit::migration!("0001_inventory")];
    Plug::new("inventory", migrations, |parts| Ok(Inventory::new(parts)))
        .answers::<ReserveStock>(|s, _, call| Box::pin(s.reserve_stock(call)))
        .answers::<ReleaseStock>(|s, _, call| Box::pin(s.release_stock(call)))
        .answers::<AvailableOf>(|s, _, call| Box::pin(queries::available_of(&s.db, call)))
        .answers::<GetStock>(|s, caller, call| Box::pin(queries::get_stock(&s.db, caller, call)))
        .answers::<SetStock>(|s, caller, call| Box::pin(s.set_stock(caller, call)))
        .answers::<AdjustStock>(|s, caller, call| Box::pin(s.adjust_stock(caller, call)))
        .answers::<StockHistory>(|s, caller, call| {
            Box::pin(queries::stock_history(&s.db, caller, call))
        })
        .calls::<WhatBecameOf>()
        .tells::<AvailabilityChanged>()
        .tells::<StockMissing>()
        .hears::<OrderPaid>(|_, wave, heard| Box::pin(take_stock::take_stock(wave, heard)))
        .hears::<OrderCancelled>(|_, wave, heard| Box::pin(restock::restock(wave, heard)))
        .works("ask_about_holds", LOOK_EVERY, |s| Box::pin(ask_about_holds::ask_about_holds(s)))
        .routes(http::routes)
}
