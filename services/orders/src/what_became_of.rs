//! What became of an order id that stock is held for.
use crate::{Orders, store};
use contracts::OrderId;
use contracts::orders::{Became, WhatBecameOf};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Progress};
use kit::wave::Wave;

/// Answers by the key first, for it is what a placing locks; a checkout that was abandoned is
/// ended here, so that nothing is placed under its id after it was answered.
pub async fn what_became_of(orders: &Orders, call: WhatBecameOf) -> Answer<WhatBecameOf> {
    let became = orders.waves.write(call.order, |wave, order| Box::pin(decide(wave, *order)));
    Ok(became.await?)
}

async fn decide(wave: &mut Wave, order: OrderId) -> Result<Became, Unexpected> {
    // In this order: the key's lock waits for a placing that is about to commit.
    let progress = idempotency::progress(wave, order.0).await?;
    if store::find(wave.tx(), order).await?.is_some() {
        return Ok(Became::Placed);
    }
    match progress {
        Progress::Running => Ok(Became::StillPlacing),
        Progress::Abandoned => {
            idempotency::finish(wave, &[(order.0, None)]).await?;
            Ok(Became::NeverPlaced)
        }
        // Answered by a refusal, forgotten, or never known: placing asks for a running key.
        Progress::Answered | Progress::Unknown => Ok(Became::NeverPlaced),
    }
}
