//! Starts the payments of orders that were placed.
use crate::attempt::{Attempt, Purpose, Step};
use crate::ledger::{Movement, Positive};
use crate::payment::{Bill, Payment, usable_token};
use crate::provider;
use crate::store::Sheet;
use crate::wallet::Wallet;
use contracts::orders::OrderPlaced;
use contracts::payments::{PaymentFailed, PaymentMethod};
use contracts::{AccountId, Currency, Money, OrderId, PaymentId};
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;
use std::sync::Arc;

/// How the shop lets people pay.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What wallets are in.
    pub currency: Currency,
    /// The methods that are offered, in their order.
    pub offered: Arc<[PaymentMethod]>,
}

/// A payment to be started.
#[derive(Clone, Debug)]
pub struct StartPayment {
    /// Its id, chosen by orders.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// Whose wallet; none for a guest.
    pub account: Option<AccountId>,
    /// By which method.
    pub method: PaymentMethod,
    /// The card's token.
    pub token: Option<String>,
    /// How much.
    pub amount: Money,
}

impl From<&OrderPlaced> for StartPayment {
    fn from(order: &OrderPlaced) -> Self {
        Self {
            payment: order.payment,
            order: order.order,
            account: order.account,
            method: order.method,
            token: order.token.clone(),
            amount: order.total,
        }
    }
}

impl StartPayment {
    /// The wallet that is to pay.
    pub fn wallet(&self) -> Option<AccountId> {
        self.account.filter(|_| self.method == PaymentMethod::Wallet)
    }
}

/// HOT. Wallets pay in this very wave, one order after the other; cards are charged by the
/// worker; a bank transfer waits for staff, and cash for the delivery. An order whose placing was heard before (its bill says so) changes nothing; one that
/// was closed before it was heard of gets a payment that is voided at birth.
/// # Errors
/// When the database fails.
pub async fn start_payments(
    wave: &mut Wave,
    terms: &Terms,
    heard: &[Heard<OrderPlaced>],
) -> Result<(), Unexpected> {
    let mut sheet = Sheet::default();
    sheet.load_bills(wave, heard.iter().map(|heard| heard.event.order)).await?;
    let commands: Vec<StartPayment> = heard.iter().map(|heard| (&*heard.event).into()).collect();
    sheet.load_wallets(wave, commands.iter().filter_map(StartPayment::wallet)).await?;
    for command in commands {
        let order = command.order;
        let bill = sheet.bills.get_or(order, || Bill::new(order));
        if bill.placed {
            continue;
        }
        bill.placed = true;
        bill.present.get_or_insert(command.payment);
        begin(&mut sheet, wave, terms, command)?;
    }
    sheet.save(wave).await
}

/// Begins one payment on a sheet that holds its order's bill and the wallet that is to pay.
/// # Errors
/// When the sheet does not fit together.
pub fn begin(
    sheet: &mut Sheet,
    wave: &mut Wave,
    terms: &Terms,
    command: StartPayment,
) -> Result<(), Unexpected> {
    let StartPayment { payment: id, order, account, method, token, amount } = command;
    let mut payment = Payment::new(id, order, account, method, amount, wave.now());
    let closed = sheet.bills.get(order).is_some_and(|bill| bill.closed);
    let refusal = if amount.minor < 0 {
        Some("invalid_amount")
    } else if !terms.offered.contains(&method) {
        Some("method_not_offered")
    } else {
        match method {
            PaymentMethod::Wallet => wallet_refusal(sheet, account, amount, terms.currency),
            PaymentMethod::Card => {
                usable_token(token.as_deref()).is_none().then_some("invalid_token")
            }
            PaymentMethod::BankTransfer | PaymentMethod::CashOnDelivery => None,
        }
    };
    if closed {
        payment.void();
    } else if let Some(failure_code) = refusal {
        payment.fail(failure_code);
        let failure_code = failure_code.to_owned();
        wave.tell(payment.version, PaymentFailed { payment: id, order, failure_code })?;
    } else if let (Some(purse), true) = (payment.purse(), is_paid_at_once(method, amount)) {
        payment.capture();
        if let Some(amount) = Positive::of(amount) {
            sheet.post(Movement::purchase(purse, amount, order))?;
        }
        sheet.captured(id, payment.version);
    } else if !method.pays_later() {
        let (key, purpose) = (wave.id(), Purpose::Payment(id));
        let attempt = Attempt::new(key, Step::Charge, purpose, amount, token, wave.now());
        payment.charge = Some(key);
        sheet.attempts.add(key, attempt);
        wave.wake(provider::WORKER);
    }
    sheet.payments.add(id, payment);
    Ok(())
}

/// Wallets pay at once, and what costs nothing needs no card, transfer or cash.
fn is_paid_at_once(method: PaymentMethod, amount: Money) -> bool {
    method == PaymentMethod::Wallet || amount.is_zero()
}

/// Why the account's wallet cannot pay. An account whose wallet is still being made has nothing.
fn wallet_refusal(
    sheet: &Sheet,
    account: Option<AccountId>,
    amount: Money,
    currency: Currency,
) -> Option<&'static str> {
    let Some(account) = account else { return Some("wallet_needs_account") };
    let empty = Wallet::new(account, Money::zero(currency));
    sheet.wallets.get(account).unwrap_or(&empty).refusal(amount)
}
