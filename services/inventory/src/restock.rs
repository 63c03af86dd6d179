//! Cancelled orders let their stock go, or give it back.
use crate::store;
use contracts::orders::OrderCancelled;
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;

/// Lets go what each cancelled order holds, and puts back what it took. One that is not known
/// leaves a mark, which refuses a late reserve.
///
/// A fact that was heard before is known by the state of the hold: released, returned and
/// missing stay as they are.
/// # Errors
/// When the database fails.
pub async fn restock(wave: &mut Wave, heard: &[Heard<OrderCancelled>]) -> Result<(), Unexpected> {
    let mut room = store::lock_holds(wave, heard.iter().map(|heard| heard.event.order)).await?;
    let skus = room.skus_of_holds();
    store::lock_stock(wave, &mut room, skus).await?;
    for heard in heard {
        room.cancelled(heard.event.order).map_err(Unexpected::from_error)?;
    }
    store::save(wave, &room).await
}
