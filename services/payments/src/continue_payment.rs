//! Completes the action that a payment requires, or starts another payment in its place.
use crate::close_payment::void_open;
use crate::provider;
use crate::start_payments::{StartPayment, Terms, begin};
use crate::store::Sheet;
use contracts::payments::{ContinuePayment, ContinueRefused, NewPayment, PaymentStatus};
use kit::Unexpected;
use kit::wave::Wave;

/// Answers where the payment stands then; the provider's own answer is told when it comes.
/// # Errors
/// When the database fails.
pub async fn continue_payment(
    wave: &mut Wave,
    terms: &Terms,
    command: &ContinuePayment,
) -> Result<Result<PaymentStatus, ContinueRefused>, Unexpected> {
    let order = command.order;
    let mut sheet = Sheet::default();
    sheet.load_bills(wave, [order]).await?;
    sheet.load_payments_of(wave, [order]).await?;
    sheet.load_open_charges(wave).await?;
    let answer = match &command.instead {
        None => complete(&mut sheet, wave, command),
        Some(new) => {
            let pays = start(command, new).wallet();
            sheet.load_wallets(wave, pays).await?;
            replace(&mut sheet, wave, terms, command, new)?
        }
    };
    if answer.is_ok() {
        sheet.save(wave).await?;
    }
    Ok(answer)
}

/// The shopper confirmed the present payment. A repetition is known by the payment, which says
/// that it was continued.
fn complete(
    sheet: &mut Sheet,
    wave: &mut Wave,
    command: &ContinuePayment,
) -> Result<PaymentStatus, ContinueRefused> {
    let payment = sheet.payments.get_mut(command.payment).ok_or(ContinueRefused::NotFound)?;
    let was_asked = payment.continued;
    if payment.go_on() {
        let charge = payment.charge.and_then(|charge| sheet.attempts.get_mut(charge));
        if let Some(charge) = charge {
            // One that is being voided meanwhile stays so.
            let _ = charge.complete(wave.now());
            wave.wake(provider::WORKER);
        }
        return Ok(PaymentStatus::RequiresAction);
    }
    let status = payment.status;
    if was_asked { Ok(status) } else { Err(ContinueRefused::WrongState { status }) }
}

/// Another payment takes the place of the present one, which is voided. A repetition is known
/// by the new payment being there.
fn replace(
    sheet: &mut Sheet,
    wave: &mut Wave,
    terms: &Terms,
    command: &ContinuePayment,
    new: &NewPayment,
) -> Result<Result<PaymentStatus, ContinueRefused>, Unexpected> {
    if let Some(known) = sheet.payments.get(new.payment) {
        return Ok(Ok(known.status));
    }
    let Some(bill) = sheet.bills.get(command.order) else {
        return Ok(Err(ContinueRefused::NotFound));
    };
    let (present, closed) = (bill.present, bill.closed);
    // Money of a payment that was replaced before is to go back, and pays nothing.
    let captured =
        sheet.payments.iter().find(|payment| payment.is_captured() && present == Some(payment.id));
    if let Some(captured) = captured {
        return Ok(Err(ContinueRefused::WrongState { status: captured.status }));
    }
    match sheet.payments.get(command.payment) {
        // It was replaced by another one before.
        Some(old) if present != Some(old.id) => {
            return Ok(Err(ContinueRefused::WrongState { status: old.status }));
        }
        None if !closed => return Ok(Err(ContinueRefused::NotFound)),
        _ => {}
    }
    void_open(sheet, wave, command.order);
    if let Some(bill) = sheet.bills.get_mut(command.order) {
        bill.present = Some(new.payment);
    }
    begin(sheet, wave, terms, start(command, new))?;
    Ok(sheet.payments.get(new.payment).map(|new| new.status).ok_or(ContinueRefused::NotFound))
}

fn start(command: &ContinuePayment, new: &NewPayment) -> StartPayment {
    StartPayment {
        payment: new.payment,
        order: command.order,
        account: command.account,
        method: new.with.method,
        token: new.with.token.clone(),
        amount: command.amount,
    }
}
