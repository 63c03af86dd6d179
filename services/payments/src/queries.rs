//! Reads.
use crate::Payments;
use crate::store::reads;
use contracts::payments::{
    GetWallet, NoWallet, OfferedMethod, PaymentMethod, PaymentMethods, Wallet, WalletEntries,
    WalletEntriesRefused, WalletEntryPage,
};
use contracts::{AccountId, CallError, Caller, Money};
use kit::Unexpected;
use kit::calls::Answer;
use kit::pages::{CursorQuery, Listed, PageSize};
use sea_orm::ConnectionTrait;

fn not_done<E>(error: Unexpected) -> CallError<E> {
    error.log();
    CallError::NotDone(error.to_string())
}

/// What the caller can spend.
/// # Errors
/// Where nobody is logged in.
pub async fn get_wallet(payments: &Payments, caller: &Caller) -> Answer<GetWallet> {
    let account = caller.account().ok_or(CallError::Refused(NoWallet))?;
    let balance = reads::balance(payments.db.reader(), account).await.map_err(not_done)?;
    Ok(Wallet { balance: balance.unwrap_or(Money::zero(payments.currency)) })
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

/// The ways to pay that the caller can use: guests have no wallet.
/// # Errors
/// None.
pub fn payment_methods(caller: &Caller) -> Answer<PaymentMethods> {
    let card = OfferedMethod {
        method: PaymentMethod::Card,
        name: "Card".to_owned(),
        needs_account: false,
        needs_token: true,
    };
    let wallet = OfferedMethod {
        method: PaymentMethod::Wallet,
        name: "Wallet".to_owned(),
        needs_account: true,
        needs_token: false,
    };
    Ok(if *caller == Caller::Guest { vec![card] } else { vec![card, wallet] })
}

/// What is wrong with the ledger: nothing, ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerCheck {
    /// Currencies whose entries do not sum to zero.
    pub unbalanced: Vec<String>,
    /// Movements that do not have two sides which sum to zero.
    pub one_sided: Vec<uuid::Uuid>,
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
