//! Changes the shop's terms, whole. Every version is kept.
use crate::store::terms::{self, Version};
use crate::{Orders, shop, terms as rules};
use contracts::caller::Permission;
use contracts::orders::{ShopChanged, ShopRefused, ShopTerms, UpdateShop};
use contracts::{AccountId, CallError, Caller, Timestamp};
use kit::Unexpected;
use kit::calls::Answer;
use kit::wave::Wave;

/// Changes the terms, for admins.
pub async fn update_shop(
    orders: &Orders,
    caller: &Caller,
    command: UpdateShop,
) -> Answer<UpdateShop> {
    if !caller.may(Permission::ManageShop) {
        return Err(CallError::Refused(ShopRefused::NotAllowed));
    }
    if let Some((field, reason)) = rules::faults(&command.terms).into_iter().next() {
        return Err(CallError::Refused(ShopRefused::Invalid { field, reason }));
    }
    if command.version.is_some_and(i64::is_negative) {
        let (field, reason) = ("version".to_owned(), "must not be negative".to_owned());
        return Err(CallError::Refused(ShopRefused::Invalid { field, reason }));
    }
    let change = Replacement {
        first: rules::configured(&orders.config),
        terms: command.terms,
        seen: command.version,
        by: caller.account(),
    };
    let changed = orders.waves.write(change, |wave, change| Box::pin(replace(wave, change)));
    let version = changed.await?.map_err(CallError::Refused)?;
    Ok(shop::as_shop(orders, Some(version)))
}

struct Replacement {
    /// What the terms were before anybody changed them.
    first: ShopTerms,
    terms: ShopTerms,
    seen: Option<i64>,
    by: Option<AccountId>,
}

/// Keeps the next version. Two at once take the same number, and the unique key refuses the
/// second, which is run again and finds the first. Terms that are so already stay as they are.
async fn replace(
    wave: &mut Wave,
    change: &Replacement,
) -> Result<Result<Version, ShopRefused>, Unexpected> {
    let kept = terms::newest(wave.tx()).await?;
    let is_first = kept.is_none();
    let first =
        || Version { number: 0, terms: change.first.clone(), from: Timestamp::from_micros(0) };
    let present = kept.unwrap_or_else(first);
    if present.terms == change.terms {
        return Ok(Ok(present));
    }
    if change.seen.is_some_and(|seen| seen != present.number) {
        return Ok(Err(ShopRefused::ShopChanged { version: present.number }));
    }
    let number = present.number + 1;
    // Never before the version that it follows, whatever another replica's clock says.
    let from = wave.now().max(present.from);
    let next = Version { number, terms: change.terms.clone(), from };
    if is_first {
        terms::insert(wave, &[&present], None).await?;
    }
    terms::insert(wave, &[&next], change.by).await?;
    wave.tell(number, ShopChanged { shop: "shop".to_owned(), version: number })?;
    Ok(Ok(next))
}
