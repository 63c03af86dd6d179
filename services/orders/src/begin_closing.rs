//! Marks an order whose payment is about to be closed, before payments is asked.
//!
//! A payment that is closed pays no more, so that nothing may be sent then that is to be paid on
//! delivery, and no other payment begun. Whoever ships and whoever closes lock the order: one of
//! them comes first. The mark stays until the order is paid or cancelled, though closing fails:
//! somebody wanted it to end, and nobody knows whether payments has closed it. Whoever is
//! interrupted in between leaves the rest to the clock, which ends the order soon, also one that
//! would have waited for days or for ever.
use crate::Orders;
use crate::store::{self, Locked, Overdue};
use contracts::orders::{OrderRefused, OrderStatus};
use contracts::{CallError, OrderId, PaymentId};
use kit::Unexpected;
use kit::wave::Wave;
use std::time::Duration;

/// How long cancelling an order may take before the clock does it.
const LONGEST_CANCEL: Duration = Duration::from_secs(60);

/// Marks one order that is to be cancelled, and answers which payment is to be closed; none
/// where the order is decided and closing would come too late.
pub async fn to_cancel(
    orders: &Orders,
    order: OrderId,
) -> Result<Option<PaymentId>, CallError<OrderRefused>> {
    let marked = orders.waves.write(order, |wave, order| Box::pin(mark(wave, *order))).await?;
    marked.map_err(CallError::Refused)
}

async fn mark(
    wave: &mut Wave,
    id: OrderId,
) -> Result<Result<Option<PaymentId>, OrderRefused>, Unexpected> {
    let locked = Locked::of(wave, &[id]).await?;
    let Some(order) = locked.get(id) else { return Ok(Err(OrderRefused::NotFound)) };
    if order.status != OrderStatus::Pending {
        return Ok(Ok(None));
    }
    if !order.shipments.is_empty() {
        return Ok(Err(OrderRefused::WrongState { status: order.wrong_state().0 }));
    }
    store::mark_closing(wave, &[id]).await?;
    store::end_by(wave, id, wave.now().after(LONGEST_CANCEL)).await?;
    Ok(Ok(Some(order.latest_payment())))
}

/// Marks those of `overdue` that still are, and answers them as they are now.
pub async fn to_expire(orders: &Orders, overdue: Vec<Overdue>) -> Result<Vec<Overdue>, Unexpected> {
    let marked = orders.waves.write(overdue, |wave, overdue: &Vec<Overdue>| {
        Box::pin(async move {
            let ids: Vec<OrderId> = overdue.iter().map(|overdue| overdue.order).collect();
            let (locked, now) = (Locked::of(wave, &ids).await?, wave.now());
            let still = ids.iter().filter_map(|id| {
                let order = locked.get(*id)?;
                let expires_at = order.expires_at.filter(|at| *at <= now)?;
                let payment = order.latest_payment();
                Some((order.closing, Overdue { order: *id, expires_at, payment }))
            });
            let still: Vec<(bool, Overdue)> = still.collect();
            let fresh: Vec<OrderId> =
                still.iter().filter(|(closing, _)| !closing).map(|(_, o)| o.order).collect();
            store::mark_closing(wave, &fresh).await?;
            Ok(still.into_iter().map(|(_, overdue)| overdue).collect())
        })
    });
    marked.await.map_err(Unexpected::from_error)
}
