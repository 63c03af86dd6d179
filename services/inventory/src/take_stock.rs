//! Paid orders take their stock off the shelf, and so do those that are sent before they are paid.
use crate::Watch;
use crate::hold::Lines;
use crate::store;
use contracts::OrderId;
use contracts::inventory::{StockLine, StockMissing};
use kit::Unexpected;
use kit::wave::Wave;

/// Takes what each order holds. One that holds nothing (its hold was let go) takes what is
/// available now; where that is too little it takes nothing, and `StockMissing` is told.
///
/// A fact that was heard before is known by the state of the hold: taken, returned and missing
/// stay as they are. So it is when an order is both paid and fulfilled, whichever comes first.
/// # Errors
/// When the database fails.
pub async fn take_stock(
    wave: &mut Wave,
    watch: &Watch,
    orders: &[(OrderId, &[StockLine])],
) -> Result<(), Unexpected> {
    let mut room = store::lock_holds(wave, orders.iter().map(|(order, _)| *order)).await?;
    let mut skus = room.skus_of_holds();
    let without = orders.iter().filter(|(order, _)| room.hold(*order).is_none_or(|h| h.may_sell()));
    skus.extend(without.flat_map(|(_, lines)| lines.iter().map(|line| line.sku.clone())));
    store::lock_stock(wave, &mut room, skus).await?;
    for (order, lines) in orders {
        let missing = room.paid(*order, &Lines::of(lines)).map_err(Unexpected::from_error)?;
        if !missing.is_empty() {
            tracing::warn!(%order, "a paid order's stock is missing");
            // An order's stock goes missing once, so that this is the first version of it.
            wave.tell(1, StockMissing { order: *order, lines: missing })?;
        }
    }
    store::save(wave, watch, &room).await
}
