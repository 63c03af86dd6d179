//! Gives back what was captured, on a sheet: how every refund begins and ends.
//!
//! | paid by | goes back |
//! |---|---|
//! | wallet | at once, into the wallet |
//! | card | by the worker, until the provider has done it, or declined it for a day |
//! | bank transfer, cash on delivery | by hand: it is owed until staff says that it gave it back |
//!
//! What a provider declined for good is left to be given back again, or by hand.
use crate::attempt::{Attempt, Purpose, Step};
use crate::ledger::{Movement, Positive, Purse};
use crate::provider;
use crate::store::{RefundRow, Sheet};
use contracts::payments::{RefundRefused, RefundStatus};
use contracts::{AccountId, Money, PaymentId, RefundId};
use kit::Unexpected;
use kit::wave::Wave;

/// What is to go back, and why.
#[derive(Clone, Copy, Debug)]
pub struct GiveBack<'a> {
    /// How much; none for all that is left.
    pub amount: Option<Money>,
    /// Why.
    pub reason: &'a str,
    /// Whether the goods are on the shelf again.
    pub restock: bool,
    /// Which staff asks for it.
    pub by: Option<AccountId>,
}

impl<'a> GiveBack<'a> {
    /// All that is left, by the store itself.
    pub const fn all(reason: &'a str) -> Self {
        Self { amount: None, reason, restock: false, by: None }
    }
}

/// Gives back a payment, or a part of it. The payment, and the wallet that it goes to, must be on
/// the sheet. A refusal changes nothing.
/// # Errors
/// When the sheet does not fit together.
pub fn give_back(
    sheet: &mut Sheet,
    wave: &mut Wave,
    payment: PaymentId,
    asked: GiveBack<'_>,
) -> Result<Result<RefundRow, RefundRefused>, Unexpected> {
    let Some(found) = sheet.payments.get_mut(payment) else {
        return Ok(Err(RefundRefused::NotFound));
    };
    let amount = match found.promise(asked.amount) {
        Ok(amount) => amount,
        Err(refused) => return Ok(Err(refused)),
    };
    let (purse, charge) = (found.purse(), found.charge);
    let refund: RefundId = wave.id();
    let row = RefundRow {
        id: refund,
        payment,
        amount,
        reason: asked.reason.to_owned(),
        restock: asked.restock,
        by: asked.by,
        status: RefundStatus::Pending,
        failure_code: None,
        created_at: wave.now(),
    };
    sheet.refunds.add(refund, row);
    match (purse, charge) {
        (Some(Purse::Card), Some(charge)) => {
            // The refund's id is the provider's key.
            let purpose = Purpose::Refund { payment, refund, charge };
            let attempt = Attempt::new(refund.0, Step::Refund, purpose, amount, None, wave.now());
            sheet.attempts.add(refund.0, attempt);
            wave.wake(provider::WORKER);
        }
        (Some(Purse::Bank | Purse::Cash), _) => {}
        _ => given_back(sheet, wave, refund, None)?,
    }
    let row = sheet.refunds.get(refund).cloned();
    Ok(row.ok_or(RefundRefused::NotFound))
}

/// The money of a refund went back, `through` another purse than the one that paid where one is
/// named: books and tells it. One that is done changes nothing.
/// # Errors
/// When the sheet does not fit together.
pub fn given_back(
    sheet: &mut Sheet,
    wave: &mut Wave,
    refund: RefundId,
    through: Option<Purse>,
) -> Result<(), Unexpected> {
    let lost = || Unexpected::new(format!("refund {refund} lacks its payment"));
    let row = sheet.refunds.get_mut(refund).ok_or_else(lost)?;
    let payment = sheet.payments.get_mut(row.payment).ok_or_else(lost)?;
    match row.status {
        RefundStatus::Done => return Ok(()),
        // It was given up, and its amount was free since.
        RefundStatus::Failed if payment.promise(Some(row.amount)).is_err() => {
            let payment = row.payment;
            tracing::error!(%refund, %payment, "went back although it was given back otherwise");
            return Ok(());
        }
        RefundStatus::Pending | RefundStatus::Failed => {}
    }
    (row.status, row.failure_code) = (RefundStatus::Done, None);
    let news = payment.give_back(refund, row.amount, row.restock);
    let (version, order) = (payment.version, payment.order);
    let purse = through.or_else(|| payment.purse());
    let (purse, amount) = purse.zip(Positive::of(row.amount)).ok_or_else(lost)?;
    sheet.post(Movement::refund(purse, amount, order))?;
    wave.tell(version, news)
}

/// The provider declined a refund: for good when that was tried long enough. Then the amount is
/// left to be given back again.
/// # Errors
/// When the sheet does not fit together.
pub fn declined(
    sheet: &mut Sheet,
    refund: RefundId,
    code: &str,
    for_good: bool,
) -> Result<(), Unexpected> {
    let lost = || Unexpected::new(format!("refund {refund} lacks its payment"));
    let row = sheet.refunds.get_mut(refund).ok_or_else(lost)?;
    if row.status != RefundStatus::Pending {
        return Ok(());
    }
    row.failure_code = Some(code.to_owned());
    if for_good {
        // The money is owed all the same: somebody has to look.
        tracing::error!(%refund, code, "the provider does not give back what was captured");
        row.status = RefundStatus::Failed;
        sheet.payments.get_mut(row.payment).ok_or_else(lost)?.take_back(row.amount);
    }
    Ok(())
}
