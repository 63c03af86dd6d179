//! Files say what is on the shelf, many SKUs at once.
use crate::Watch;
use crate::set_stock::{invalid, refused};
use crate::stock::MOST_ON_HAND;
use crate::store::{self, ByStaff};
use contracts::caller::Permission;
use contracts::inventory::{ImportStock, StockImported, StockRefused};
use contracts::{Caller, Sku};
use kit::Unexpected;
use kit::wave::Wave;
use std::collections::BTreeSet;

/// The most counts of one call.
const MOST: usize = 1_000;

/// Records each count: for a new SKU, and with `replace` for one that is known. A handful of
/// statements, however many counts there are. Repeating it changes nothing.
/// # Errors
/// When the database fails.
pub async fn import_stock(
    wave: &mut Wave,
    caller: &Caller,
    watch: &Watch,
    command: &ImportStock,
) -> Result<Result<Vec<StockImported>, StockRefused>, Unexpected> {
    if !caller.may(Permission::ManageStock) {
        return Ok(Err(StockRefused::NotAllowed));
    }
    let skus: BTreeSet<&Sku> = command.counts.iter().map(|count| &count.sku).collect();
    if command.counts.len() > MOST || skus.len() < command.counts.len() {
        return Ok(Err(invalid("counts", "must be at most 1,000, each SKU once")));
    }
    let known = store::lock_many(wave, skus).await?;
    let (mut done, mut outcomes) = (Vec::new(), Vec::new());
    for count in &command.counts {
        let before = known.get(&count.sku).copied();
        if before.is_some() && !command.replace {
            outcomes.push(StockImported::Kept);
            continue;
        }
        if !(0..=MOST_ON_HAND).contains(&count.on_hand) {
            let reason = "on_hand must be 0 to 1,000,000,000".to_owned();
            outcomes.push(StockImported::Rejected { reason });
            continue;
        }
        match before.unwrap_or_default().stock.set(count.on_hand) {
            Err(why) => {
                let reason = refused(why, "on_hand").to_string();
                outcomes.push(StockImported::Rejected { reason });
            }
            Ok(now) if before.is_some_and(|before| before.stock == now) => {
                outcomes.push(StockImported::Kept);
            }
            Ok(now) => {
                let (sku, low_stock_at) = (&count.sku, before.and_then(|b| b.low_stock_at));
                let (before, account) = (before.map(|before| before.stock), caller.account());
                let reason = "import";
                done.push(ByStaff { sku, before, now, low_stock_at, reason, account });
                outcomes.push(StockImported::Set);
            }
        }
    }
    store::save_by_staff(wave, watch, &done).await?;
    Ok(Ok(outcomes))
}
