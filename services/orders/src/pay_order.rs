//! Completes a payment that requires an action, or starts another method on a pending order.
//!
//! Another payment is written down before payments is asked for it, so that the order knows it
//! when its events come. Until payments confirms it, the present payment may still be captured:
//! the order is paid by whichever comes.
use crate::checkout::pay_with_fault;
use crate::order::{News, NextPayment, Order, WrongState, status_name};
use crate::requests::{self, OrderAnswer};
use crate::store::Locked;
use crate::{Orders, queries};
use contracts::orders::{OrderRefused, OrderStatus, PayOrder};
use contracts::payments::{ContinuePayment, ContinueRefused, NewPayment, PaymentStatus};
use contracts::{CallError, Caller, OrderId, PaymentId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::wave::Wave;
use std::convert::Infallible;
use uuid::Uuid;

/// Pays for the owner.
pub async fn pay_order(orders: &Orders, caller: &Caller, command: PayOrder) -> Answer<PayOrder> {
    let order = queries::open(orders, caller, &command.of).await?;
    if !queries::owns(orders, caller, &command.of, &order)? {
        // Staff see it, and have nothing to pay it with.
        return Err(CallError::Refused(OrderRefused::NotFound));
    }
    let with_fault =
        command.payment.as_ref().and_then(|with| pay_with_fault(order.account.is_some(), with));
    if let Some((field, reason)) = with_fault {
        return Err(CallError::Refused(OrderRefused::Invalid { field, reason }));
    }
    let (of, key) = (&command.of, &command.idempotency);
    let request = match requests::begin(orders, "pay", caller, of, key).await {
        Ok(request) => request,
        Err(ending) => return ending,
    };
    // The try's id is the new payment's: whoever takes the key over goes on with it.
    let next = command
        .payment
        .as_ref()
        .map(|with| NextPayment { id: PaymentId(request), method: with.method });
    let pay = Pay { order: order.id, request, next };
    let begun = orders.waves.write(pay, |wave, pay| Box::pin(begin(wave, pay))).await?;
    let order = match begun.map_err(CallError::Refused)? {
        Begun::Ask(order) => *order,
        Begun::Known(order) => return Ok(*order),
    };
    let ask = ContinuePayment {
        order: order.id,
        account: order.account,
        payment: order.payment.id,
        amount: order.quote.total,
        instead: command.payment.map(|with| NewPayment { payment: PaymentId(request), with }),
    };
    let answered = match orders.calls.call(&Caller::Store, ask).await {
        // It may have begun. The key stays leased, and whoever repeats it asks the same again.
        Err(CallError::Unknown(why)) => return Err(CallError::Unknown(why)),
        answered => answered,
    };
    let conclude_with = Concluding { pay, present: order.payment.id, answered };
    let concluded =
        orders.waves.write(conclude_with, |wave, c| Box::pin(conclude(wave, c))).await?;
    concluded.map_err(|error| match error {
        Some(refused) => CallError::Refused(refused),
        None => CallError::NotDone("payments did not go on with it".to_owned()),
    })
}

#[derive(Clone, Copy)]
struct Pay {
    order: OrderId,
    request: Uuid,
    next: Option<NextPayment>,
}

enum Begun {
    /// Payments has to be asked.
    Ask(Box<Order>),
    /// An event was faster than the try that this one takes over: the payment has begun.
    Known(Box<contracts::orders::Order>),
}

/// Writes the new payment down.
async fn begin(wave: &mut Wave, pay: &Pay) -> Result<Result<Begun, OrderRefused>, Unexpected> {
    let mut locked = Locked::of(wave, &[pay.order]).await?;
    let Some(order) = locked.get(pay.order) else { return Ok(Err(OrderRefused::NotFound)) };
    if pay.next.is_some_and(|next| next.id == order.payment.id) {
        let answer = Ok(order.view());
        requests::end(wave, pay.request, Some(&answer)).await?;
        return Ok(answer.map(|order| Begun::Known(Box::new(order))));
    }
    if order.status != OrderStatus::Pending {
        let answer = Err(wrong_state(order.status));
        requests::end(wave, pay.request, Some(&answer)).await?;
        return Ok(answer.map(|order| Begun::Known(Box::new(order))));
    }
    if let Some(next) = pay.next {
        let switch = |order: &mut Order| order.switch_to(next).map(|()| None::<News>);
        if let Err(WrongState(status)) = locked.change(pay.order, switch) {
            return Ok(Err(wrong_state(status)));
        }
    }
    let Some(order) = locked.get(pay.order).cloned() else {
        return Ok(Err(OrderRefused::NotFound));
    };
    locked.save(wave).await?;
    Ok(Ok(Begun::Ask(Box::new(order))))
}

fn wrong_state(status: OrderStatus) -> OrderRefused {
    OrderRefused::WrongState { status: status_name(status).to_owned() }
}

struct Concluding {
    pay: Pay,
    present: PaymentId,
    answered: Answer<ContinuePayment>,
}

/// Takes in what payments answered. No refusal in the error means that nothing was done.
async fn conclude(
    wave: &mut Wave,
    concluding: &Concluding,
) -> Result<Result<contracts::orders::Order, Option<OrderRefused>>, Unexpected> {
    let Concluding { pay, present, answered } = concluding;
    let (mut locked, now) = (Locked::of(wave, &[pay.order]).await?, wave.now());
    let Ok(()) = locked.change(pay.order, |order| {
        Ok::<_, Infallible>(match (answered, pay.next) {
            (Ok(_), Some(next)) => {
                order.switched(next.id);
                None
            }
            (Err(_), Some(next)) => order.not_switched(next.id, now),
            (_, None) => None,
        })
    });
    if let Ok(status) = answered {
        let asked = pay.next.map_or(*present, |next| next.id);
        locked
            .change(pay.order, |order| goes_on(order, asked, *status, now))
            .map_err(Unexpected::from_error)?;
    }
    let order = locked.get(pay.order).map(Order::view);
    locked.save(wave).await?;
    let answer: OrderAnswer = match (answered, order) {
        (_, None) => Err(OrderRefused::NotFound),
        (Ok(_), Some(order)) => Ok(order),
        (Err(CallError::Refused(ContinueRefused::WrongState { status })), Some(order)) => {
            Err(payment_wrong_state(order.status, *status))
        }
        (Err(_), Some(_)) => {
            // Payments has not heard of the order yet, or did not do it: the key tries again.
            requests::end(wave, pay.request, None).await?;
            return Ok(Err(None));
        }
    };
    requests::end(wave, pay.request, Some(&answer)).await?;
    Ok(answer.map_err(Some))
}

/// What payments answers about the payment that it was asked for. A refusal comes as an event,
/// which tells why; a capture pays at once, and its event finds the order paid.
fn goes_on(
    order: &mut Order,
    asked: PaymentId,
    status: PaymentStatus,
    now: contracts::Timestamp,
) -> Result<Option<News>, crate::order::WrongAmount> {
    if status == PaymentStatus::Captured {
        return order.captured(asked, order.quote.total, now);
    }
    if order.payment.id == asked {
        order.payment_is(status);
    }
    Ok(None)
}

fn payment_wrong_state(order: OrderStatus, payment: PaymentStatus) -> OrderRefused {
    let payment = crate::store::payment_word(payment);
    OrderRefused::WrongState { status: format!("{}, its payment {payment}", status_name(order)) }
}
