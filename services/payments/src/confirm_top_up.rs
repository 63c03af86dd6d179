//! Completes a top-up that its owner had to confirm.
use crate::Payments;
use crate::attempt::{Attempt, Step};
use crate::provider;
use crate::settle::{TopUpAnswer, top_up_answer};
use crate::store::Sheet;
use crate::top_up::ask_and_settle;
use contracts::payments::{ConfirmTopUp, PaymentStatus, TopUpRefused};
use contracts::{AccountId, CallError, Caller, TopUpId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Known, Request};
use kit::wave::Wave;
use uuid::Uuid;

/// Key and confirmation are committed first; then the provider is asked to go on, and the answer
/// is kept. Whoever takes the key over finds the top-up confirmed, and answers it as it stands.
/// # Errors
/// [`TopUpRefused`]; `Unknown` where the card may have been charged and that was not committed.
pub async fn confirm_top_up(
    payments: &Payments,
    caller: &Caller,
    command: ConfirmTopUp,
) -> Answer<ConfirmTopUp> {
    let account = caller.account().ok_or(CallError::Refused(TopUpRefused::NotLoggedIn))?;
    let top_up = command.top_up;
    let request = Request {
        scope: format!("confirm top_up {top_up} account:{account}"),
        key: command.idempotency.key,
        body: command.idempotency.body,
        resource: payments.sources.id(),
    };
    let confirm = Confirm { request, account, top_up };
    let begun =
        payments.waves.write(confirm, |wave, confirm| Box::pin(begin(wave, confirm))).await?;
    let (attempt, resource) = match begun {
        Begun::Answered(answer) => return answer.map_err(CallError::Refused),
        Begun::Leased(attempt, resource) => (attempt, resource),
    };
    let answer = ask_and_settle(payments, attempt).await?;
    let kept = (resource, answer.clone());
    let kept = payments.waves.write(kept, |wave, (resource, answer)| {
        Box::pin(async move { keep(wave, *resource, answer).await })
    });
    kept.await.map_err(|lost| CallError::Unknown(lost.to_string()))?;
    answer.map_err(CallError::Refused)
}

struct Confirm {
    request: Request,
    account: AccountId,
    top_up: TopUpId,
}

enum Begun {
    /// Ours to ask about; the answer is kept under the request's id.
    Leased(Attempt, Uuid),
    Answered(TopUpAnswer),
}

async fn keep(wave: &mut Wave, resource: Uuid, answer: &TopUpAnswer) -> Result<(), Unexpected> {
    idempotency::finish(wave, &[(resource, Some(serde_json::to_string(answer)?))]).await
}

async fn begin(wave: &mut Wave, confirm: &Confirm) -> Result<Begun, Unexpected> {
    let known = idempotency::begin(wave, std::slice::from_ref(&confirm.request)).await?;
    let (resource, taken_over) = match known.into_iter().next() {
        Some(Known::Go { resource, taken_over }) => (resource, taken_over),
        Some(Known::Answered(answer)) => return Ok(Begun::Answered(answer)),
        Some(Known::Reused) => return Ok(Begun::Answered(Err(TopUpRefused::KeyReused))),
        Some(Known::Running) => return Ok(Begun::Answered(Err(TopUpRefused::InProgress))),
        None => return Err(Unexpected::new("a request was not looked up")),
    };
    let (id, now) = (confirm.top_up, wave.now());
    let mut sheet = Sheet::default();
    sheet.load_top_ups(wave, [id]).await?;
    sheet.load_attempts(wave, [id.0]).await?;
    let own = sheet.top_ups.get(id).filter(|filling| filling.account == confirm.account);
    let (Some(filling), Some(attempt)) = (own.cloned(), sheet.attempts.get_mut(id.0)) else {
        return answered(wave, resource, Err(TopUpRefused::NotFound)).await;
    };
    let waits = filling.status == PaymentStatus::RequiresAction;
    if waits && attempt.complete(now) {
        wave.wake(provider::WORKER);
    }
    let completes = waits && attempt.step == Step::Complete;
    if !completes && !taken_over {
        return answered(wave, resource, Err(TopUpRefused::WrongState)).await;
    }
    if !completes || attempt.leased_until > now {
        // It was decided meanwhile, or the worker asks just now.
        sheet.save(wave).await?;
        return answered(wave, resource, top_up_answer(&filling)).await;
    }
    attempt.lease(now);
    let leased = attempt.clone();
    sheet.save(wave).await?;
    Ok(Begun::Leased(leased, resource))
}

async fn answered(
    wave: &mut Wave,
    resource: Uuid,
    answer: TopUpAnswer,
) -> Result<Begun, Unexpected> {
    keep(wave, resource, &answer).await?;
    Ok(Begun::Answered(answer))
}
