//! Hands a parcel of an order to the carrier.
use crate::parcels::{NewParcel, NotSent};
use crate::requests::{self, OrderAnswer};
use crate::store::Locked;
use crate::{Orders, again};
use contracts::caller::Permission;
use contracts::orders::{CreateShipment, OrderRefused};
use contracts::{CallError, Caller};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Request};
use kit::wave::Wave;

/// The longest carrier and code, in characters.
const LONGEST_TEXT: usize = 100;

/// Sends for staff. One transaction: the key's answer is written with the parcel.
pub async fn create_shipment(
    orders: &Orders,
    caller: &Caller,
    command: CreateShipment,
) -> Answer<CreateShipment> {
    if !caller.may(Permission::ManageOrders) {
        return Err(CallError::Refused(not_staff(caller)));
    }
    let texts = [("carrier", &command.carrier), ("tracking", &command.tracking)];
    if let Some(refused) = text_fault(&texts) {
        return Err(CallError::Refused(refused));
    }
    let request = requests::request(orders, "ship", caller, command.order, &command.idempotency);
    let send = Send { request, command };
    // Beside a twin of the same key one of the two is rolled back, and sees the other's answer.
    let sent = again(|| orders.waves.write(send.clone(), |wave, send| Box::pin(run(wave, send))));
    sent.await?.map_err(CallError::Refused)
}

#[derive(Clone)]
struct Send {
    request: Request,
    command: CreateShipment,
}

async fn run(wave: &mut Wave, send: &Send) -> Result<OrderAnswer, Unexpected> {
    let Send { request, command } = send;
    // The order's lock first: a twin with the same key, in another replica, waits here and then
    // finds the answer.
    let mut locked = Locked::of(wave, &[command.order]).await?;
    let known = idempotency::look::<OrderAnswer>(wave, request).await?;
    if let Some(answer) = known.answer(OrderRefused::KeyReused, OrderRefused::InProgress) {
        return Ok(answer);
    }
    if locked.get(command.order).is_none() {
        return Ok(Err(OrderRefused::NotFound));
    }
    let parcel = NewParcel {
        id: wave.id(),
        lines: command.lines.clone(),
        carrier: command.carrier.clone(),
        tracking: command.tracking.clone(),
    };
    let now = wave.now();
    let sent = locked.change(command.order, |order| order.send(parcel, now));
    let answer = match (sent, locked.get(command.order)) {
        (_, None) => return Ok(Err(OrderRefused::NotFound)),
        // A form error is not kept: the key may come again with better lines.
        (Err(NotSent::Line { field, reason }), _) => {
            return Ok(Err(OrderRefused::Invalid { field, reason }));
        }
        (Err(NotSent::WrongState(why)), _) => Err(OrderRefused::WrongState { status: why.0 }),
        (Ok(()), Some(order)) => Ok(order.view()),
    };
    idempotency::keep(wave, request, &answer).await?;
    locked.save(wave).await?;
    Ok(answer)
}

/// What whoever may not ship is told.
pub(crate) fn not_staff(caller: &Caller) -> OrderRefused {
    if *caller == Caller::Guest { OrderRefused::NotLoggedIn } else { OrderRefused::NotAllowed }
}

/// The first text that is given and does not hold what it should.
pub(crate) fn text_fault(texts: &[(&str, &Option<String>)]) -> Option<OrderRefused> {
    let fault = |text: &str| {
        if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
            return Some(format!("must have 1 to {LONGEST_TEXT} characters"));
        }
        let control = text.chars().any(char::is_control);
        control.then(|| "must not contain control characters".to_owned())
    };
    texts.iter().find_map(|(field, text)| {
        let reason = text.as_deref().and_then(fault)?;
        Some(OrderRefused::Invalid { field: (*field).to_owned(), reason })
    })
}
