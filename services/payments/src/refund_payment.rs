//! Gives back a payment, or a part of it, because staff say so.
use crate::Payments;
use crate::give_back::give_back;
use crate::ledger::Purse;
use crate::store::{RefundRow, Sheet};
use contracts::caller::Permission;
use contracts::payments::{Refund, RefundPayment, RefundRefused};
use contracts::{CallError, Caller, Money, PaymentId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Known, Request};
use kit::wave::Wave;

/// How long a reason may be, in characters.
const REASON_LENGTH: usize = 200;

type RefundAnswer = Result<Refund, RefundRefused>;

/// Key, refund and answer are one transaction; a card is paid back by the worker.
/// # Errors
/// [`RefundRefused`]
pub async fn refund_payment(
    payments: &Payments,
    caller: &Caller,
    command: RefundPayment,
) -> Answer<RefundPayment> {
    check(caller, &command).map_err(CallError::Refused)?;
    let who = caller.account().map_or_else(|| "store".to_owned(), |id| format!("account:{id}"));
    let request = Request {
        scope: format!("refund {} {who}", command.payment),
        key: command.idempotency.key,
        body: command.idempotency.body,
        resource: payments.sources.id(),
    };
    let asked = (request, command.payment, command.amount, command.reason);
    let answer = payments.waves.write(asked, |wave, (request, payment, amount, reason)| {
        Box::pin(refund_once(wave, request, *payment, *amount, reason))
    });
    answer.await?.map_err(CallError::Refused)
}

fn check(caller: &Caller, command: &RefundPayment) -> Result<(), RefundRefused> {
    if !caller.may(Permission::ManagePayments) {
        return Err(RefundRefused::NotAllowed);
    }
    let invalid = |field: &str, reason: &str| {
        Err(RefundRefused::Invalid { field: field.to_owned(), reason: reason.to_owned() })
    };
    if command.amount.is_some_and(|amount| amount.minor < 1) {
        return invalid("amount.amount", "must be at least 1");
    }
    if command.reason.chars().count() > REASON_LENGTH {
        return invalid("reason", "must have at most 200 characters");
    }
    if command.reason.chars().any(char::is_control) {
        return invalid("reason", "must not have control characters");
    }
    Ok(())
}

async fn refund_once(
    wave: &mut Wave,
    request: &Request,
    payment: PaymentId,
    amount: Option<Money>,
    reason: &str,
) -> Result<RefundAnswer, Unexpected> {
    match idempotency::look(wave, request).await? {
        Known::Go { .. } => {}
        Known::Answered(answer) => return Ok(answer),
        Known::Reused => return Ok(Err(RefundRefused::KeyReused)),
        Known::Running => return Ok(Err(RefundRefused::InProgress)),
    }
    let mut sheet = Sheet::default();
    sheet.load_payments(wave, [payment]).await?;
    let purse = sheet.payments.get(payment).and_then(crate::payment::Payment::purse);
    if let Some(Purse::Wallet(account)) = purse {
        sheet.load_wallets(wave, [account]).await?;
    }
    let answer = give_back(&mut sheet, wave, payment, amount, reason)?.map(shown);
    if answer.is_ok() {
        sheet.save(wave).await?;
    }
    idempotency::keep(wave, request, &answer).await?;
    Ok(answer)
}

fn shown(row: RefundRow) -> Refund {
    Refund {
        id: row.id,
        payment: row.payment,
        amount: row.amount,
        status: row.status,
        created_at: row.created_at,
    }
}
