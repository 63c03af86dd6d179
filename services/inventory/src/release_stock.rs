//! The undo of `reserve_stock`, many at once.
use crate::Watch;
use crate::store;
use contracts::inventory::ReleaseStock;
use kit::Unexpected;
use kit::wave::Wave;

/// Lets the holds go. An undo that comes before its step leaves a mark that refuses the step;
/// one that is repeated changes nothing, and what a paid order took stays taken.
/// # Errors
/// When the database fails.
pub async fn release_stock(
    wave: &mut Wave,
    watch: &Watch,
    commands: &[ReleaseStock],
) -> Result<Vec<()>, Unexpected> {
    let mut room = store::lock_holds(wave, commands.iter().map(|command| command.order)).await?;
    let skus = room.skus_of_holds();
    store::lock_stock(wave, &mut room, skus).await?;
    for command in commands {
        room.release(command.order).map_err(Unexpected::from_error)?;
    }
    store::save(wave, watch, &room).await?;
    Ok(vec![(); commands.len()])
}
