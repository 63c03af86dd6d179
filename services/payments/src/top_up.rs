//! Puts money into a wallet, from a card.
use crate::Payments;
use crate::attempt::{Attempt, Purpose, State, Step};
use crate::payment::usable_token;
use crate::provider;
use crate::queries::not_done;
use crate::settle::{TopUpAnswer, keep_answers, top_up_answer};
use crate::start_payments::Terms;
use crate::store::{Sheet, reads};
use crate::wallet::{Filling, MOST_AT_ONCE};
use contracts::payments::{PaymentMethod, TopUp, TopUpRefused};
use contracts::{AccountId, CallError, Caller, Money, TopUpId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::idempotency::{self, Known, Request};
use kit::wave::{NotRun, Wave};

/// Charges the card and credits the wallet. Key and intent are committed first; then the
/// provider is asked, and once more where its answer got lost. What is not known then comes
/// later, by the worker, and the answer says `pending`.
/// # Errors
/// [`TopUpRefused`]; `Unknown` where the card may have been charged and that was not committed.
pub async fn top_up(payments: &Payments, caller: &Caller, command: TopUp) -> Answer<TopUp> {
    let account = caller.account().ok_or(CallError::Refused(TopUpRefused::NotLoggedIn))?;
    let token = check(&command, &payments.terms).map_err(CallError::Refused)?.to_owned();
    let held = reads::balance(payments.db.reader(), account).await.map_err(not_done)?;
    if held.is_some_and(|held| held.currency != command.amount.currency) {
        let other = invalid("amount.currency", "is not the wallet's currency");
        return Err(CallError::Refused(other));
    }
    let request = Request {
        scope: format!("top_up account:{account}"),
        key: command.idempotency.key,
        body: command.idempotency.body,
        resource: payments.sources.id(),
    };
    let intent = Intent { request, account, amount: command.amount, token };
    let begun = payments.waves.write(intent, |wave, intent| Box::pin(begin(wave, intent))).await?;
    let answer = match begun {
        Begun::Answered(answer) => answer,
        Begun::Refused(refused) => Err(refused),
        Begun::Leased(attempt) => ask_and_settle(payments, attempt).await?,
    };
    answer.map_err(CallError::Refused)
}

/// Asks the provider for an attempt that is on lease, commits what it says, and answers how the
/// top-up stands then.
/// # Errors
/// `Unknown` where that was not committed: whoever looks after the lease does it.
pub async fn ask_and_settle(
    payments: &Payments,
    attempt: Attempt,
) -> Result<TopUpAnswer, CallError<TopUpRefused>> {
    let outcome = provider::ask(&payments.sandbox, attempt).await;
    let settled = match payments.settle.run(outcome.clone()).await {
        // The account's wallet may have been made by a twin just then.
        Err(NotRun::Failed(_)) => payments.settle.run(outcome).await,
        settled => settled,
    };
    let settled = settled.map_err(|lost| CallError::Unknown(lost.to_string()))?;
    settled.ok_or_else(|| CallError::Unknown("the top-up is gone".to_owned()))
}

fn invalid(field: &str, reason: impl Into<String>) -> TopUpRefused {
    TopUpRefused::Invalid { field: field.to_owned(), reason: reason.into() }
}

/// Answers the token.
fn check<'a>(command: &'a TopUp, terms: &Terms) -> Result<&'a str, TopUpRefused> {
    if command.amount.currency != terms.currency {
        return Err(invalid("amount.currency", format!("must be {}", terms.currency)));
    }
    if !(1..=MOST_AT_ONCE).contains(&command.amount.minor) {
        return Err(invalid("amount.amount", format!("must be 1 to {MOST_AT_ONCE}")));
    }
    if command.with.method != PaymentMethod::Card {
        return Err(invalid("payment.method", "must be card"));
    }
    if !terms.offered.contains(&PaymentMethod::Card) {
        return Err(invalid("payment.method", "is not offered"));
    }
    let visible = "must have 1 to 200 visible ASCII characters";
    usable_token(command.with.token.as_deref()).ok_or_else(|| invalid("payment.token", visible))
}

#[derive(Clone)]
struct Intent {
    request: Request,
    account: AccountId,
    amount: Money,
    token: String,
}

enum Begun {
    /// Ours to ask about.
    Leased(Attempt),
    Answered(TopUpAnswer),
    Refused(TopUpRefused),
}

/// Commits the key and the intent. The top-up's id is the provider's key, and that of the first
/// try for whoever takes over.
async fn begin(wave: &mut Wave, intent: &Intent) -> Result<Begun, Unexpected> {
    let known = idempotency::begin(wave, std::slice::from_ref(&intent.request)).await?;
    let resource = match known.into_iter().next() {
        Some(Known::Go { resource, .. }) => resource,
        Some(Known::Answered(answer)) => return Ok(Begun::Answered(answer)),
        Some(Known::Reused) => return Ok(Begun::Refused(TopUpRefused::KeyReused)),
        Some(Known::Running) => return Ok(Begun::Refused(TopUpRefused::InProgress)),
        None => return Err(Unexpected::new("a request was not looked up")),
    };
    let (id, now) = (TopUpId(resource), wave.now());
    let mut sheet = Sheet::default();
    sheet.load_top_ups(wave, [id]).await?;
    sheet.load_attempts(wave, [resource]).await?;
    let filling =
        sheet.top_ups.get_or(id, || Filling::new(id, intent.account, intent.amount, now)).clone();
    let attempt = sheet.attempts.get_or(resource, || {
        let token = Some(intent.token.clone());
        Attempt::new(resource, Step::Charge, Purpose::TopUp(id), intent.amount, token, now)
    });
    // Taken over while the worker asks, or after it was decided: answered as it stands.
    if attempt.state != State::Due || attempt.leased_until > now {
        keep_answers(wave, std::slice::from_ref(&filling)).await?;
        return Ok(Begun::Answered(top_up_answer(&filling)));
    }
    attempt.lease(now);
    let leased = attempt.clone();
    sheet.save(wave).await?;
    Ok(Begun::Leased(leased))
}
