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
}
impl PaymentMethod {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Card => "card",
        }
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
    /// `pending` until the provider has done it, then `done`.
    pub status: RefundStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The provider has not confirmed it yet.
    Pending,
    /// The money went back.
    Done,
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

/// Why no money was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum TopUpRefused {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
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
