//! A paid order, or one that is paid later: what was ordered leaves the cart, and what was added
//! meanwhile stays.
use crate::store::{self, Kept};
use contracts::inventory::StockLine;
use contracts::orders::{OrderPaid, OrderPlaced};
use contracts::{CartId, OrderId, Quantity, Sku};
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::{BTreeMap, BTreeSet};

/// What leaves which cart for an order.
struct Ordered<'a> {
    order: OrderId,
    cart: CartId,
    lines: &'a [StockLine],
    /// Whether it is heard of once only: that it was placed had no effect, and that it is paid is
    /// told once.
    once: bool,
}

/// Takes the quantities of paid orders out of their carts, by the set.
/// # Errors
/// When the database fails.
pub async fn take_paid(wave: &mut Wave, heard: &[Heard<OrderPaid>]) -> Result<(), Unexpected> {
    let paid = heard.iter().map(|heard| &*heard.event);
    let all = paid.map(|paid| Ordered {
        order: paid.order,
        cart: paid.cart,
        lines: &paid.lines,
        once: paid.placed_with.is_some_and(|method| !method.pays_later()),
    });
    take_ordered(wave, all.collect()).await
}

/// Does so when an order is placed that is to be paid by transfer or on delivery (others are not
/// heard of): its shopper's part is done, and what stayed in the cart for days would be ordered twice.
/// # Errors
/// When the database fails.
pub async fn take_placed(wave: &mut Wave, heard: &[Heard<OrderPlaced>]) -> Result<(), Unexpected> {
    let all = heard.iter().map(|heard| Ordered {
        order: heard.event.order,
        cart: heard.event.cart,
        lines: &heard.event.lines,
        once: false,
    });
    take_ordered(wave, all.collect()).await
}

/// An order that was taken has its row in `taken_orders`, and is passed over when it is heard of
/// again, placed or paid.
async fn take_ordered(wave: &mut Wave, ordered: Vec<Ordered<'_>>) -> Result<(), Unexpected> {
    let again = ordered.iter().filter(|ordered| !ordered.once).map(|ordered| ordered.order);
    let taken = store::taken(wave, &again.collect::<Vec<OrderId>>()).await?;
    let fresh: Vec<_> = ordered.iter().filter(|it| !taken.contains(&it.order)).collect();
    let before = lock(wave, fresh.iter().map(|paid| paid.cart).collect()).await?;
    let mut after = before.clone();
    for paid in &fresh {
        // A guest who logged in meanwhile took the lines along.
        let id = before.get(&paid.cart).and_then(|kept| kept.merged_into).unwrap_or(paid.cart);
        if let Some(kept) = after.get_mut(&id) {
            let lines: Vec<(Sku, Quantity)> =
                paid.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect();
            kept.cart.take(&lines);
        }
    }
    store::save(wave, &before, &after).await?;
    let again = fresh.iter().filter(|ordered| !ordered.once).map(|ordered| ordered.order);
    store::keep_taken(wave, again.collect()).await
}

/// Locks carts, and those that they were merged into (never further: an account's cart is not
/// merged).
async fn lock(wave: &Wave, ids: BTreeSet<CartId>) -> Result<BTreeMap<CartId, Kept>, Unexpected> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut carts = store::lock_ids(wave, &ids).await?;
    let into: BTreeSet<CartId> = carts
        .iter()
        .filter_map(|kept| kept.merged_into)
        .filter(|into| !ids.contains(into))
        .collect();
    if !into.is_empty() {
        carts.extend(store::lock_ids(wave, &into).await?);
    }
    Ok(carts.into_iter().map(|kept| (kept.id, kept)).collect())
}
