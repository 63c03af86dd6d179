//! Reads.
use crate::Payments;
use crate::payment::Payment;
use crate::store::log::{self, Place};
use crate::store::reads;
use crate::transactions;
use contracts::caller::Permission;
use contracts::payments::{
    ConfirmRefused, GetPayment, GetWallet, ListTransactions, NoWallet, OfferedMethod,
    PaymentForStaff, PaymentMethod, PaymentMethods, Transaction, TransactionPage,
    TransactionsRefused, Wallet, WalletEntries, WalletEntriesRefused, WalletEntryPage,
};
use contracts::{AccountId, CallError, Caller, Money, PaymentId, TopUpId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::pages::{CursorQuery, Listed, PageSize};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

pub(crate) fn not_done<E>(error: Unexpected) -> CallError<E> {
    error.log();
    CallError::NotDone(error.to_string())
}

/// What the caller can spend.
/// # Errors
/// Where nobody is logged in.
pub async fn get_wallet(payments: &Payments, caller: &Caller) -> Answer<GetWallet> {
    let account = caller.account().ok_or(CallError::Refused(NoWallet))?;
    let balance = reads::balance(payments.db.reader(), account).await.map_err(not_done)?;
    Ok(Wallet { balance: balance.unwrap_or(Money::zero(payments.terms.currency)) })
}

/// The movements of the caller's wallet, newest first.
/// # Errors
/// Where nobody is logged in, or the cursor is none of this list. A limit beyond its bounds is
/// moved into them; the public route refuses it.
pub async fn wallet_entries(
    payments: &Payments,
    caller: &Caller,
    asked: WalletEntries,
) -> Answer<WalletEntries> {
    let refused = CallError::Refused;
    let account = caller.account().ok_or(refused(WalletEntriesRefused::NotLoggedIn))?;
    let limit = PageSize::new(asked.limit.clamp(1, 100)).unwrap_or_else(kit::pages::default_size);
    let cursor = CursorQuery { limit, cursor: asked.cursor };
    let before = cursor.after::<i64>().map_err(|_| refused(WalletEntriesRefused::Cursor))?;
    let most = u64::from(limit.get()) + 1;
    let entries = reads::wallet_entries(payments.db.reader(), account, before, most);
    let entries = entries.await.map_err(not_done)?;
    let page = Listed::cut(entries, limit.get(), |(place, _)| *place).map(|(_, entry)| entry);
    Ok(WalletEntryPage { items: page.items, next_cursor: page.next_cursor })
}

/// The ways to pay that the caller can use, in the shop's order: guests have no wallet.
/// # Errors
/// None.
pub fn payment_methods(payments: &Payments, caller: &Caller) -> Answer<PaymentMethods> {
    let offered = payments.terms.offered.iter().map(|method| offer(*method));
    Ok(offered.filter(|offer| !(offer.needs_account && *caller == Caller::Guest)).collect())
}

fn offer(method: PaymentMethod) -> OfferedMethod {
    let (name, needs_account, needs_token) = match method {
        PaymentMethod::Wallet => ("Wallet", true, false),
        PaymentMethod::Card => ("Card", false, true),
        PaymentMethod::BankTransfer => ("Bank transfer", false, false),
        PaymentMethod::CashOnDelivery => ("Cash on delivery", false, false),
    };
    OfferedMethod { method, name: name.to_owned(), needs_account, needs_token }
}

/// A payment with all that was done for it, for staff.
/// # Errors
/// Where the caller is not staff, or there is no such payment.
pub async fn get_payment(
    payments: &Payments,
    caller: &Caller,
    asked: GetPayment,
) -> Answer<GetPayment> {
    if !caller.may(Permission::ManagePayments) {
        return Err(CallError::Refused(ConfirmRefused::NotAllowed));
    }
    let found = for_staff(payments.db.reader(), asked.payment.0).await.map_err(not_done)?;
    found.ok_or(CallError::Refused(ConfirmRefused::NotFound))
}

/// The payment, or the top-up, of that id.
/// # Errors
/// When the database fails.
pub async fn for_staff(
    db: &impl ConnectionTrait,
    id: Uuid,
) -> Result<Option<PaymentForStaff>, Unexpected> {
    match reads::payment(db, PaymentId(id)).await? {
        Some(payment) => payment_for_staff(db, payment).await.map(Some),
        None => top_up_for_staff(db, TopUpId(id)).await,
    }
}

async fn payment_for_staff(
    db: &impl ConnectionTrait,
    payment: Payment,
) -> Result<PaymentForStaff, Unexpected> {
    let refunds = log::refunds_of(db, payment.id).await?;
    let confirmed = log::confirmed_of(db, payment.id).await?;
    let keys = payment.charge.into_iter().chain(refunds.iter().map(|refund| refund.id.0));
    let attempts = log::attempts(db, keys.collect()).await?;
    let charge = payment.charge.and_then(|charge| attempts.get(&charge));
    let begun = transactions::is_begun_at_once(&payment);
    let mut lines: Vec<Transaction> =
        begun.then(|| transactions::of_payment(&payment, charge)).into_iter().collect();
    lines.extend(refunds.iter().map(|row| transactions::of_refund(row, attempts.get(&row.id.0))));
    lines.extend(confirmed.iter().map(transactions::of_confirmation));
    // Stable: what was asked for stands before what was done at the same time.
    lines.sort_by_key(|line| line.at);
    Ok(PaymentForStaff {
        id: payment.id,
        order: Some(payment.order),
        method: payment.method,
        status: payment.status,
        amount: payment.amount,
        refunded: payment.refunded,
        receipt: payment.receipt,
        refunds: refunds.iter().map(transactions::refund).collect(),
        transactions: lines,
    })
}

async fn top_up_for_staff(
    db: &impl ConnectionTrait,
    id: TopUpId,
) -> Result<Option<PaymentForStaff>, Unexpected> {
    let Some(filling) = log::top_up(db, id).await? else { return Ok(None) };
    let attempts = log::attempts(db, vec![id.0]).await?;
    let line = transactions::of_top_up(&filling, attempts.get(&id.0));
    Ok(Some(PaymentForStaff {
        id: PaymentId(id.0),
        order: None,
        method: PaymentMethod::Card,
        status: filling.status,
        amount: filling.amount,
        refunded: Money::zero(filling.amount.currency),
        receipt: None,
        refunds: Vec::new(),
        transactions: vec![line],
    }))
}

/// All transactions, newest first, for staff.
/// # Errors
/// Where the caller is not staff, or the cursor is none of this list. A limit beyond its bounds
/// is moved into them; the public route refuses it.
pub async fn list_transactions(
    payments: &Payments,
    caller: &Caller,
    asked: ListTransactions,
) -> Answer<ListTransactions> {
    let refused = CallError::Refused;
    if !caller.may(Permission::ManagePayments) {
        return Err(refused(TransactionsRefused::NotAllowed));
    }
    let limit = PageSize::new(asked.limit.clamp(1, 100)).unwrap_or_else(kit::pages::default_size);
    let cursor = CursorQuery { limit, cursor: asked.cursor };
    let before = cursor.after::<Place>().map_err(|_| refused(TransactionsRefused::Cursor))?;
    let most = u64::from(limit.get()) + 1;
    let lines = newest(payments.db.reader(), before, most).await.map_err(not_done)?;
    let page = Listed::cut(lines, limit.get(), |(place, _)| *place).map(|(_, line)| line);
    Ok(TransactionPage { items: page.items, next_cursor: page.next_cursor })
}

/// The newest lines before a place, as many of each kind as a page may need.
async fn newest(
    db: &impl ConnectionTrait,
    before: Option<Place>,
    most: u64,
) -> Result<Vec<(Place, Transaction)>, Unexpected> {
    let payments = log::payments(db, before, most).await?;
    let top_ups = log::top_ups(db, before, most).await?;
    let refunds = log::refunds(db, before, most).await?;
    let confirmed = log::confirmed(db, before, most).await?;
    let charges = payments.iter().filter_map(|payment| payment.charge);
    let keys = charges.chain(top_ups.iter().map(|it| it.id.0));
    let keys = keys.chain(refunds.iter().map(|it| it.id.0)).collect();
    let attempts = log::attempts(db, keys).await?;
    let attempt = |key: Uuid| attempts.get(&key);
    let mut lines: Vec<(Uuid, Transaction)> = Vec::new();
    lines.extend(
        payments
            .iter()
            .map(|row| (row.id.0, transactions::of_payment(row, row.charge.and_then(attempt)))),
    );
    lines.extend(
        top_ups.iter().map(|row| (row.id.0, transactions::of_top_up(row, attempt(row.id.0)))),
    );
    lines.extend(
        refunds.iter().map(|row| (row.id.0, transactions::of_refund(row, attempt(row.id.0)))),
    );
    lines.extend(confirmed.iter().map(|row| (row.id, transactions::of_confirmation(row))));
    let mut lines: Vec<(Place, Transaction)> =
        lines.into_iter().map(|(id, line)| ((line.at.micros(), id), line)).collect();
    lines.sort_by(|(one, _), (other, _)| other.cmp(one));
    lines.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(lines)
}

/// What is wrong with the ledger: nothing, ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerCheck {
    /// Currencies whose entries do not sum to zero.
    pub unbalanced: Vec<String>,
    /// Movements that do not have two sides which sum to zero.
    pub one_sided: Vec<Uuid>,
    /// Accounts whose balance is not the sum of their wallet's entries.
    pub wallets_off: Vec<AccountId>,
}

impl LedgerCheck {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        *self == Self::default()
    }
}

/// Checks the ledger: each currency and each movement sums to zero, and each wallet holds the
/// sum of its entries. Each part is one statement, and so sees one moment.
/// # Errors
/// When the database fails.
pub async fn check_ledger(db: &impl ConnectionTrait) -> Result<LedgerCheck, Unexpected> {
    Ok(LedgerCheck {
        unbalanced: reads::unbalanced_currencies(db).await?,
        one_sided: reads::one_sided_movements(db).await?,
        wallets_off: reads::wallets_off(db).await?,
    })
}
