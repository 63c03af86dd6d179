//! Captures what is paid in cash when the order has arrived.
use crate::give_back::{GiveBack, give_back};
use crate::ledger::{Movement, Positive, Purse};
use crate::payment::Capture;
use crate::store::Sheet;
use crate::store::confirmations::Confirmation;
use contracts::PaymentId;
use contracts::orders::OrderDelivered;
use contracts::payments::PaymentMethod;
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;

/// What staff read as the reason of such a refund.
const TOO_LATE: &str = "paid on delivery after the payment had ended";

/// Set-based. The carrier took the cash: what is told is a fact, so that cash for a payment that
/// had ended is owed to whoever paid it. A payment that was captured before (the message came
/// again, or another method paid) stays as it is.
/// # Errors
/// When the database fails, or a payment is not known: orders tell of an order's placing first.
pub async fn capture_delivered(
    wave: &mut Wave,
    heard: &[Heard<OrderDelivered>],
) -> Result<(), Unexpected> {
    let in_cash = heard.iter().filter(|heard| heard.event.method == PaymentMethod::CashOnDelivery);
    let in_cash: Vec<PaymentId> = in_cash.map(|heard| heard.event.payment).collect();
    if in_cash.is_empty() {
        return Ok(());
    }
    let mut sheet = Sheet::default();
    sheet.load_payments(wave, in_cash.iter().copied()).await?;
    for id in in_cash {
        capture(&mut sheet, wave, id)?;
    }
    sheet.save(wave).await
}

fn capture(sheet: &mut Sheet, wave: &mut Wave, id: PaymentId) -> Result<(), Unexpected> {
    let unknown = || Unexpected::new(format!("payment {id} was made on delivery and is not known"));
    let payment = sheet.payments.get_mut(id).ok_or_else(unknown)?;
    if payment.method != PaymentMethod::CashOnDelivery {
        return Err(Unexpected::new(format!("payment {id} is not one on delivery")));
    }
    let capture = payment.capture();
    let (version, order, amount) = (payment.version, payment.order, payment.amount);
    let Some(positive) = Positive::of(amount).filter(|_| capture != Capture::Known) else {
        return Ok(());
    };
    sheet.post(Movement::purchase(Purse::Cash, positive, order))?;
    sheet.confirm(Confirmation {
        id: wave.id(),
        subject: id.0,
        payment: id,
        by: None,
        kind: "capture".to_owned(),
        amount,
        at: wave.now(),
    });
    if capture == Capture::Stands {
        sheet.captured(id, version);
        return Ok(());
    }
    let back = give_back(sheet, wave, id, GiveBack::all(TOO_LATE))?;
    back.map(drop).map_err(Unexpected::from_error)
}
