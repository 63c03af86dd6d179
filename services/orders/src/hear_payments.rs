//! What payments and inventory tell about orders. HOT, and by the set.
//!
//! The inbox drops what comes twice. Beyond that each fact is known by the order's state: one
//! that was heard, or came too late, finds the order decided and changes nothing.
use crate::order::{News, Whole};
use crate::store::Locked;
use contracts::inventory::StockMissing;
use contracts::payments::{PaymentActionRequired, PaymentCaptured, PaymentFailed, PaymentRefunded};
use contracts::{Event, OrderId};
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;
use std::convert::Infallible;

/// Pays pending orders. Money for another payment, or for an order that ended, is given back by
/// payments, which closed it; an amount that nobody asked for is parked for staff.
pub async fn payment_captured(
    wave: &mut Wave,
    heard: &[Heard<PaymentCaptured>],
) -> Result<(), Unexpected> {
    let (mut locked, now) = (lock(wave, heard, |event| event.order).await?, wave.now());
    for event in heard.iter().map(|heard| &heard.event) {
        locked
            .change(event.order, |order| {
                order.captured(event.payment, event.amount, event.receipt, now)
            })
            .map_err(Unexpected::from_error)?;
    }
    locked.save(wave).await
}

/// Cancels pending orders whose present payment was refused.
pub async fn payment_failed(
    wave: &mut Wave,
    heard: &[Heard<PaymentFailed>],
) -> Result<(), Unexpected> {
    let (mut locked, now) = (lock(wave, heard, |event| event.order).await?, wave.now());
    for event in heard.iter().map(|heard| &heard.event) {
        let Ok(()) = locked.change(event.order, |order| {
            Ok::<_, Infallible>(order.payment_failed(event.payment, &event.failure_code, now))
        });
    }
    locked.save(wave).await
}

/// Shows that the shopper has to confirm the payment.
pub async fn action_required(
    wave: &mut Wave,
    heard: &[Heard<PaymentActionRequired>],
) -> Result<(), Unexpected> {
    let mut locked = lock(wave, heard, |event| event.order).await?;
    for event in heard.iter().map(|heard| &heard.event) {
        let Ok(()) = locked.change(event.order, |order| {
            order.action_required(event.payment);
            Ok::<_, Infallible>(None::<News>)
        });
    }
    locked.save(wave).await
}

/// Shows what went back. An order whose money went back whole ends, unless it has: one that was
/// cancelled hears here what its cancellation brought about.
pub async fn payment_refunded(
    wave: &mut Wave,
    heard: &[Heard<PaymentRefunded>],
) -> Result<(), Unexpected> {
    let (mut locked, now) = (lock(wave, heard, |event| event.order).await?, wave.now());
    for event in heard.iter().map(|heard| &heard.event) {
        let whole = event.whole.then_some(Whole { restock: event.restock });
        let Ok(()) = locked.change(event.order, |order| {
            Ok::<_, Infallible>(order.refunded(event.payment, event.refunded, whole, now))
        });
    }
    locked.save(wave).await
}

/// Cancels paid orders that cannot be taken from the shelf.
pub async fn stock_missing(
    wave: &mut Wave,
    heard: &[Heard<StockMissing>],
) -> Result<(), Unexpected> {
    let (mut locked, now) = (lock(wave, heard, |event| event.order).await?, wave.now());
    for event in heard.iter().map(|heard| &heard.event) {
        let Ok(()) =
            locked.change(event.order, |order| Ok::<_, Infallible>(order.stock_missing(now)));
    }
    locked.save(wave).await
}

async fn lock<E: Event>(
    wave: &Wave,
    heard: &[Heard<E>],
    order: impl Fn(&E) -> OrderId,
) -> Result<Locked, Unexpected> {
    let orders: Vec<OrderId> = heard.iter().map(|heard| order(&heard.event)).collect();
    Locked::of(wave, &orders).await
}
