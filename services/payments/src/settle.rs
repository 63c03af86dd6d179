//! Commits what the provider said, with its news.
use crate::attempt::{Attempt, Purpose, State};
use crate::give_back::{GiveBack, declined, give_back, given_back};
use crate::ledger::{Movement, Positive, Purse};
use crate::payment::Capture;
use crate::provider;
use crate::sandbox::{Lost, Said};
use crate::store::Sheet;
use crate::wallet::{Filling, Wallet};
use contracts::payments::{
    PaymentActionRequired, PaymentFailed, PaymentStatus, TopUpRefused, ToppedUp, WalletToppedUp,
};
use contracts::{PaymentId, RefundId, TopUpId};
use kit::wave::Wave;
use kit::{Unexpected, idempotency};
use uuid::Uuid;

/// What came of asking the provider.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The attempt, as it was when it was taken on.
    pub attempt: Attempt,
    /// What the provider said, if its answer was not lost.
    pub said: Result<Said, Lost>,
}

/// What a top-up answers.
pub type TopUpAnswer = Result<ToppedUp, TopUpRefused>;

/// What staff read as the reason of such a refund.
const TOO_LATE: &str = "captured after the payment had ended";

/// HOT. Commits outcomes. What the provider says is a fact whoever asked, even after its lease
/// had ended; each is applied by the state of what it is for, so that a second time changes
/// nothing. Answers the top-ups as they stand then.
/// # Errors
/// When the database fails.
pub async fn settle(
    wave: &mut Wave,
    outcomes: &[Outcome],
) -> Result<Vec<Option<TopUpAnswer>>, Unexpected> {
    let mut sheet = load(wave, outcomes).await?;
    for outcome in outcomes {
        let said = match &outcome.said {
            Ok(said) => Some(said),
            Err(lost) => {
                tracing::info!(attempt = %outcome.attempt.id, %lost, "to be asked about");
                None
            }
        };
        let key = outcome.attempt.id;
        match outcome.attempt.purpose {
            Purpose::Payment(payment) => settle_payment(&mut sheet, wave, key, payment, said)?,
            Purpose::TopUp(top_up) => settle_top_up(&mut sheet, wave, key, top_up, said)?,
            Purpose::Refund { refund, .. } => settle_refund(&mut sheet, wave, key, refund, said)?,
        }
    }
    let answers = outcomes.iter().map(|outcome| match outcome.attempt.purpose {
        Purpose::TopUp(id) => sheet.top_ups.get(id).map(top_up_answer),
        _ => None,
    });
    let answers: Vec<Option<TopUpAnswer>> = answers.collect();
    let filled: Vec<Filling> = sheet.top_ups.iter().cloned().collect();
    sheet.save(wave).await?;
    keep_answers(wave, &filled).await?;
    Ok(answers)
}

async fn load(wave: &Wave, outcomes: &[Outcome]) -> Result<Sheet, Unexpected> {
    let purposes = || outcomes.iter().map(|outcome| outcome.attempt.purpose);
    let mut sheet = Sheet::default();
    let payments = purposes().filter_map(|purpose| match purpose {
        Purpose::Payment(payment) | Purpose::Refund { payment, .. } => Some(payment),
        Purpose::TopUp(_) => None,
    });
    sheet.load_payments(wave, payments).await?;
    let top_ups = purposes().filter_map(|purpose| match purpose {
        Purpose::TopUp(top_up) => Some(top_up),
        _ => None,
    });
    sheet.load_top_ups(wave, top_ups).await?;
    let refunds = purposes().filter_map(|purpose| match purpose {
        Purpose::Refund { refund, .. } => Some(refund),
        _ => None,
    });
    sheet.load_refunds(wave, refunds).await?;
    sheet.load_attempts(wave, outcomes.iter().map(|outcome| outcome.attempt.id)).await?;
    let accounts: Vec<_> = sheet.top_ups.iter().map(|filling| filling.account).collect();
    sheet.load_wallets(wave, accounts).await?;
    Ok(sheet)
}

fn lost(what: impl std::fmt::Display) -> Unexpected {
    Unexpected::new(format!("an attempt lacks its {what}"))
}

