//! What payments tells and answers. It owns payments, wallets and the ledger.
use crate::message::{call, event};
use crate::orders::{Idempotency, PayWith};
use crate::{
    AccountId, EntryId, Money, NoRefusal, OrderId, PaymentId, RefundId, Timestamp, TopUpId,
};
use serde::{Deserialize, Serialize};

/// A way to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    /// From the account's wallet.
    Wallet,
    /// By card, through a provider.
    Card,
    /// By a transfer to the shop's bank account, which staff confirms.
    BankTransfer,
    /// In cash, to whoever brings it.
    CashOnDelivery,
}
impl PaymentMethod {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Card => "card",
            Self::BankTransfer => "bank_transfer",
            Self::CashOnDelivery => "cash_on_delivery",
        }
    }
    /// Whether the shopper's part is done when the order is placed: nothing is decided within
    /// minutes, and what was ordered leaves the cart at once.
    pub const fn pays_later(self) -> bool {
        matches!(self, Self::BankTransfer | Self::CashOnDelivery)
    }
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Asked for, not yet answered.
    Pending,
    /// The shopper has to confirm it.
    RequiresAction,
    /// Promised by the provider, not yet taken.
    Authorized,
    /// The money is ours.
    Captured,
    /// Refused.
    Failed,
    /// Closed before money moved.
    Voided,
    /// A part was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
}

/// The shopper has to confirm the payment (`POST /v1/orders/{id}/pay`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentActionRequired {
    /// Which payment.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
}
event!(PaymentActionRequired, "payments.action_required.v1", payment);

/// The money is ours. Told only of money that stays: what arrives for a payment that was closed
/// goes back without a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentCaptured {
    /// Which payment.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// How much.
    pub amount: Money,
    /// The number of its receipt: from 1, none left out.
    #[serde(default)]
    pub receipt: Option<i64>,
}
event!(PaymentCaptured, "payments.captured.v1", payment);

/// The payment was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFailed {
    /// Which payment.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// Why, such as `card_declined` or `insufficient_funds`.
    pub failure_code: String,
}
event!(PaymentFailed, "payments.failed.v1", payment);

/// Money went back to whoever paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    /// Which payment.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// Which refund.
    pub refund: RefundId,
    /// How much this time.
    pub amount: Money,
    /// How much over all refunds.
    pub refunded: Money,
    /// Whether nothing is left to give back.
    pub whole: bool,
    /// Whether staff put the goods on the shelf again.
    #[serde(default)]
    pub restock: bool,
}
event!(PaymentRefunded, "payments.refunded.v1", payment);

/// Money arrived in a wallet by a top-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletToppedUp {
    /// Which top-up.
    pub top_up: TopUpId,
    /// Whose wallet.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
}
event!(WalletToppedUp, "payments.wallet_topped_up.v1", top_up);

/// Close the payments of `order` for good, so that none can be captured any more. An order that
/// payments has not heard of yet is marked, so that its late payment is voided at birth.
/// Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosePayment {
    /// Of which order.
    pub order: OrderId,
    /// Its present payment.
    pub payment: PaymentId,
}
call!(ClosePayment, "payments.close_payment.v1", Closing, NoRefusal);

/// How closing a payment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Closing {
    /// Nothing was captured, and nothing will stay captured: what a provider captures after
    /// this goes back in full.
    Closed,
    /// The money was captured before.
    Captured {
        /// How much.
        amount: Money,
    },
}

/// Complete the action that a payment requires, or start another method for the order.
/// Repeating it with the same `payment` changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinuePayment {
    /// For which order.
    pub order: OrderId,
    /// Whose wallet, should it be paid from one.
    pub account: Option<AccountId>,
    /// The order's present payment.
    pub payment: PaymentId,
    /// How much the order costs.
    pub amount: Money,
    /// None completes the present payment's action; else the present payment is voided and a
    /// new one started.
    pub instead: Option<NewPayment>,
}
call!(ContinuePayment, "payments.continue_payment.v1", PaymentStatus, ContinueRefused);

