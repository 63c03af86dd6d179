//! Gives back what was captured, on a sheet: how every refund begins and ends.
use crate::attempt::{Attempt, Purpose, Step};
use crate::ledger::{Movement, Positive, Purse};
use crate::provider;
use crate::store::{RefundRow, Sheet};
use contracts::payments::{RefundRefused, RefundStatus};
use contracts::{Money, PaymentId, RefundId};
use kit::Unexpected;
use kit::wave::Wave;

/// Gives back `amount` of a payment, or all that is left: to a wallet at once, to a card by the
/// worker. The payment, and the wallet that it goes to, must be on the sheet. A refusal changes
/// nothing.
/// # Errors
/// When the sheet does not fit together.
pub fn give_back(
    sheet: &mut Sheet,
    wave: &mut Wave,
    payment: PaymentId,
    amount: Option<Money>,
    reason: &str,
) -> Result<Result<RefundRow, RefundRefused>, Unexpected> {
    let Some(found) = sheet.payments.get_mut(payment) else {
        return Ok(Err(RefundRefused::NotFound));
    };
    let amount = match found.promise(amount) {
        Ok(amount) => amount,
        Err(refused) => return Ok(Err(refused)),
    };
    let (purse, charge) = (found.purse(), found.charge);
    let refund: RefundId = wave.id();
    let row = RefundRow {
        id: refund,
        payment,
        amount,
        reason: reason.to_owned(),
        status: RefundStatus::Pending,
        created_at: wave.now(),
    };
    sheet.refunds.add(refund, row);
    if let (Some(Purse::Card), Some(charge)) = (purse, charge) {
        let (key, purpose) = (wave.id(), Purpose::Refund { payment, refund, charge });
        let attempt = Attempt::new(key, Step::Refund, purpose, amount, None, wave.now());
        sheet.attempts.add(key, attempt);
        wave.wake(provider::WORKER);
    } else {
        given_back(sheet, wave, refund)?;
    }
    let row = sheet.refunds.get(refund).cloned();
    Ok(row.ok_or(RefundRefused::NotFound))
}

/// The money of a refund went back: books and tells it. One that is done changes nothing.
/// # Errors
/// When the sheet does not fit together.
pub fn given_back(sheet: &mut Sheet, wave: &mut Wave, refund: RefundId) -> Result<(), Unexpected> {
    let lost = || Unexpected::new(format!("refund {refund} lacks its payment"));
    let row = sheet.refunds.get_mut(refund).ok_or_else(lost)?;
    if row.status == RefundStatus::Done {
        return Ok(());
    }
    row.status = RefundStatus::Done;
    let (amount, payment) = (row.amount, row.payment);
    let payment = sheet.payments.get_mut(payment).ok_or_else(lost)?;
    let news = payment.give_back(refund, amount);
    let (version, order, purse) = (payment.version, payment.order, payment.purse());
    let (purse, amount) = purse.zip(Positive::of(amount)).ok_or_else(lost)?;
    sheet.post(Movement::refund(purse, amount, order))?;
    wave.tell(version, news)
}
