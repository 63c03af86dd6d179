//! The worker that asks orders about holds whose order never appeared.
//!
//! One clock decides when an order ends, and it is that of orders: no hold is let go because
//! time passed. A checkout that died between its hold and its order leaves a hold that no event
//! will ever end; orders is asked, and marks an id that it never placed, so that it never will.
use crate::{Inventory, Watch, queries, store};
use contracts::orders::{Became, WhatBecameOf};
use contracts::{Caller, OrderId};
use kit::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;
use std::sync::Arc;
use std::time::Duration;

/// The most holds that are asked about in one turn.
const MOST_ASKED: u64 = 100;
/// When a hold is asked about again whose order is still being placed, or not to be known.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// One turn. Another replica may ask about the same holds beside it: the question may be
/// repeated, and the answer is applied under lock, to holds that nothing else has ended.
/// # Errors
/// When the database fails.
pub async fn ask_about_holds(inventory: &Inventory) -> Result<Worked, Unexpected> {
    let due = queries::holds_to_ask_about(&inventory.db, inventory.sources.now(), MOST_ASKED);
    let due = due.await?;
    if due.is_empty() {
        return Ok(Worked::Idle);
    }
    let full = u64::try_from(due.len()).unwrap_or(u64::MAX) == MOST_ASKED;
    let mut answers = Vec::with_capacity(due.len());
    let mut answered = true;
    for order in due {
        let answer = inventory.calls.call(&Caller::Store, WhatBecameOf { order }).await;
        let became = answer.inspect_err(|error| tracing::warn!(%order, %error, "nobody knows"));
        answered = became.is_ok();
        answers.push((order, became.ok()));
        if !answered {
            // Orders is away: the rest is asked about next time, and this hold behind them.
            break;
        }
    }
    let settled =
        inventory.waves.write((Arc::clone(&inventory.watch), answers), |wave, (watch, answers)| {
            Box::pin(settle_holds(wave, watch, answers))
        });
    settled.await.map_err(Unexpected::from_error)?;
    Ok(if full && answered { Worked::More } else { Worked::Idle })
}

/// Applies what orders answered, in one transaction. A hold that was paid or cancelled between
/// question and answer keeps the state that it has.
async fn settle_holds(
    wave: &mut Wave,
    watch: &Watch,
    answers: &[(OrderId, Option<Became>)],
) -> Result<(), Unexpected> {
    let mut room = store::lock_holds(wave, answers.iter().map(|(order, _)| *order)).await?;
    let skus = room.skus_of_holds();
    store::lock_stock(wave, &mut room, skus).await?;
    let again = wave.now().after(ASK_AGAIN);
    for (order, became) in answers {
        match became {
            Some(Became::Placed) => room.confirm(*order),
            Some(Became::NeverPlaced) => room.release(*order).map_err(Unexpected::from_error)?,
            Some(Became::StillPlacing) | None => room.postpone(*order, again),
        }
    }
    store::save(wave, watch, &room).await
}
