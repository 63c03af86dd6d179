//! Captures a bank transfer, because staff saw it arrive.
use crate::Payments;
use crate::ledger::{Movement, Positive, Purse};
use crate::queries;
use crate::refund_payment::who;
use crate::store::Sheet;
use crate::store::confirmations::Confirmation;
use contracts::caller::Permission;
use contracts::payments::{ConfirmRefused, ConfirmTransfer, PaymentForStaff, PaymentMethod};
use contracts::{AccountId, CallError, Caller, Money, PaymentId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Request};
use kit::wave::Wave;

type ConfirmAnswer = Result<PaymentForStaff, ConfirmRefused>;

struct Seen {
    payment: PaymentId,
    amount: Option<Money>,
    by: Option<AccountId>,
}

/// Key, capture and answer are one transaction. The payment's row lock decides between twins,
/// and beside a close; a transfer that was confirmed before is answered as it stands.
/// # Errors
/// [`ConfirmRefused`]
pub async fn confirm_transfer(
    payments: &Payments,
    caller: &Caller,
    command: ConfirmTransfer,
) -> Answer<ConfirmTransfer> {
    if !caller.may(Permission::ManagePayments) {
        return Err(CallError::Refused(ConfirmRefused::NotAllowed));
    }
    let request = Request {
        scope: format!("confirm {} {}", command.payment, who(caller)),
        key: command.idempotency.key,
        body: command.idempotency.body,
        resource: payments.sources.id(),
    };
    let (payment, amount, by) = (command.payment, command.amount, caller.account());
    let seen = (request, Seen { payment, amount, by });
    let answer = payments
        .waves
        .write(seen, |wave, (request, seen)| Box::pin(confirm_once(wave, request, seen)));
    answer.await?.map_err(CallError::Refused)
}

async fn confirm_once(
    wave: &mut Wave,
    request: &Request,
    seen: &Seen,
) -> Result<ConfirmAnswer, Unexpected> {
    let known = idempotency::look::<ConfirmAnswer>(wave, request).await?;
    if let Some(answer) = known.answer(ConfirmRefused::KeyReused, ConfirmRefused::InProgress) {
        return Ok(answer);
    }
    let mut sheet = Sheet::default();
    sheet.load_payments(wave, [seen.payment]).await?;
    let confirmed = capture(&mut sheet, wave, seen)?;
    if confirmed.is_ok() {
        sheet.save(wave).await?;
    }
    let answer = match confirmed {
        Ok(()) => {
            let shown = queries::for_staff(wave.tx(), seen.payment.0).await?;
            shown.ok_or(ConfirmRefused::NotFound)
        }
        Err(refused) => Err(refused),
    };
    idempotency::keep(wave, request, &answer).await?;
    Ok(answer)
}

fn capture(
    sheet: &mut Sheet,
    wave: &Wave,
    seen: &Seen,
) -> Result<Result<(), ConfirmRefused>, Unexpected> {
    let Some(payment) = sheet.payments.get_mut(seen.payment) else {
        return Ok(Err(ConfirmRefused::NotFound));
    };
    let (status, asked, order) = (payment.status, payment.amount, payment.order);
    let waits = payment.is_open();
    if payment.method != PaymentMethod::BankTransfer || !(waits || payment.is_captured()) {
        return Ok(Err(ConfirmRefused::WrongState { status }));
    }
    if seen.amount.is_some_and(|amount| amount != asked) {
        return Ok(Err(ConfirmRefused::WrongAmount { asked }));
    }
    if !waits {
        return Ok(Ok(()));
    }
    payment.capture();
    let version = payment.version;
    let positive = Positive::of(asked);
    let positive = positive.ok_or_else(|| Unexpected::new("a transfer of nothing waited"))?;
    sheet.post(Movement::purchase(Purse::Bank, positive, order))?;
    sheet.confirm(Confirmation {
        id: wave.id(),
        subject: seen.payment.0,
        payment: seen.payment,
        by: seen.by,
        kind: "confirm".to_owned(),
        amount: asked,
        at: wave.now(),
    });
    sheet.captured(seen.payment, version);
    Ok(Ok(()))
}
