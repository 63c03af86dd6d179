//! What orders tells and answers. It owns orders, their states and the clock that ends them.
mod shipments;
mod shop;

pub use shipments::*;
pub use shop::*;

use crate::cart::{CartLine, CartToken};
use crate::inventory::{Shortage, StockLine};
use crate::message::{call, event};
use crate::payments::{PaymentMethod, PaymentStatus};
use crate::{AccountId, Address, CartId, Money, NoRefusal, OrderId, PaymentId, Sku, Timestamp};
use serde::{Deserialize, Serialize};

/// A shopper committed to buy. Stock is held, nothing is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// Which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// From which cart.
    pub cart: CartId,
    /// What is held for it: one line a SKU.
    pub lines: Vec<StockLine>,
    /// What it costs in all.
    pub total: Money,
    /// The payment that was asked for; its id is chosen by orders.
    pub payment: PaymentId,
    /// By which method.
    pub method: PaymentMethod,
    /// The card token, where the method has one.
    pub token: Option<String>,
    /// When it ends by itself if nobody pays; none for cash on delivery.
    pub expires_at: Option<Timestamp>,
}
event!(OrderPlaced, "orders.order_placed.v1", order);

/// The whole total was captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPaid {
    /// Which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// From which cart.
    pub cart: CartId,
    /// What was bought: one line a SKU.
    pub lines: Vec<StockLine>,
    /// What was paid.
    pub total: Money,
    /// The method that the order was placed with (another may have paid it).
    #[serde(default)]
    pub placed_with: Option<PaymentMethod>,
}
event!(OrderPaid, "orders.order_paid.v1", order);

/// The order ended without delivery: holds are to be let go, money is to be given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCancelled {
    /// Which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// What it was for: one line a SKU.
    pub lines: Vec<StockLine>,
    /// Whether it had been paid: then stock had left and the score had risen.
    pub was_paid: bool,
    /// Its payment.
    pub payment: PaymentId,
    /// Why.
    pub reason: CancelReason,
}
event!(OrderCancelled, "orders.order_cancelled.v1", order);

/// Why an order was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The shopper asked for it.
    ByShopper,
    /// Staff decided it.
    ByStaff,
    /// The payment was refused.
    PaymentFailed,
    /// Nobody paid in time.
    Expired,
    /// It was paid, but the stock was gone.
    StockMissing,
    /// Nobody took the parcels, and nothing was paid.
    Undeliverable,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed; stock is held, nothing is paid.
    Pending,
    /// Paid in full.
    Paid,
    /// Handed to the carrier.
    Fulfilled,
    /// Arrived.
    Delivered,
    /// Ended without delivery.
    Cancelled,
    /// Wholly given back after it was fulfilled.
    Refunded,
}

/// How the goods travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ShippingMethod {
    /// By post.
    Standard,
    /// By courier.
    Express,
    /// Fetched by the shopper.
    Pickup,
}

/// How a shopper means to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(examples(json!({"method": "card", "token": "tok_visa"}))))]
#[serde(deny_unknown_fields)]
pub struct PayWith {
    /// By which method.
    pub method: PaymentMethod,
    /// The card token that the card form gave; 1 to 200 visible characters. Cards only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A client's idempotency key with the hash of the body that it came with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Idempotency {
    /// The `Idempotency-Key` header.
    pub key: String,
    /// SHA-256 of the canonical body.
    pub body: [u8; 32],
}

/// Order what is in the caller's cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Whose cart, for guests.
    pub of: CartToken,
    /// The client's key.
    pub idempotency: Idempotency,
    /// Where to.
    pub shipping_address: Address,
    /// How.
    pub shipping_method: ShippingMethod,
    /// How to pay.
    pub payment: PayWith,
    /// Where to write to; guests must give it.
    pub email: Option<String>,
    /// The version of the cart that the shopper saw.
    pub cart_version: Option<i64>,
}
call!(Checkout, "orders.checkout.v1", CheckedOut, CheckoutRefused);

/// The order, and for guests the token that opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckedOut {
    /// As it was placed.
    #[serde(flatten)]
    pub order: Order,
    /// To be sent as `Order-Token`; answered to guests only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_token: Option<String>,
}

