//! Reads, and how a cart is shown: with the prices of now, asked of the catalogue in one call.
use crate::Carts;
use crate::cart::{Change, Line};
use crate::change_carts::Changed;
use crate::recent::{self, Whose};
use crate::store::{self, Kept, TokenHash};
use contracts::cart::{Cart, CartAnswer, CartContents, CartLine, CartToken, Contents};
use contracts::catalog::{Priced, PricesOf};
use contracts::{AccountId, CallError, Caller, Money, NoRefusal, Sku};
use kit::auth::token_hash;
use kit::problem::Unexpected;
use std::collections::BTreeMap;

/// Tokens are 43 characters; what is much longer names no cart.
const LONGEST_TOKEN: usize = 200;

/// What of a token is kept; none of what can be no token.
pub fn hashed(of: &CartToken) -> Option<TokenHash> {
    let token = of.token.as_deref()?;
    (!token.is_empty() && token.len() <= LONGEST_TOKEN).then(|| token_hash(token))
}

/// A read that failed by our fault: logged here, and nothing about it told.
fn not_done<E>(error: Unexpected) -> CallError<E> {
    error.log();
    CallError::NotDone("the cart could not be read".to_owned())
}

/// The caller's cart. Only where a token still has to be merged into an account's cart does a
/// read write.
pub async fn kept<E>(
    carts: &Carts,
    caller: &Caller,
    of: &CartToken,
) -> Result<Option<Kept>, CallError<E>> {
    let (account, token) = (caller.account(), hashed(of));
    if account.is_none() && token.is_none() {
        return Ok(None);
    }
    let found = store::find(carts.db.reader(), account, token).await.map_err(not_done)?;
    if account.is_some() && found.iter().any(|kept| kept.token.is_some()) {
        return merged(carts, account, token).await;
    }
    Ok(found.into_iter().next())
}

async fn merged<E>(
    carts: &Carts,
    account: Option<AccountId>,
    token: Option<TokenHash>,
) -> Result<Option<Kept>, CallError<E>> {
    match carts.run(account, token, Change::Look).await? {
        Ok(changed) => Ok(changed.kept),
        // Looking is never refused.
        Err(_) => Ok(None),
    }
}

/// The caller's cart with the prices of now.
pub async fn get_cart<E>(
    carts: &Carts,
    caller: &Caller,
    of: &CartToken,
) -> Result<CartAnswer, CallError<E>> {
    let kept = kept(carts, caller, of).await?;
    let cart = show(carts, kept, BTreeMap::new()).await.map_err(CallError::never_refused)?;
    Ok(CartAnswer { cart, token: None })
}

/// The caller's cart without prices.
pub async fn contents(
    carts: &Carts,
    caller: &Caller,
    call: &CartContents,
) -> Result<Contents, CallError<NoRefusal>> {
    if call.lately
        && let Some(whose) = whose(caller, &call.of)
        && let Some(contents) = carts.recent.get(whose)
    {
        return Ok(contents);
    }
    let kept = kept::<NoRefusal>(carts, caller, &call.of).await?;
    let nothing = Contents { cart: None, version: 0, lines: Vec::new(), lately: false };
    Ok(kept.map_or(nothing, |kept| recent::contents(kept, false)))
}

