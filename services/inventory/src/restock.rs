//! Orders that end without delivery let their stock go, or give it back.
use crate::Watch;
use crate::store;
use contracts::OrderId;
use kit::Unexpected;
use kit::wave::Wave;

/// Lets go what each order holds, and puts back what it took. One that is not known leaves a
/// mark, which refuses a late reserve.
///
/// A fact that was heard before is known by the state of the hold: released, returned and
/// missing stay as they are.
/// # Errors
/// When the database fails.
pub async fn restock(
    wave: &mut Wave,
    watch: &Watch,
    orders: impl IntoIterator<Item = OrderId>,
) -> Result<(), Unexpected> {
    let orders: Vec<OrderId> = orders.into_iter().collect();
    let mut room = store::lock_holds(wave, orders.iter().copied()).await?;
    let skus = room.skus_of_holds();
    store::lock_stock(wave, &mut room, skus).await?;
    for order in orders {
        room.cancelled(order).map_err(Unexpected::from_error)?;
    }
    store::save(wave, watch, &room).await
}