fn settle_payment(
    sheet: &mut Sheet,
    wave: &mut Wave,
    key: Uuid,
    id: PaymentId,
    said: Option<&Said>,
) -> Result<(), Unexpected> {
    let now = wave.now();
    let payment = sheet.payments.get_mut(id).ok_or_else(|| lost("payment"))?;
    let attempt = sheet.attempts.get_mut(key).ok_or_else(|| lost("row"))?;
    let (order, amount) = (payment.order, payment.amount);
    match said {
        Some(Said::Captured) => {
            attempt.finish();
            let capture = payment.capture();
            let version = payment.version;
            if capture == Capture::Known {
                return Ok(());
            }
            let positive = Positive::of(amount).ok_or_else(|| lost("amount"))?;
            sheet.post(Movement::purchase(Purse::Card, positive, order))?;
            if capture == Capture::GoesBack {
                let back = give_back(sheet, wave, id, GiveBack::all(TOO_LATE))?;
                back.map_err(Unexpected::from_error)?;
                return Ok(());
            }
            sheet.captured(id, version);
            Ok(())
        }
        Some(Said::Declined(_) | Said::Voided) => {
            attempt.finish();
            let code = match said {
                Some(Said::Declined(code)) => code.as_str(),
                _ => "payment_voided",
            };
            if payment.fail(code) {
                let failure_code = code.to_owned();
                wave.tell(payment.version, PaymentFailed { payment: id, order, failure_code })?;
            }
            Ok(())
        }
        Some(Said::RequiresAction) => {
            attempt.wait_for_shopper(now);
            if payment.require_action() {
                wave.tell(payment.version, PaymentActionRequired { payment: id, order })?;
            }
            if attempt.state == State::Due {
                // It was voided or confirmed while the provider was asked.
                wave.wake(provider::WORKER);
            }
            Ok(())
        }
        Some(Said::Pending | Said::NotFound | Said::Refunded) | None => {
            attempt.ask_again(now);
            Ok(())
        }
    }
}

fn settle_refund(
    sheet: &mut Sheet,
    wave: &mut Wave,
    key: Uuid,
    refund: RefundId,
    said: Option<&Said>,
) -> Result<(), Unexpected> {
    let now = wave.now();
    let attempt = sheet.attempts.get_mut(key).ok_or_else(|| lost("row"))?;
    let code = match said {
        Some(Said::Refunded) => {
            attempt.finish();
            return given_back(sheet, wave, refund, None);
        }
        Some(Said::Declined(code)) => code,
        Some(Said::NotFound) => "charge_not_found",
        _ => {
            attempt.ask_again(now);
            return Ok(());
        }
    };
    if attempt.state == State::Due {
        let for_good = attempt.decline(now);
        declined(sheet, refund, code, for_good)?;
    }
    Ok(())
}

fn settle_top_up(
    sheet: &mut Sheet,
    wave: &mut Wave,
    key: Uuid,
    id: TopUpId,
    said: Option<&Said>,
) -> Result<(), Unexpected> {
    let now = wave.now();
    let filling = sheet.top_ups.get_mut(id).ok_or_else(|| lost("top-up"))?;
    let attempt = sheet.attempts.get_mut(key).ok_or_else(|| lost("row"))?;
    match said {
        Some(Said::Captured) => {
            attempt.finish();
            if filling.credit() {
                let (account, amount, version) = (filling.account, filling.amount, filling.version);
                let positive = Positive::of(amount).ok_or_else(|| lost("amount"))?;
                // The account may be so new that its wallet is still being made.
                sheet.wallets.get_or(account, || Wallet::new(account, amount));
                sheet.post(Movement::top_up(account, positive))?;
                wave.tell(version, WalletToppedUp { top_up: id, account, amount })?;
            }
        }
        Some(Said::Declined(code)) => {
            attempt.finish();
            filling.fail(code);
        }
        Some(Said::Voided) => {
            attempt.finish();
            filling.void();
        }
        Some(Said::RequiresAction) => {
            attempt.wait_for_shopper(now);
            filling.require_action();
            if attempt.state == State::Due {
                // It was voided or confirmed while the provider was asked.
                wave.wake(provider::WORKER);
            }
        }
        Some(Said::Pending | Said::NotFound | Said::Refunded) | None => attempt.ask_again(now),
    }
    Ok(())
}

/// What a top-up answers as it stands.
pub fn top_up_answer(filling: &Filling) -> TopUpAnswer {
    match (&filling.status, &filling.failure_code) {
        (PaymentStatus::Failed, Some(code)) => {
            Err(TopUpRefused::Declined { failure_code: code.clone() })
        }
        _ => Ok(filling.shown()),
    }
}

/// Keeps the answers of requests that still run, for their repetitions. One that was answered
/// before (credited later, say) keeps its first answer.
/// # Errors
/// When the database fails.
pub async fn keep_answers(wave: &mut Wave, filled: &[Filling]) -> Result<(), Unexpected> {
    if filled.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = filled.iter().map(|filling| filling.id.0).collect();
    let running = idempotency::running(wave, &ids).await?;
    let mut answers = Vec::with_capacity(filled.len());
    for filling in filled.iter().filter(|filling| running.contains(&filling.id.0)) {
        let answer = serde_json::to_string(&top_up_answer(filling))?;
        answers.push((filling.id.0, Some(answer)));
    }
    idempotency::finish(wave, &answers).await
}