/// Why no order was placed. Every kind but the two about the key is kept and replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum CheckoutRefused {
    /// The cart has no lines.
    #[error("the cart is empty")]
    CartEmpty,
    /// The cart is not the one that the shopper saw.
    #[error("the cart was changed since it was shown")]
    CartChanged {
        /// Its version now.
        version: i64,
    },
    /// A live order was placed from this version of the cart.
    #[error("this cart was ordered already")]
    CartAlreadyOrdered {
        /// That order.
        order: OrderId,
    },
    /// Prices changed since the cart was shown.
    #[error("a price changed since the cart was shown")]
    PriceChanged {
        /// Both prices, by SKU.
        changes: Vec<PriceChange>,
    },
    /// The catalogue no longer sells these.
    #[error("not sold any more")]
    NotSold {
        /// Which ones.
        skus: Vec<Sku>,
    },
    /// Too little of these.
    #[error("too little stock")]
    OutOfStock {
        /// By SKU.
        short: Vec<Shortage>,
    },
    /// The shop does not deliver to this country, or not in this way.
    #[error("the shop does not deliver to {country} in this way")]
    NotDelivered {
        /// To which country.
        country: String,
    },
    /// The total is more than the store reckons with, or currencies differ.
    #[error("the total cannot be reckoned: {reason}")]
    Total {
        /// Why.
        reason: String,
    },
    /// A field does not hold what it should. Not kept.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key came with another body before. Not kept.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The same request is still running. Not kept.
    #[error("the same request is still running")]
    InProgress,
}

/// A price that was shown and the one of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PriceChange {
    /// Which SKU.
    pub sku: Sku,
    /// What the cart showed.
    pub shown: Money,
    /// What it costs now.
    pub now: Money,
}

/// An order as its owner and staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Order {
    /// The order.
    pub id: OrderId,
    /// What people call it.
    pub number: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// What was ordered.
    pub items: Vec<CartLine>,
    /// Sum of the items.
    pub subtotal: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax that is added (nothing where prices include it).
    pub tax: Money,
    /// Tax that the prices include.
    pub tax_included: Money,
    /// The tax by rate, added or included; empty where none is due.
    pub tax_lines: Vec<TaxLine>,
    /// What was taken off.
    pub discount: Money,
    /// `subtotal + shipping + tax - discount`.
    pub total: Money,
    /// How it is paid.
    pub payment: OrderPayment,
    /// How it travels.
    pub shipping_method: ShippingMethod,
    /// Where it goes.
    pub shipping_address: Address,
    /// The carrier's code of the newest parcel, once it is on its way.
    pub tracking: Option<String>,
    /// The parcels, oldest first.
    pub shipments: Vec<Shipment>,
    /// What went back to whoever paid.
    pub refunded: Money,
    /// Why it was cancelled.
    pub cancel_reason: Option<CancelReason>,
    /// When it ends by itself if nobody pays; null once decided.
    pub expires_at: Option<Timestamp>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Rises with every change.
    pub version: i64,
}

/// The tax of one rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaxLine {
    /// Hundredths of a per cent: 1,900 is 19 %.
    pub basis_points: u32,
    /// What it is reckoned on, without the tax.
    pub base: Money,
    /// The tax.
    pub tax: Money,
}

/// The payment as the order knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderPayment {
    /// The payment.
    pub id: PaymentId,
    /// Where it stands.
    pub status: PaymentStatus,
    /// By which method.
    pub method: PaymentMethod,
    /// Why it failed, such as `card_declined` or `insufficient_funds`.
    pub failure_code: Option<String>,
    /// What a bank transfer is to name (ISO 11649).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The account that a bank transfer is to go to, as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

/// Which order, and the guest's token for it. A stranger's order is not found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef {
    /// Which order.
    pub order: OrderId,
    /// The `Order-Token` header.
    pub token: Option<String>,
}

/// Why an order was not shown or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum OrderRefused {
    /// Neither an account nor a token was given.
    #[error("log in, or send the order's token")]
    NotLoggedIn,
    /// No such order, or a stranger's.
    #[error("there is no such order")]
    NotFound,
    /// The caller lacks the right.
    #[error("only staff may do this")]
    NotAllowed,
    /// The order's state does not allow it.
    #[error("the order is {status}")]
    WrongState {
        /// Where it stands.
        status: String,
    },
    /// The payment method or token is not usable.
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

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetOrder {
    /// Which one.
    pub of: OrderRef,
}
call!(GetOrder, "orders.get_order.v1", Order, OrderRefused);

