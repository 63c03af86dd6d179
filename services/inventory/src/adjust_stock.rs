//! Staff add to the shelf or take from it, with a reason.
use crate::Watch;
use crate::set_stock::{invalid, refused};
use crate::stock::MOST_ON_HAND;
use crate::store::{self, ByStaff};
use contracts::Caller;
use contracts::caller::Permission;
use contracts::inventory::{AdjustStock, StockLevel, StockRefused};
use kit::Unexpected;
use kit::idempotency::{self, Request};
use kit::input::canonical_hash;
use kit::wave::Wave;
use serde_json::json;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;
/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 200;

type Answer = Result<StockLevel, StockRefused>;

/// Changes what is on the shelf by `delta`. The same key and command again answers the same
/// again, whatever the stock is by then.
/// # Errors
/// When the database fails.
pub async fn adjust_stock(
    wave: &mut Wave,
    caller: &Caller,
    watch: &Watch,
    command: &AdjustStock,
) -> Result<Answer, Unexpected> {
    if let Err(refused) = check(caller, command) {
        return Ok(Err(refused));
    }
    // The stock is locked before the key is looked up: a twin of this command that runs in
    // another replica waits here, and then finds the key that this one kept.
    let before = store::lock_one(wave, &command.sku).await?;
    let request = request(wave, caller, command);
    let known = idempotency::look::<Answer>(wave, &request).await?;
    if let Some(answer) = known.answer(StockRefused::KeyReused, StockRefused::KeyReused) {
        return Ok(answer);
    }
    let decided = match before {
        None => Err(StockRefused::NotFound),
        Some(before) => before.stock.adjust(command.delta).map_err(|why| refused(why, "delta")),
    };
    let low_stock_at = before.and_then(|before| before.low_stock_at);
    if let Ok(now) = decided {
        let (sku, reason) = (&command.sku, command.reason.trim());
        let (before, account) = (before.map(|before| before.stock), caller.account());
        let done = ByStaff { sku, before, now, low_stock_at, reason, account };
        store::save_by_staff(wave, watch, &[done]).await?;
    }
    let answer = decided.map(|now| now.level(command.sku.clone(), low_stock_at));
    if !matches!(answer, Err(StockRefused::Invalid { .. })) {
        idempotency::keep(wave, &request, &answer).await?;
    }
    Ok(answer)
}

fn request(wave: &Wave, caller: &Caller, command: &AdjustStock) -> Request {
    let scope = match caller.account() {
        Some(account) => format!("adjust_stock account:{account}"),
        None => "adjust_stock store".to_owned(),
    };
    let body = json!({
        "sku": command.sku,
        "delta": command.delta,
        "reason": command.reason.trim(),
    });
    let (key, body) = (command.idempotency_key.clone(), canonical_hash(&body));
    Request { scope, key, body, resource: wave.id() }
}

fn check(caller: &Caller, command: &AdjustStock) -> Result<(), StockRefused> {
    if !caller.may(Permission::ManageStock) {
        return Err(StockRefused::NotAllowed);
    }
    if command.delta == 0 || !(-MOST_ON_HAND..=MOST_ON_HAND).contains(&command.delta) {
        return Err(invalid("delta", "must be -1,000,000,000 to 1,000,000,000 and not 0"));
    }
    if !(1..=LONGEST_REASON).contains(&command.reason.trim().chars().count()) {
        return Err(invalid("reason", "must have 1 to 200 characters"));
    }
    if command.reason.chars().any(char::is_control) {
        return Err(invalid("reason", "must not hold control characters"));
    }
    let key = &command.idempotency_key;
    if !(1..=LONGEST_KEY).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(invalid("idempotency_key", "must have 1 to 200 visible ASCII characters"));
    }
    Ok(())
}
