//! Parcels, and what becomes of an order once it is on its way.
use super::{Idempotency, Order, OrderRefused};
use crate::inventory::StockLine;
use crate::message::{call, event};
use crate::payments::PaymentMethod;
use crate::{AccountId, CartId, Money, OrderId, PaymentId, ShipmentId, Timestamp};
use serde::{Deserialize, Serialize};

/// A parcel of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Shipment {
    /// The parcel.
    pub id: ShipmentId,
    /// What is in it: one line a SKU.
    pub lines: Vec<StockLine>,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's code.
    pub tracking: Option<String>,
    /// Where it is.
    pub status: ShipmentStatus,
    /// When it was handed over.
    pub shipped_at: Timestamp,
    /// When it arrived, or came back.
    pub ended_at: Option<Timestamp>,
}

/// Where a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ShipmentStatus {
    /// On its way.
    Shipped,
    /// Arrived.
    Delivered,
    /// Came back: nobody took it.
    Returned,
}

/// Hand a parcel of a paid order (or of one that is paid on delivery) to the carrier. When
/// nothing is left to send, the order is fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateShipment {
    /// Of which order.
    pub order: OrderId,
    /// What is in it; nothing means all that is left to send.
    pub lines: Vec<StockLine>,
    /// At most 100 characters.
    pub carrier: Option<String>,
    /// At most 100 characters.
    pub tracking: Option<String>,
    /// The client's key.
    pub idempotency: Idempotency,
}
call!(CreateShipment, "orders.create_shipment.v1", Order, OrderRefused);

/// Say what became of a parcel, or correct its code. When all have arrived, the order is
/// delivered; when all of an order that is not paid came back, it is cancelled. Repeating it
/// changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateShipment {
    /// Of which order.
    pub order: OrderId,
    /// Which parcel.
    pub shipment: ShipmentId,
    /// None leaves it. A parcel that arrived or came back stays so.
    pub status: Option<ShipmentStatus>,
    /// None leaves it.
    pub carrier: Option<String>,
    /// None leaves it.
    pub tracking: Option<String>,
}
call!(UpdateShipment, "orders.update_shipment.v1", Order, OrderRefused);

/// A parcel was handed to the carrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentSent {
    /// Which parcel.
    pub shipment: ShipmentId,
    /// Of which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// What is in it: one line a SKU.
    pub lines: Vec<StockLine>,
}
event!(ShipmentSent, "orders.shipment_sent.v1", order);

/// A parcel arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentDelivered {
    /// Which parcel.
    pub shipment: ShipmentId,
    /// Of which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
}
event!(ShipmentDelivered, "orders.shipment_delivered.v1", order);

/// All of an order is on its way. The stock of an order that is not paid yet leaves now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFulfilled {
    /// Which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// From which cart.
    pub cart: CartId,
    /// What was sent: one line a SKU.
    pub lines: Vec<StockLine>,
    /// Its payment.
    pub payment: PaymentId,
    /// By which method.
    pub method: PaymentMethod,
}
event!(OrderFulfilled, "orders.order_fulfilled.v1", order);

/// All of an order arrived. What is paid on delivery has been paid to the carrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDelivered {
    /// Which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// Its payment.
    pub payment: PaymentId,
    /// By which method.
    pub method: PaymentMethod,
    /// What it costs.
    pub total: Money,
}
event!(OrderDelivered, "orders.order_delivered.v1", order);

/// An order that was fulfilled was given back whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRefunded {
    /// Which order.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// What it was for: one line a SKU.
    pub lines: Vec<StockLine>,
    /// Whether the goods are on the shelf again, as staff decided.
    pub restock: bool,
}
event!(OrderRefunded, "orders.order_refunded.v1", order);