/// The caller's orders, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListOrders {
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only these.
    pub status: Option<OrderStatus>,
    /// Everybody's, for staff.
    pub everybody: bool,
    /// Only orders whose number starts with this; for staff also a guest's e-mail address, whole.
    #[serde(default)]
    pub q: Option<String>,
    /// Only those placed at this time or later.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Only those placed before this time.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Only those to be paid by this method.
    #[serde(default)]
    pub method: Option<PaymentMethod>,
}
call!(ListOrders, "orders.list_orders.v1", OrderPage, ListOrdersRefused);

/// Why no orders were listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ListOrdersRefused {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// Everybody's orders are for staff.
    #[error("only staff may see everybody's orders")]
    NotAllowed,
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
}

/// One page of orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderPage {
    /// Newest first.
    pub items: Vec<Order>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// Complete a payment that requires an action, or start another method on a pending order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayOrder {
    /// Which order.
    pub of: OrderRef,
    /// The client's key.
    pub idempotency: Idempotency,
    /// None completes the action that the present payment requires.
    pub payment: Option<PayWith>,
}
call!(PayOrder, "orders.pay_order.v1", Order, OrderRefused);

/// Cancel an order that is not yet fulfilled; what was paid goes back. Repeating changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    /// Which order.
    pub of: OrderRef,
    /// The client's key.
    pub idempotency: Idempotency,
}
call!(CancelOrder, "orders.cancel_order.v1", Order, OrderRefused);

/// The receipt of a paid order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetReceipt {
    /// Which order.
    pub of: OrderRef,
}
call!(GetReceipt, "orders.get_receipt.v1", Receipt, OrderRefused);

/// Proof of what was bought and paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// Its number: no two receipts share one, and none is left out.
    pub number: String,
    /// What the shop was called when it was paid, and where it is.
    pub seller: Seller,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// What was given back since.
    pub refunded: Money,
    /// What was bought.
    pub order: Order,
}

/// Who sold, as a receipt has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Seller {
    /// What the shop is called.
    pub name: String,
    /// Who stands behind it and where, a line each.
    pub address: Vec<String>,
    /// Its VAT identification number.
    pub vat_id: Option<String>,
}

/// The steps an order went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetTracking {
    /// Which order.
    pub of: OrderRef,
}
call!(GetTracking, "orders.get_tracking.v1", Tracking, OrderRefused);

/// The timeline of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tracking {
    /// Where it stands.
    pub status: OrderStatus,
    /// The carrier's code of the newest parcel.
    pub tracking: Option<String>,
    /// The parcels, oldest first.
    pub shipments: Vec<Shipment>,
    /// Oldest first.
    pub timeline: Vec<TrackingStep>,
}

/// One step of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TrackingStep {
    /// What it became.
    pub status: OrderStatus,
    /// When.
    pub at: Timestamp,
}

/// Whether an account has a paid order with any of these SKUs. Only the store itself may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HasBought {
    /// Whose orders.
    pub account: AccountId,
    /// At most 100.
    pub skus: Vec<Sku>,
}
call!(HasBought, "orders.has_bought.v1", bool, NoRefusal);

/// What became of an order id that stock is held for. An id whose placing was given up is
/// marked, so that it can never be placed after this was answered with `NeverPlaced`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatBecameOf {
    /// Which order.
    pub order: OrderId,
}
call!(WhatBecameOf, "orders.what_became_of.v1", Became, NoRefusal);

/// What became of an order id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// A checkout with this id is still running: ask again later.
    StillPlacing,
    /// It was placed; its events tell the rest.
    Placed,
    /// It was not placed and never will be.
    NeverPlaced,
}

/// What a letter about an order says, for many orders at once. Unknown ids are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersForLetters {
    /// At most 1,000.
    pub orders: Vec<OrderId>,
}
call!(OrdersForLetters, "orders.orders_for_letters.v1", Vec<OrderForLetter>, NoRefusal);

/// An order with the address of whom to write to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderForLetter {
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// A guest's e-mail address; an account's is asked of identity.
    pub email: Option<String>,
    /// The number of its receipt, as [`Receipt::number`] has it, once it is paid.
    #[serde(default)]
    pub receipt: Option<String>,
    /// The order.
    pub order: Order,
}
