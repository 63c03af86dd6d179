//! Says what became of a parcel, or corrects who carries it and its code.
use crate::Orders;
use crate::create_shipment::{not_staff, text_fault};
use crate::parcels::{NotChanged, ParcelChange};
use crate::requests::OrderAnswer;
use crate::store::Locked;
use contracts::caller::Permission;
use contracts::orders::{OrderRefused, UpdateShipment};
use contracts::{CallError, Caller};
use kit::Unexpected;
use kit::calls::Answer;
use kit::wave::Wave;

/// Changes it for staff. It has no key: a repetition finds the parcel as it is to be.
pub async fn update_shipment(
    orders: &Orders,
    caller: &Caller,
    command: UpdateShipment,
) -> Answer<UpdateShipment> {
    if !caller.may(Permission::ManageOrders) {
        return Err(CallError::Refused(not_staff(caller)));
    }
    let texts = [("carrier", &command.carrier), ("tracking", &command.tracking)];
    if let Some(refused) = text_fault(&texts) {
        return Err(CallError::Refused(refused));
    }
    let updated = orders.waves.write(command, |wave, command| Box::pin(run(wave, command)));
    updated.await?.map_err(CallError::Refused)
}

async fn run(wave: &mut Wave, command: &UpdateShipment) -> Result<OrderAnswer, Unexpected> {
    let (mut locked, now) = (Locked::of(wave, &[command.order]).await?, wave.now());
    let change = ParcelChange {
        status: command.status,
        carrier: command.carrier.clone(),
        tracking: command.tracking.clone(),
    };
    let changed =
        locked.change(command.order, |order| order.parcel_is(command.shipment, change, now));
    let answer = match (changed, locked.get(command.order)) {
        (_, None) | (Err(NotChanged::NotFound), _) => return Ok(Err(OrderRefused::NotFound)),
        (Err(NotChanged::WrongState(why)), _) => {
            return Ok(Err(OrderRefused::WrongState { status: why.0 }));
        }
        (Ok(()), Some(order)) => Ok(order.view()),
    };
    locked.save(wave).await?;
    Ok(answer)
}
