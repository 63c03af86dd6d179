//! Ends an order of which nothing is on its way yet; what was paid goes back.
use crate::order::WrongState;
use crate::requests::{self, OrderAnswer};
use crate::store::Locked;
use crate::{Orders, begin_closing, queries};
use contracts::orders::{CancelOrder, CancelReason, OrderRefused, OrderStatus};
use contracts::payments::{ClosePayment, Closing};
use contracts::{CallError, Caller, OrderId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::wave::Wave;
use uuid::Uuid;

/// Cancels for the owner, or for staff. A pending order's payment is closed first, so that no
/// money comes any more; where it came before, the order is paid and cancelled in one go.
pub async fn cancel_order(
    orders: &Orders,
    caller: &Caller,
    command: CancelOrder,
) -> Answer<CancelOrder> {
    let order = queries::open(orders, caller, &command.of).await?;
    let (of, key) = (&command.of, &command.idempotency);
    let request = match requests::begin(orders, "cancel", caller, of, key).await {
        Ok(request) => request,
        Err(ending) => return ending,
    };
    let closing = match order.status {
        OrderStatus::Pending => match close(orders, order.id).await {
            Ok(closing) => closing,
            // Decided below, and kept.
            Err(CallError::Refused(_)) => None,
            Err(error) => {
                // Nothing to undo: closing repeats harmlessly, and the clock ends the order.
                requests::forget(orders, request).await;
                return Err(error);
            }
        },
        _ => None,
    };
    let is_owner = queries::owns(orders, caller, &command.of, &order)?;
    let reason = if is_owner { CancelReason::ByShopper } else { CancelReason::ByStaff };
    let cancel = Cancel { order: order.id, request, closing, reason };
    let answer =
        orders.waves.write(cancel, |wave, cancel| Box::pin(conclude(wave, cancel))).await?;
    answer.map_err(CallError::Refused)
}

/// Marks the order, so that nothing is sent meanwhile, and closes its payment; none where it was
/// decided before.
async fn close(
    orders: &Orders,
    order: OrderId,
) -> Result<Option<Closing>, CallError<OrderRefused>> {
    let Some(payment) = begin_closing::to_cancel(orders, order).await? else { return Ok(None) };
    let close = ClosePayment { order, payment };
    orders.calls.call(&Caller::Store, close).await.map(Some).map_err(CallError::never_refused)
}

struct Cancel {
    order: OrderId,
    request: Uuid,
    closing: Option<Closing>,
    reason: CancelReason,
}

async fn conclude(wave: &mut Wave, cancel: &Cancel) -> Result<OrderAnswer, Unexpected> {
    let (mut locked, now) = (Locked::of(wave, &[cancel.order]).await?, wave.now());
    if let Some(Closing::Captured { amount }) = cancel.closing {
        locked
            .change(cancel.order, |order| order.captured_at_closing(amount, now))
            .map_err(Unexpected::from_error)?;
    }
    let cancelled = locked.change(cancel.order, |order| order.cancel(cancel.reason, now));
    let answer = match (cancelled, locked.get(cancel.order)) {
        (_, None) => Err(OrderRefused::NotFound),
        (Ok(()), Some(order)) => Ok(order.view()),
        (Err(WrongState(status)), Some(_)) => Err(OrderRefused::WrongState { status }),
    };
    locked.save(wave).await?;
    requests::end(wave, cancel.request, Some(&answer)).await?;
    Ok(answer)
}