/// Another payment for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPayment {
    /// Its id, chosen by orders.
    pub payment: PaymentId,
    /// How.
    pub with: PayWith,
}

/// Why a payment was not continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ContinueRefused {
    /// No such payment (yet).
    #[error("there is no such payment")]
    NotFound,
    /// The payment's state does not allow it.
    #[error("the payment is not waiting for that")]
    WrongState {
        /// Where it stands.
        status: PaymentStatus,
    },
}

/// Give back `amount` of a captured payment, or all that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPayment {
    /// Which payment.
    pub payment: PaymentId,
    /// How much; none for all that is left.
    pub amount: Option<Money>,
    /// Why: at most 200 characters.
    pub reason: String,
    /// Whether the goods are on the shelf again, should this give back all of a fulfilled order.
    #[serde(default)]
    pub restock: bool,
    /// The client's key.
    pub idempotency: Idempotency,
}
call!(RefundPayment, "payments.refund_payment.v1", Refund, RefundRefused);

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Refund {
    /// The refund.
    pub id: RefundId,
    /// Of which payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Money,
    /// `pending` until the provider has done it, or staff by hand where there is none; then
    /// `done`.
    pub status: RefundStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The provider has not done it yet, or nobody has given it back by hand.
    Pending,
    /// The money went back.
    Done,
    /// The provider refused for a day. The amount is left to be given back again, or by hand
    /// ([`ConfirmRefund`]).
    Failed,
}

/// Why nothing was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum RefundRefused {
    /// The caller lacks the right.
    #[error("only staff may give money back")]
    NotAllowed,
    /// No such payment.
    #[error("there is no such payment")]
    NotFound,
    /// More than is left, or in another currency.
    #[error("at most {left} can be given back")]
    TooMuch {
        /// What is left.
        left: Money,
    },
    /// Nothing was captured, or nothing is left.
    #[error("there is nothing to give back")]
    NothingCaptured,
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key came with another body before.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The same request is still running.
    #[error("the same request is still running")]
    InProgress,
}

/// Say that the money of a bank transfer arrived. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmTransfer {
    /// Which payment.
    pub payment: PaymentId,
    /// What arrived; has to be what was asked for. None means just that.
    pub amount: Option<Money>,
    /// The client's key.
    pub idempotency: Idempotency,
}
call!(ConfirmTransfer, "payments.confirm_transfer.v1", PaymentForStaff, ConfirmRefused);

/// Why a transfer was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ConfirmRefused {
    /// The caller lacks the right.
    #[error("only staff may confirm transfers")]
    NotAllowed,
    /// No such payment.
    #[error("there is no such payment")]
    NotFound,
    /// It is not a bank transfer, or it was closed: the money has to be sent back by hand.
    #[error("the payment is not waiting for a transfer")]
    WrongState {
        /// Where it stands.
        status: PaymentStatus,
    },
    /// Another amount was asked for.
    #[error("{asked} was asked for")]
    WrongAmount {
        /// What was asked for.
        asked: Money,
    },
    /// The key came with another body before.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The same request is still running.
    #[error("the same request is still running")]
    InProgress,
}

/// Say that the money of a refund was given back by hand: that of a bank transfer or of cash, or
/// one that the card's provider declined for good. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmRefund {
    /// Of which payment.
    pub payment: PaymentId,
    /// Which refund.
    pub refund: RefundId,
    /// The client's key.
    pub idempotency: Idempotency,
}
call!(ConfirmRefund, "payments.confirm_refund.v1", Refund, ConfirmRefused);

/// A payment as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaymentForStaff {
    /// The payment.
    pub id: PaymentId,
    /// For which order; null for a top-up.
    pub order: Option<OrderId>,
    /// By which method.
    pub method: PaymentMethod,
    /// Where it stands.
    pub status: PaymentStatus,
    /// How much was asked for.
    pub amount: Money,
    /// How much went back.
    pub refunded: Money,
    /// The number of its receipt.
    pub receipt: Option<i64>,
    /// Oldest first.
    pub refunds: Vec<Refund>,
    /// What was done for it, oldest first.
    pub transactions: Vec<Transaction>,
}

