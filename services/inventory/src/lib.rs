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
pub mod import_stock;
mod known;
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
    AdjustStock, AvailabilityChanged, AvailableOf, GetStock, ImportStock, ListStock, LowStock,
    ReleaseStock, ReserveRefused, ReserveStock, Reserved, SetStock, ShortOf, StockHistory,
    StockImported, StockLevel, StockMissing, StockOf, StockRefused,
};
use contracts::orders::{OrderCancelled, OrderFulfilled, OrderPaid, OrderRefunded, WhatBecameOf};
use contracts::{CallError, Caller, NoRefusal};
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::wave::{Batched, Waves};
use known::Known;
use std::sync::Arc;
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
    watch: Arc<Watch>,
    reserve: Batched<ReserveStock, Result<Reserved, ReserveRefused>>,
    release: Batched<ReleaseStock, ()>,
}

/// What looks on whenever stock changes.
pub struct Watch {
    /// How many are few, where a SKU has no number of its own.
    low: i64,
    known: Known,
}

impl Inventory {
    fn new(parts: Parts) -> Self {
        let Parts { db, waves, calls, sources, config, .. } = parts;
        let known = Known::new(&db);
        let watch = Arc::new(Watch { low: i64::from(config.low_stock_at), known });
        let watched = Arc::clone(&watch);
        waves.noted(move |seen| watched.known.note(seen));
        let watched = Arc::clone(&watch);
        let reserve = waves.batched("reserve_stock", MOST_IN_A_SET, move |wave, commands| {
            let watch = Arc::clone(&watched);
            Box::pin(async move { reserve_stock::reserve_stock(wave, &watch, commands).await })
        });
        let watched = Arc::clone(&watch);
        let release = waves.batched("release_stock", MOST_IN_A_SET, move |wave, commands| {
            let watch = Arc::clone(&watched);
            Box::pin(async move { release_stock::release_stock(wave, &watch, commands).await })
        });
        Self { db, waves, calls, sources, watch, reserve, release }
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
        let command = (caller.clone(), Arc::clone(&self.watch), call);
        let set = self.waves.write(command, |wave, (caller, watch, call)| {
            Box::pin(set_stock::set_stock(wave, caller, watch, call))
        });
        set.await?.map_err(CallError::Refused)
    }
    async fn adjust_stock(
        &self,
        caller: &Caller,
        call: AdjustStock,
    ) -> Result<StockLevel, CallError<StockRefused>> {
        let command = (caller.clone(), Arc::clone(&self.watch), call);
        let adjust = self.waves.write(command, |wave, (caller, watch, call)| {
            Box::pin(adjust_stock::adjust_stock(wave, caller, watch, call))
        });
        adjust.await?.map_err(CallError::Refused)
    }
    async fn import_stock(
        &self,
        caller: &Caller,
        call: ImportStock,
    ) -> Result<Vec<StockImported>, CallError<StockRefused>> {
        let command = (caller.clone(), Arc::clone(&self.watch), call);
        let import = self.waves.write(command, |wave, (caller, watch, call)| {
            Box::pin(import_stock::import_stock(wave, caller, watch, call))
        });
        import.await?.map_err(CallError::Refused)
    }
}

/// What inventory says of itself.
pub fn plug() -> Plug<Inventory> {
    let migrations = vec![kit::migration!("0001_inventory"), kit::migration!("0002_low_stock")];
    Plug::new("inventory", migrations, |parts| Ok(Inventory::new(parts)))
        .answers::<ReserveStock>(|s, _, call| Box::pin(s.reserve_stock(call)))
        .answers::<ReleaseStock>(|s, _, call| Box::pin(s.release_stock(call)))
        .answers::<AvailableOf>(|s, _, call| Box::pin(queries::available_of(s, call)))
        .answers::<ShortOf>(|s, _, call| Box::pin(queries::short_of(s, call)))
        .answers::<GetStock>(|s, caller, call| Box::pin(queries::get_stock(&s.db, caller, call)))
        .answers::<SetStock>(|s, caller, call| Box::pin(s.set_stock(caller, call)))
        .answers::<AdjustStock>(|s, caller, call| Box::pin(s.adjust_stock(caller, call)))
        .answers::<StockHistory>(|s, caller, call| {
            Box::pin(queries::stock_history(&s.db, caller, call))
        })
        .answers::<ListStock>(|s, caller, call| {
            Box::pin(queries::list_stock(&s.db, caller, s.watch.low, call))
        })
        .answers::<StockOf>(|s, caller, call| Box::pin(queries::stock_of(&s.db, caller, call)))
        .answers::<ImportStock>(|s, caller, call| Box::pin(s.import_stock(caller, call)))
        .calls::<WhatBecameOf>()
        .tells::<AvailabilityChanged>()
        .tells::<StockMissing>()
        .tells::<LowStock>()
        .hears::<OrderPaid>(|s, wave, heard| {
            let orders: Vec<_> =
                heard.iter().map(|heard| (heard.event.order, &*heard.event.lines)).collect();
            Box::pin(async move { take_stock::take_stock(wave, &s.watch, &orders).await })
        })
        .hears::<OrderFulfilled>(|s, wave, heard| {
            let orders: Vec<_> =
                heard.iter().map(|heard| (heard.event.order, &*heard.event.lines)).collect();
            Box::pin(async move { take_stock::take_stock(wave, &s.watch, &orders).await })
        })
        .hears::<OrderCancelled>(|s, wave, heard| {
            let orders = heard.iter().map(|heard| heard.event.order);
            Box::pin(restock::restock(wave, &s.watch, orders))
        })
        .hears::<OrderRefunded>(|s, wave, heard| {
            let back = heard.iter().filter(|heard| heard.event.restock);
            Box::pin(restock::restock(wave, &s.watch, back.map(|heard| heard.event.order)))
        })
        .works("ask_about_holds", LOOK_EVERY, |s| Box::pin(ask_about_holds::ask_about_holds(s)))
        .routes(http::routes)
}
