//! Whether a SKU can be ordered, as inventory last said: for filters, and for when it is away.
use crate::shown::Shown;
use crate::store::{self, ChangeLog};
use contracts::Sku;
use contracts::inventory::AvailabilityChanged;
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::BTreeMap;

/// Keeps the last word of inventory on each SKU, also on one that is not listed yet. Hearing
/// the same again changes nothing: the flag is a state.
/// # Errors
/// When the database fails.
pub async fn note(
    wave: &mut Wave,
    shown: &Shown,
    heard: &[Heard<AvailabilityChanged>],
) -> Result<(), Unexpected> {
    let flags: BTreeMap<Sku, bool> =
        heard.iter().map(|heard| (heard.event.sku.clone(), heard.event.in_stock)).collect();
    let mut log = ChangeLog::lock(wave).await?;
    store::set_availability(wave, &mut log, &flags).await?;
    shown.expect(log.last(), wave.now());
    log.close(wave).await
}
