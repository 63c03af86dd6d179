//! Gives back a payment, or a part of it, because staff say so.
use crate::Payments;
use crate::give_back::{GiveBack, give_back};
use crate::ledger::Purse;
use crate::store::Sheet;
use crate::transactions;
use contracts::caller::Permission;
use contracts::payments::{Refund, RefundPayment, RefundRefused};
use contracts::{AccountId, CallError, Caller, Money, PaymentId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Request};
use kit::wave::Wave;

/// How long a reason may be, in characters.
const REASON_LENGTH: usize = 200;

type RefundAnswer = Result<Refund, RefundRefused>;

/// Key, refund and answer are one transaction; what follows is [`give_back`]'s to say.
/// # Errors
/// [`RefundRefused`]
pub async fn refund_payment(
    payments: &Payments,
    caller: &Caller,
    command: RefundPayment,
) -> Answer<RefundPayment> {
    check(caller, &command).map_err(CallError::Refused)?;
    let request = Request {
        scope: format!("refund {} {}", command.payment, who(caller)),
        key: command.idempotency.key,
        body: command.idempotency.body,
        resource: payments.sources.id(),
    };
    let asked = Asked {
        payment: command.payment,
        amount: command.amount,
        reason: command.reason,
        restock: command.restock,
        by: caller.account(),
    };
    let answer = payments.waves.write((request, asked), |wave, (request, asked)| {
        Box::pin(refund_once(wave, request, asked))
    });
    answer.await?.map_err(CallError::Refused)
}

/// Whose keys are unique among themselves.
pub(crate) fn who(caller: &Caller) -> String {
    caller.account().map_or_else(|| "store".to_owned(), |id| format!("account:{id}"))
}

struct Asked {
    payment: PaymentId,
    amount: Option<Money>,
    reason: String,
    restock: bool,
    by: Option<AccountId>,
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
    asked: &Asked,
) -> Result<RefundAnswer, Unexpected> {
    let known = idempotency::look::<RefundAnswer>(wave, request).await?;
    if let Some(answer) = known.answer(RefundRefused::KeyReused, RefundRefused::InProgress) {
        return Ok(answer);
    }
    let mut sheet = Sheet::default();
    sheet.load_payments(wave, [asked.payment]).await?;
    let purse = sheet.payments.get(asked.payment).and_then(crate::payment::Payment::purse);
    if let Some(Purse::Wallet(account)) = purse {
        sheet.load_wallets(wave, [account]).await?;
    }
    let Asked { payment, amount, ref reason, restock, by } = *asked;
    let answer = give_back(&mut sheet, wave, payment, GiveBack { amount, reason, restock, by })?;
    let answer = answer.map(|row| transactions::refund(&row));
    if answer.is_ok() {
        sheet.save(wave).await?;
    }
    idempotency::keep(wave, request, &answer).await?;
    Ok(answer)
}
