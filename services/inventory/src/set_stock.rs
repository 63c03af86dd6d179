//! Staff count what is on the shelf and set it.
use crate::stock::{CannotSet, MOST_ON_HAND};
use crate::store::{self, ByStaff};
use contracts::Caller;
use contracts::caller::Permission;
use contracts::inventory::{SetStock, StockLevel, StockRefused};
use kit::Unexpected;
use kit::wave::Wave;

/// Sets what is on the shelf, for a new SKU too. Setting what is there already changes nothing.
/// # Errors
/// When the database fails.
pub async fn set_stock(
    wave: &mut Wave,
    caller: &Caller,
    command: &SetStock,
) -> Result<Result<StockLevel, StockRefused>, Unexpected> {
    if let Err(refused) = check(caller, command) {
        return Ok(Err(refused));
    }
    let before = store::lock_one(wave, &command.sku).await?;
    let now = match before.unwrap_or_default().set(command.on_hand) {
        Ok(now) => now,
        Err(why) => return Ok(Err(refused(why, "on_hand"))),
    };
    let (sku, account) = (&command.sku, caller.account());
    store::save_by_staff(wave, ByStaff { sku, before, now, reason: "set", account }).await?;
    Ok(Ok(now.level(sku.clone())))
}

fn check(caller: &Caller, command: &SetStock) -> Result<(), StockRefused> {
    if !caller.may(Permission::ManageStock) {
        return Err(StockRefused::NotAllowed);
    }
    if !(0..=MOST_ON_HAND).contains(&command.on_hand) {
        return Err(invalid("on_hand", "must be 0 to 1,000,000,000"));
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