/// Whose cart it is, unless a guest's may have to be merged into it.
fn whose(caller: &Caller, of: &CartToken) -> Option<Whose> {
    match (caller.account(), hashed(of)) {
        (Some(account), None) => Some(Whose::Account(account)),
        (None, Some(token)) => Some(Whose::Guest(token)),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// What SKUs cost now, and what they are called.
pub async fn prices(
    carts: &Carts,
    skus: Vec<Sku>,
) -> Result<BTreeMap<Sku, Priced>, CallError<NoRefusal>> {
    if skus.is_empty() {
        return Ok(BTreeMap::new());
    }
    let priced = carts.calls.call(&Caller::Store, PricesOf { skus, categories: false }).await?;
    Ok(priced.into_iter().map(|priced| (priced.sku.clone(), priced)).collect())
}

/// The cart after a change. The change is done: when its prices cannot be had, the outcome is
/// unknown to the one who asked.
pub async fn show_changed<E>(
    carts: &Carts,
    changed: Changed,
    known: BTreeMap<Sku, Priced>,
) -> Result<CartAnswer, CallError<E>> {
    let shown = show(carts, changed.kept, known).await;
    let cart =
        shown.map_err(|error| CallError::Unknown(format!("changed, but not shown: {error}")))?;
    Ok(CartAnswer { cart, token: changed.token })
}

/// A cart as its shopper sees it; `known` are prices that were asked for a moment ago. What is
/// no longer sold leaves the cart now, and is named this once.
async fn show(
    carts: &Carts,
    kept: Option<Kept>,
    known: BTreeMap<Sku, Priced>,
) -> Result<Cart, CallError<NoRefusal>> {
    let Some(mut kept) = kept else { return Ok(empty(carts)) };
    let (mut priced, mut unavailable) = (known, Vec::new());
    // Once, unless something is no longer sold and leaves while another thing is added.
    loop {
        let skus = kept.cart.lines.iter().map(|line| &line.sku);
        let unknown: Vec<Sku> = skus.filter(|sku| !priced.contains_key(*sku)).cloned().collect();
        priced.extend(prices(carts, unknown.clone()).await?);
        let gone: Vec<Sku> = unknown.into_iter().filter(|sku| !priced.contains_key(sku)).collect();
        if gone.is_empty() {
            break;
        }
        unavailable.extend(gone.iter().cloned());
        match carts.run(kept.account, kept.token, Change::Drop(gone)).await? {
            Ok(Changed { kept: Some(now), .. }) => kept = now,
            // Merged or taken by somebody else meanwhile: nothing is left under this name.
            Ok(Changed { kept: None, .. }) | Err(_) => return Ok(empty(carts)),
        }
    }
    remember_shown(carts, &kept, &priced).await;
    Ok(priced_cart(carts, &kept, &priced, unavailable))
}

/// Writes down which prices are shown, where they are others than before: a checkout compares
/// with them. Should that fail, the shopper still sees the cart.
async fn remember_shown(carts: &Carts, kept: &Kept, priced: &BTreeMap<Sku, Priced>) {
    let other = |line: &Line| {
        let price = priced.get(&line.sku)?.price;
        (line.shown_price != Some(price)).then(|| (line.sku.clone(), price))
    };
    let shown: Vec<(Sku, Money)> = kept.cart.lines.iter().filter_map(other).collect();
    if shown.is_empty() {
        return;
    }
    let command = (kept.id, shown);
    let written = carts
        .waves
        .write(command, |wave, (cart, shown)| Box::pin(store::keep_shown(wave, *cart, shown)));
    if let Err(error) = written.await {
        tracing::warn!(%error, "which prices were shown is not written down");
    }
}

fn empty(carts: &Carts) -> Cart {
    let nothing = Money::zero(carts.currency);
    let (items, unavailable) = (Vec::new(), Vec::new());
    Cart { id: None, items, subtotal: nothing, total: nothing, version: 0, unavailable }
}

/// The lines with their prices. A sum beyond what the store reckons with is shown as the most
/// that it does; a checkout refuses it.
fn priced_cart(
    carts: &Carts,
    kept: &Kept,
    priced: &BTreeMap<Sku, Priced>,
    unavailable: Vec<Sku>,
) -> Cart {
    let most = Money::new(Money::MAX_MINOR, carts.currency);
    let line = |line: &Line| {
        let found = priced.get(&line.sku)?;
        Some(CartLine {
            sku: line.sku.clone(),
            title: found.title.clone(),
            slug: found.slug.clone(),
            image: found.image.clone(),
            quantity: line.quantity,
            unit_price: found.price,
            line_total: found.price.times(line.quantity.get()).unwrap_or(most),
        })
    };
    let items: Vec<CartLine> = kept.cart.lines.iter().filter_map(line).collect();
    let sums = items.iter().map(|item| item.line_total);
    let subtotal =
        sums.fold(Money::zero(carts.currency), |sum, line| sum.plus(line).unwrap_or(most));
    let (id, version) = (Some(kept.id), kept.cart.version);
    Cart { id, items, subtotal, total: subtotal, version, unavailable }
}
