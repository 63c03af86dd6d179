//! Ends orders that nobody paid in time: the one clock that decides.
use crate::order::Order;
use crate::store::{self, Locked, Overdue};
use crate::{Orders, begin_closing};
use contracts::orders::{CancelReason, OrderStatus};
use contracts::payments::{ClosePayment, Closing};
use contracts::{Caller, OrderId};
use futures_util::future::join_all;
use kit::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;

/// How many payments are closed at a time.
const AT_A_TIME: u64 = 200;

/// One turn of the worker: closes the payment of every overdue order and cancels it, or pays it
/// where the money came first. What cannot be closed now is left for the next turn.
///
/// Correct beside another replica's: closing repeats harmlessly, and an order that is decided
/// stays as it is.
pub async fn expire_orders(orders: &Orders) -> Result<Worked, Unexpected> {
    let (now, mut after) = (orders.sources.now(), None);
    loop {
        let overdue = store::overdue(orders.db.reader(), now, after, AT_A_TIME).await?;
        let (found, last) = (overdue.len() as u64, overdue.last().copied());
        if found == 0 {
            return Ok(Worked::Idle);
        }
        let overdue = begin_closing::to_expire(orders, overdue).await?;
        let closing = join_all(overdue.iter().map(|overdue| close(orders, overdue))).await;
        let closed: Vec<(OrderId, Closing)> = closing.into_iter().flatten().collect();
        if !closed.is_empty() {
            let concluded = orders
                .waves
                .write(closed, |wave, closed: &Vec<_>| Box::pin(conclude(wave, closed)));
            concluded.await.map_err(Unexpected::from_error)?;
        }
        if found < AT_A_TIME {
            return Ok(Worked::Idle);
        }
        // Behind those that could not be closed, so that they hold nobody up.
        after = last;
    }
}

async fn close(orders: &Orders, overdue: &Overdue) -> Option<(OrderId, Closing)> {
    let Overdue { order, payment, .. } = *overdue;
    match orders.calls.call(&Caller::Store, ClosePayment { order, payment }).await {
        Ok(closing) => Some((order, closing)),
        Err(error) => {
            let error = error.never_refused::<()>();
            tracing::warn!(%order, %error, "a payment was not closed; it is tried again");
            None
        }
    }
}

async fn conclude(wave: &mut Wave, closed: &[(OrderId, Closing)]) -> Result<(), Unexpected> {
    let ids: Vec<OrderId> = closed.iter().map(|(order, _)| *order).collect();
    let (mut locked, now) = (Locked::of(wave, &ids).await?, wave.now());
    for (id, closing) in closed {
        let concluded = locked.change(*id, |order: &mut Order| match closing {
            Closing::Captured { amount } => order.captured_at_closing(*amount, now),
            // Paid or cancelled while its payment was being closed: that stands.
            Closing::Closed if order.status != OrderStatus::Pending => Ok(None),
            Closing::Closed => Ok(order.cancel(CancelReason::Expired, now).ok().flatten()),
        });
        if let Err(error) = concluded {
            // It stays pending for staff to look at, and holds up nobody else.
            tracing::error!(%error, "an overdue order cannot be concluded");
        }
    }
    locked.save(wave).await
}
