//! Paid orders take their stock off the shelf.
use crate::hold::Lines;
use crate::store;
use contracts::inventory::StockMissing;
use contracts::orders::OrderPaid;
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;

/// Takes what each paid order holds. One that holds nothing (its hold was let go) takes what is
/// available now; where that is too little it takes nothing, and `StockMissing` is told.
///
/// A fact that was heard before is known by the state of the hold: taken, returned and missing
/// stay as they are.
/// # Errors
/// When the database fails.
pub async fn take_stock(wave: &mut Wave, heard: &[Heard<OrderPaid>]) -> Result<(), Unexpected> {
    let mut room = store::lock_holds(wave, heard.iter().map(|heard| heard.event.order)).await?;
    let mut skus = room.skus_of_holds();
    let without =
        heard.iter().filter(|heard| room.hold(heard.event.order).is_none_or(|h| h.may_sell()));
    skus.extend(without.flat_map(|heard| heard.event.lines.iter().map(|line| line.sku.clone())));
    store::lock_stock(wave, &mut room, skus).await?;
    for heard in heard {
        let order = heard.event.order;
        let lines = Lines::of(&heard.event.lines);
        let missing = room.paid(order, &lines).map_err(Unexpected::from_error)?;
        if !missing.is_empty() {
            tracing::warn!(%order, "a paid order's stock is missing");
            // An order's stock goes missing once, so that this is the first version of it.
            wave.tell(1, StockMissing { order, lines: missing })?;
        }
    }
    store::save(wave, &room).await
}
