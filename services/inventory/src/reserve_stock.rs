//! Hold stock for orders, many at once.
use crate::Watch;
use crate::hold::Lines;
use crate::known::Seen;
use crate::store;
use contracts::Sku;
use contracts::inventory::{ReserveRefused, ReserveStock, Reserved};
use kit::Unexpected;
use kit::wave::Wave;
use std::collections::HashMap;
use std::time::Duration;

/// How old a hold gets before orders is asked whether its order was ever placed.
pub const ASK_AFTER: Duration = Duration::from_secs(60);

/// Holds the lines of each command, or nothing of it. Decided one by one: the last unit goes to
/// the first who asks, and whoever comes later in the set is refused. An order that holds
/// already changes nothing.
/// # Errors
/// When the database fails.
pub async fn reserve_stock(
    wave: &mut Wave,
    watch: &Watch,
    commands: &[ReserveStock],
) -> Result<Vec<Result<Reserved, ReserveRefused>>, Unexpected> {
    let mut room = store::lock_holds(wave, commands.iter().map(|command| command.order)).await?;
    let fresh = commands.iter().filter(|command| room.hold(command.order).is_none());
    let skus =
        fresh.flat_map(|command| command.lines.iter().map(|line| line.sku.clone())).collect();
    store::lock_stock(wave, &mut room, skus).await?;
    let ask_at = wave.now().after(ASK_AFTER);
    let decide = |command: &ReserveStock| {
        let order = command.order;
        room.reserve(order, &Lines::of(&command.lines), ask_at).map(|()| Reserved { order })
    };
    let answers: Vec<_> = commands.iter().map(decide).collect();
    store::save(wave, watch, &room).await?;
    let short = answers.iter().filter_map(|answer| match answer {
        Err(ReserveRefused::OutOfStock { short }) => Some(short),
        _ => None,
    });
    let rows: HashMap<Sku, (i64, i64)> = short
        .flatten()
        .filter_map(|short| Some((short.sku.clone(), room.level(&short.sku)?)))
        .collect();
    if !rows.is_empty() {
        // Whoever asks next is told without a transaction.
        wave.note(Seen { rows, at: wave.now() });
    }
    Ok(answers)
}
