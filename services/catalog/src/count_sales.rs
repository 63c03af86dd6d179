//! Scores: units of paid orders, and fewer again when one is cancelled. By the set, as every
//! sale comes by here.
use crate::product::units_by_product;
use crate::shown::Shown;
use crate::store::{self, ChangeLog};
use contracts::inventory::StockLine;
use contracts::orders::{OrderCancelled, OrderPaid};
use contracts::{OrderId, ProductId, Sku};
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Counts the units of paid orders. An order that was counted has its row in `counted_orders`,
/// and is passed over; so is one that was cancelled before its payment was heard of.
/// # Errors
/// When the database fails.
pub async fn count(
    wave: &mut Wave,
    shown: &Shown,
    heard: &[Heard<OrderPaid>],
) -> Result<(), Unexpected> {
    let orders: Vec<OrderId> = heard.iter().map(|heard| heard.event.order).collect();
    let known = store::counted(wave, &orders).await?;
    let fresh: Vec<&OrderPaid> =
        heard.iter().map(|h| &*h.event).filter(|paid| !known.contains_key(&paid.order)).collect();
    let units = units(wave, shown, fresh.iter().flat_map(|paid| &paid.lines), 1).await?;
    note(wave, shown, &units);
    let counted = fresh.iter().map(|paid| (paid.order, true)).collect();
    store::change_scores(wave, counted, units).await
}

/// Takes the units of cancelled orders out again. Their row says whether they are in; where
/// there is none, one is left that keeps a late payment from counting.
/// # Errors
/// When the database fails.
pub async fn uncount(
    wave: &mut Wave,
    shown: &Shown,
    heard: &[Heard<OrderCancelled>],
) -> Result<(), Unexpected> {
    let cancelled: Vec<&OrderCancelled> =
        heard.iter().map(|heard| &*heard.event).filter(|cancelled| cancelled.was_paid).collect();
    if cancelled.is_empty() {
        return Ok(());
    }
    let orders: Vec<OrderId> = cancelled.iter().map(|cancelled| cancelled.order).collect();
    let known = store::counted(wave, &orders).await?;
    let (mut counted, mut never, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for cancelled in cancelled {
        match known.get(&cancelled.order) {
            Some(true) => {
                counted.push(cancelled.order);
                lines.extend(&cancelled.lines);
            }
            Some(false) => {}
            None => never.push(cancelled.order),
        }
    }
    let units = units(wave, shown, lines, -1).await?;
    note(wave, shown, &units);
    store::cancelled(wave, counted, never, units).await
}

/// Has pages of the products show their new scores.
fn note(wave: &Wave, shown: &Shown, units: &BTreeMap<Uuid, i64>) {
    units.keys().for_each(|product| shown.note_sale(ProductId(*product), wave.now()));
}

async fn units(
    wave: &Wave,
    shown: &Shown,
    lines: impl IntoIterator<Item = &StockLine>,
    sign: i64,
) -> Result<BTreeMap<Uuid, i64>, Unexpected> {
    let lines: Vec<(Sku, i64)> =
        lines.into_iter().map(|line| (line.sku.clone(), sign * i64::from(line.quantity))).collect();
    let (mut products, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    for (sku, _) in &lines {
        match shown.owner(sku) {
            Some(product) => products.extend([(sku.clone(), product.0)]),
            None => unknown.extend([sku]),
        }
    }
    if !unknown.is_empty() {
        products.extend(store::products_of(wave.tx(), unknown).await?);
    }
    Ok(units_by_product(lines, &products))
}

/// The most scores that are handed to the index at once.
const MOST_PUBLISHED: usize = 500;

/// Numbers a change for products whose score the index does not know yet, the first ones behind
/// `after`; answers behind which the next time goes on, so that each has its turn.
/// # Errors
/// When the database fails.
pub async fn publish(wave: &mut Wave, after: Uuid) -> Result<Uuid, Unexpected> {
    let mut log = ChangeLog::lock(wave).await?;
    let published = store::publish_scores(wave, &mut log, after, MOST_PUBLISHED as u64).await?;
    if log.has_changes() {
        log.close(wave).await?;
    }
    let last = published.last().filter(|_| published.len() >= MOST_PUBLISHED);
    Ok(last.copied().unwrap_or_default())
}
