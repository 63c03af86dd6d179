//! Inventory under test, with orders played by the test.
#![allow(clippy::unwrap_used, clippy::panic)]
mod asking;
mod events;
mod holds;
mod http_routes;
mod importing;
mod running_low;
mod shelf;
mod showing;

use contracts::inventory::*;
use contracts::orders::{CancelReason, OrderCancelled, OrderPaid};
use contracts::{Call, CallError, Caller, Currency, Money, OrderId, Quantity, Sku};
use kit::config::Config;
use kit::plug::Service;
use kit::testing::{Rig, admin};
use parking_lot::Mutex;
use std::sync::Arc;

async fn rig() -> Rig {
    let services: Vec<Box<dyn Service>> = vec![Box::new(inventory::plug())];
    Rig::start(&services, Config::default()).await
}

fn sku(name: &str) -> Sku {
    name.parse().unwrap()
}
fn lines(of: &[(&str, u32)]) -> Vec<StockLine> {
    let line = |(name, count): &(&str, u32)| StockLine {
        sku: sku(name),
        quantity: Quantity::new(*count).unwrap(),
    };
    of.iter().map(line).collect()
}
fn no<T: std::fmt::Debug, E: std::fmt::Debug>(answer: Result<T, CallError<E>>) -> E {
    match answer {
        Err(CallError::Refused(refused)) => refused,
        other => panic!("it must be refused: {other:?}"),
    }
}

/// Which SKUs can be ordered from now on, or no longer; what was told before is left out.
async fn listen(rig: &Rig) -> Arc<Mutex<Vec<AvailabilityChanged>>> {
    rig.settled().await;
    rig.listen::<AvailabilityChanged>()
}
/// Puts so many on the shelf.
async fn stock(rig: &Rig, name: &str, on_hand: i64) {
    rig.call(&admin(), SetStock::counted(sku(name), on_hand)).await.unwrap();
}
/// What is on the shelf, and what of it is reserved.
async fn level(rig: &Rig, name: &str) -> (i64, i64) {
    let level = rig.call(&admin(), GetStock { sku: sku(name) }).await.unwrap();
    assert_eq!(level.available, level.on_hand - level.reserved);
    (level.on_hand, level.reserved)
}
async fn reserve(
    rig: &Rig,
    order: OrderId,
    of: &[(&str, u32)],
) -> Result<Reserved, CallError<ReserveRefused>> {
    rig.call(&Caller::Guest, ReserveStock { order, lines: lines(of) }).await
}
async fn release(rig: &Rig, order: OrderId) {
    rig.call(&Caller::Guest, ReleaseStock { order }).await.unwrap();
}
fn paid(order: OrderId, of: &[(&str, u32)]) -> OrderPaid {
    OrderPaid {
        order,
        account: None,
        cart: uuid::Uuid::now_v7().into(),
        lines: lines(of),
        total: Money::new(1999, Currency::USD),
        placed_with: None,
    }
}
fn cancelled(order: OrderId, of: &[(&str, u32)], was_paid: bool) -> OrderCancelled {
    OrderCancelled {
        order,
        account: None,
        lines: lines(of),
        was_paid,
        payment: uuid::Uuid::now_v7().into(),
        reason: CancelReason::ByShopper,
    }
}
/// The whole history, oldest first, read in pages of three.
async fn history(rig: &Rig, name: &str) -> Vec<Adjustment> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = StockHistory { sku: sku(name), limit: 3, cursor };
        let page = rig.call(&admin(), page).await.unwrap();
        assert!(page.items.len() <= 3);
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            all.reverse();
            return all;
        }
    }
}
/// The history as deltas and reasons, oldest first.
async fn deltas(rig: &Rig, name: &str) -> Vec<(i64, String)> {
    history(rig, name).await.into_iter().map(|line| (line.delta, line.reason)).collect()
}

#[test]
fn the_plug_says_what_the_contracts_say() {
    let declared = inventory::plug().declared();
    let answers = [
        ReserveStock::NAME,
        ReleaseStock::NAME,
        AvailableOf::NAME,
        ShortOf::NAME,
        GetStock::NAME,
        SetStock::NAME,
        AdjustStock::NAME,
        StockHistory::NAME,
        ListStock::NAME,
        StockOf::NAME,
        ImportStock::NAME,
    ];
    assert_eq!(declared.answers, answers);
}
