//! Books a refund that staff gave back by hand: of a bank transfer, of cash, or one that the
//! card's provider declined for good.
use crate::Payments;
use crate::give_back::given_back;
use crate::ledger::Purse;
use crate::refund_payment::who;
use crate::store::Sheet;
use crate::store::confirmations::Confirmation;
use crate::transactions;
use contracts::caller::Permission;
use contracts::payments::{ConfirmRefund, ConfirmRefused, Refund, RefundStatus};
use contracts::{AccountId, CallError, Caller, PaymentId, RefundId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Request};
use kit::wave::Wave;

type ConfirmAnswer = Result<Refund, ConfirmRefused>;

struct Given {
    payment: PaymentId,
    refund: RefundId,
    by: Option<AccountId>,
}

/// Key, booking and answer are one transaction. One that was booked before is answered as it
/// stands.
/// # Errors
/// [`ConfirmRefused`]
pub async fn confirm_refund(
    payments: &Payments,
    caller: &Caller,
    command: ConfirmRefund,
) -> Answer<ConfirmRefund> {
    if !caller.may(Permission::ManagePayments) {
        return Err(CallError::Refused(ConfirmRefused::NotAllowed));
    }
    let request = Request {
        scope: format!("confirm refund {} {}", command.refund, who(caller)),
        key: command.idempotency.key,
        body: command.idempotency.body,
        resource: payments.sources.id(),
    };
    let (payment, refund, by) = (command.payment, command.refund, caller.account());
    let given = (request, Given { payment, refund, by });
    let answer = payments
        .waves
        .write(given, |wave, (request, given)| Box::pin(confirm_once(wave, request, given)));
    answer.await?.map_err(CallError::Refused)
}

async fn confirm_once(
    wave: &mut Wave,
    request: &Request,
    given: &Given,
) -> Result<ConfirmAnswer, Unexpected> {
    let known = idempotency::look::<ConfirmAnswer>(wave, request).await?;
    if let Some(answer) = known.answer(ConfirmRefused::KeyReused, ConfirmRefused::InProgress) {
        return Ok(answer);
    }
    let mut sheet = Sheet::default();
    sheet.load_payments(wave, [given.payment]).await?;
    sheet.load_refunds(wave, [given.refund]).await?;
    let answer = book(&mut sheet, wave, given)?;
    if answer.is_ok() {
        sheet.save(wave).await?;
    }
    idempotency::keep(wave, request, &answer).await?;
    Ok(answer)
}

fn book(sheet: &mut Sheet, wave: &mut Wave, given: &Given) -> Result<ConfirmAnswer, Unexpected> {
    let Given { payment, refund, by } = *given;
    let row = sheet.refunds.get(refund).filter(|row| row.payment == payment);
    let found = row.zip(sheet.payments.get(payment));
    let Some((row, paid)) = found else { return Ok(Err(ConfirmRefused::NotFound)) };
    let (purse, amount, status) = (paid.purse(), row.amount, paid.status);
    let by_hand = match row.status {
        RefundStatus::Done => return Ok(Ok(transactions::refund(row))),
        RefundStatus::Pending => purse.filter(|it| matches!(it, Purse::Bank | Purse::Cash)),
        // The provider refused; what it paid for was not given back otherwise since.
        RefundStatus::Failed => (amount.minor <= paid.left().minor).then_some(Purse::Bank),
    };
    let Some(through) = by_hand else { return Ok(Err(ConfirmRefused::WrongState { status })) };
    given_back(sheet, wave, refund, Some(through))?;
    sheet.confirm(Confirmation {
        id: wave.id(),
        subject: refund.0,
        payment,
        by,
        kind: "confirm".to_owned(),
        amount,
        at: wave.now(),
    });
    let row = sheet.refunds.get(refund).map(transactions::refund);
    Ok(row.ok_or(ConfirmRefused::NotFound))
}