/// Something that was asked of a provider or done in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Transaction {
    /// Of which payment or top-up.
    pub payment: uuid::Uuid,
    /// `authorise`, `capture`, `refund`, `void` or `confirm` (done by hand).
    pub kind: String,
    /// How much.
    pub amount: Money,
    /// `asked`, `done`, `declined` or `unknown`.
    pub outcome: String,
    /// What the provider calls it.
    pub provider_ref: Option<String>,
    /// Why it was declined.
    pub failure_code: Option<String>,
    /// Who did it, where staff did.
    pub by: Option<AccountId>,
    /// When it was asked for, or done by hand.
    pub at: Timestamp,
}

/// One payment, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPayment {
    /// Which one.
    pub payment: PaymentId,
}
call!(GetPayment, "payments.get_payment.v1", PaymentForStaff, ConfirmRefused);

/// All transactions, newest first, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListTransactions {
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(ListTransactions, "payments.list_transactions.v1", TransactionPage, TransactionsRefused);

/// One page of transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TransactionPage {
    /// Newest first.
    pub items: Vec<Transaction>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// Why no transactions were listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum TransactionsRefused {
    /// The caller lacks the right.
    #[error("only staff may see transactions")]
    NotAllowed,
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
}

/// The ways to pay that the caller can use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethods;
call!(PaymentMethods, "payments.payment_methods.v1", Vec<OfferedMethod>, NoRefusal);

/// A way to pay and how to call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OfferedMethod {
    /// The method.
    pub method: PaymentMethod,
    /// Its name for people.
    pub name: String,
    /// Whether it needs an account.
    pub needs_account: bool,
    /// Whether it needs a token from the card form.
    pub needs_token: bool,
}

/// A wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Wallet {
    /// What can be spent.
    pub balance: Money,
}

/// Nobody is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("nobody is logged in")]
pub struct NoWallet;

/// The caller's wallet. An account whose wallet is still being made has an empty one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetWallet;
call!(GetWallet, "payments.get_wallet.v1", Wallet, NoWallet);

/// The movements of the caller's wallet, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletEntries {
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(WalletEntries, "payments.wallet_entries.v1", WalletEntryPage, WalletEntriesRefused);

/// Why no movements were listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum WalletEntriesRefused {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
}

/// One page of movements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WalletEntryPage {
    /// Newest first.
    pub items: Vec<WalletEntry>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// One movement of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WalletEntry {
    /// The movement.
    pub id: EntryId,
    /// Negative where money left.
    pub amount: Money,
    /// `top_up`, `purchase` or `refund`.
    pub kind: String,
    /// The order it was for.
    pub order: Option<OrderId>,
    /// When.
    pub at: Timestamp,
}

/// Put money into the caller's wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    /// 1 minor unit to 1,000,000.00, in the store's currency.
    pub amount: Money,
    /// By card.
    pub with: PayWith,
    /// The client's key.
    pub idempotency: Idempotency,
}
call!(TopUp, "payments.top_up.v1", ToppedUp, TopUpRefused);

/// Where a top-up stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ToppedUp {
    /// The top-up.
    pub id: TopUpId,
    /// How much.
    pub amount: Money,
    /// `captured` once credited.
    pub status: PaymentStatus,
    /// Why it failed.
    pub failure_code: Option<String>,
}

/// Complete the action that a top-up requires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmTopUp {
    /// Which one.
    pub top_up: TopUpId,
    /// The client's key.
    pub idempotency: Idempotency,
}
call!(ConfirmTopUp, "payments.confirm_top_up.v1", ToppedUp, TopUpRefused);

/// Why no money was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum TopUpRefused {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// No such top-up, or a stranger's.
    #[error("there is no such top-up")]
    NotFound,
    /// It does not wait for anything.
    #[error("the top-up is not waiting for that")]
    WrongState,
    /// The card was refused.
    #[error("the card was refused: {failure_code}")]
    Declined {
        /// Why.
        failure_code: String,
    },
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key came with another body before.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The same request is still running.
    #[error("the same request is still running")]
    InProgress,
}
