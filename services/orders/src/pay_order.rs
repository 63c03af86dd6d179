//! Completes a payment that requires an action, or starts another method on a pending order.
//!
//! Another payment is written down before payments is asked for it, so that the order knows it
//! when its events come. Until payments confirms it, the present payment may still be captured:
//! the order is paid by whichever comes.
use crate::order::{News, NextPayment, Order, WrongState, status_name};
use crate::requests::{self, OrderAnswer};
use crate::store::Locked;
use crate::{Orders, methods, queries};
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
    let (config, has_account) = (&orders.config, order.account.is_some());
    let fault = |with| methods::pay_with_fault(config, has_account, with);
    if let Some((field, reason)) = command.payment.as_ref().and_then(fault) {
        return Err(CallError::Refused(OrderRefused::Invalid { field, reason }));
    }
    let (of, key) = (&command.of, &command.idempotency);
    let request = match requests::begin(orders, "pay", caller, of, key).await {
        Ok(request) => request,
        Err(ending) => return ending,
    };
    // The try's id is the new payment's: whoever takes the key over goes on with it.
    let next = command.payment.as_ref().map(|with| NextPayment {
        id: PaymentId(request),
        method: with.method,
        expires_at: methods::waits(config, with.method)
            .map(|waits| orders.sources.now().after(waits)),
    });
    let pay = Pay { order: order.id, request, next };
    let bank_account = next.and_then(|next| methods::bank_account(config, next.method));
    let begun = orders
        .waves
        .write((pay, bank_account), |wave, (pay, account)| Box::pin(begin(wave, pay, account)));
    let begun = begun.await?;
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
    /// An event was faster than the try that this one takes over, or the order is to be paid so
    /// already: there is nothing to ask for.
    Known(Box<contracts::orders::Order>),
}

/// Writes the new payment down.
async fn begin(
    wave: &mut Wave,
    pay: &Pay,
    bank_account: &Option<String>,
) -> Result<Result<Begun, OrderRefused>, Unexpected> {
    let mut locked = Locked::of(wave, &[pay.order]).await?;
    let Some(order) = locked.get(pay.order) else { return Ok(Err(OrderRefused::NotFound)) };
    let known =
        |next: NextPayment| next.id == order.payment.id || order.is_to_be_paid_by(next.method);
    if pay.next.is_some_and(known) {
        let answer = Ok(order.view());
        requests::end(wave, pay.request, Some(&answer)).await?;
        return Ok(answer.map(|order| Begun::Known(Box::new(order))));
    }
    let switched = match pay.next {
        None if order.status == OrderStatus::Pending => Ok(()),
        None => Err(order.wrong_state()),
        Some(next) => locked.change(pay.order, |order: &mut Order| {
            order.switch_to(next, bank_account.clone()).map(|()| None::<News>)
        }),
    };
    if let Err(WrongState(status)) = switched {
        let answer = Err(OrderRefused::WrongState { status });
        requests::end(wave, pay.request, Some(&answer)).await?;
        return Ok(answer.map(|order| Begun::Known(Box::new(order))));
    }
    let Some(order) = locked.get(pay.order).cloned() else {
        return Ok(Err(OrderRefused::NotFound));
    };
    locked.save(wave).await?;
    Ok(Ok(Begun::Ask(Box::new(order))))
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
        return order.captured(asked, order.quote.total, None, now);
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
