//! Staff count what is on the shelf and set it.
use crate::Watch;
use crate::stock::{CannotSet, MOST_ON_HAND};
use crate::store::{self, ByStaff};
use contracts::Caller;
use contracts::caller::Permission;
use contracts::inventory::{SetStock, StockLevel, StockRefused};
use kit::Unexpected;
use kit::wave::Wave;

/// Sets what is on the shelf, for a new SKU too, and at how many staff is told that it runs out.
/// Setting what is there already changes nothing.
/// # Errors
/// When the database fails.
pub async fn set_stock(
    wave: &mut Wave,
    caller: &Caller,
    watch: &Watch,
    command: &SetStock,
) -> Result<Result<StockLevel, StockRefused>, Unexpected> {
    if let Err(refused) = check(caller, command) {
        return Ok(Err(refused));
    }
    let known = store::lock_one(wave, &command.sku).await?;
    let was = known.unwrap_or_default();
    let now = match command.on_hand.map(|on_hand| was.stock.set(on_hand)) {
        Some(Ok(now)) => now,
        Some(Err(why)) => return Ok(Err(refused(why, "on_hand"))),
        None if known.is_none() => return Ok(Err(StockRefused::NotFound)),
        None => was.stock,
    };
    let low_stock_at = command.low_stock_at.unwrap_or(was.low_stock_at);
    let (sku, account) = (&command.sku, caller.account());
    let before = known.map(|known| known.stock);
    if known.is_some() && low_stock_at != was.low_stock_at {
        store::save_low_stock_at(wave, sku, low_stock_at).await?;
    }
    let done = ByStaff { sku, before, now, low_stock_at, reason: "set", account };
    store::save_by_staff(wave, watch, &[done]).await?;
    Ok(Ok(now.level(sku.clone(), low_stock_at)))
}

fn check(caller: &Caller, command: &SetStock) -> Result<(), StockRefused> {
    if !caller.may(Permission::ManageStock) {
        return Err(StockRefused::NotAllowed);
    }
    let fits = |number: &i64| (0..=MOST_ON_HAND).contains(number);
    if !command.on_hand.as_ref().is_none_or(fits) {
        return Err(invalid("on_hand", "must be 0 to 1,000,000,000"));
    }
    if !command.low_stock_at.flatten().as_ref().is_none_or(fits) {
        return Err(invalid("low_stock_at", "must be 0 to 1,000,000,000"));
    }
    if command.on_hand.is_none() && command.low_stock_at.is_none() {
        return Err(invalid("on_hand", "or low_stock_at must be given"));
    }
    Ok(())
}

pub(crate) fn invalid(field: &str, reason: &str) -> StockRefused {
    StockRefused::Invalid { field: field.to_owned(), reason: reason.to_owned() }
}

/// Why the stock cannot be set so, as staff read it.
pub(crate) fn refused(why: CannotSet, field: &str) -> StockRefused {
    match why {
        CannotSet::BelowReserved { reserved } => StockRefused::BelowReserved { reserved },
        CannotSet::TooMuch => invalid(field, "leaves more than 1,000,000,000 on the shelf"),
    }
}
