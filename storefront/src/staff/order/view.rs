//! What an order's page for staff shows of it.
use super::Asked;
use crate::words::{Day, Price, number, parcel};
use contracts::orders::{Order, OrderStatus, ShipmentStatus};
use contracts::payments::{PaymentForStaff, PaymentMethod, PaymentStatus, Refund, RefundStatus};
use contracts::{Money, PaymentId, ShipmentId, Sku};
use std::collections::BTreeMap;

/// A line of the order.
pub struct Item {
    pub title: String,
    pub slug: String,
    pub sku: Sku,
    pub quantity: u32,
    pub sent: u32,
    pub each: Price,
    pub total: Price,
}

/// What of a SKU can still be sent.
pub struct Left {
    pub sku: Sku,
    pub title: String,
    pub left: u32,
    /// The name of its field.
    pub field: String,
    /// The field's id.
    pub id: String,
    /// What is in the field.
    pub value: String,
}

/// A parcel.
pub struct Sent {
    pub id: ShipmentId,
    pub name: String,
    pub status: &'static str,
    pub class: &'static str,
    pub shipped: Day,
    pub ended: Option<Day>,
    pub lines: Vec<String>,
    pub carrier: String,
    pub tracking: String,
    /// Whether nobody has said what became of it.
    pub under_way: bool,
    /// The name of the form that corrects it.
    pub form: String,
    /// The ids of that form's fields.
    pub carrier_id: String,
    pub tracking_id: String,
}

/// A bank transfer that is looked for.
pub struct Transfer {
    pub payment: PaymentId,
    pub reference: Option<String>,
    pub asked: Price,
    pub amount: String,
}

/// What can be given back.
pub struct Back {
    pub payment: PaymentId,
    pub left: Price,
    pub amount: String,
    pub reason: String,
    /// Whether the goods are to be counted again.
    pub restock: bool,
    /// Whether that can be chosen: goods that were not sent go back to the shelf by themselves.
    pub was_sent: bool,
}

fn sent(order: &Order) -> BTreeMap<&Sku, u32> {
    let mut sent = BTreeMap::new();
    for line in order.shipments.iter().flat_map(|parcel| &parcel.lines) {
        *sent.entry(&line.sku).or_default() += line.quantity.get();
    }
    sent
}

/// The lines.
pub fn items(order: &Order) -> Vec<Item> {
    let sent = sent(order);
    let item = |line: &contracts::cart::CartLine| Item {
        title: line.title.clone(),
        slug: line.slug.clone(),
        sku: line.sku.clone(),
        quantity: line.quantity.get(),
        sent: sent.get(&line.sku).copied().unwrap_or(0).min(line.quantity.get()),
        each: Price(line.unit_price),
        total: Price(line.line_total),
    };
    order.items.iter().map(item).collect()
}

/// What can be sent: of a paid order, or of one that is paid to whoever brings it.
pub fn left(order: &Order, asked: &Asked) -> Vec<Left> {
    let on_delivery = order.payment.method == PaymentMethod::CashOnDelivery;
    let open = match order.status {
        OrderStatus::Paid => true,
        OrderStatus::Pending => on_delivery,
        _ => false,
    };
    if !open {
        return Vec::new();
    }
    let sent = sent(order);
    let line = |line: &contracts::cart::CartLine| {
        let sent = sent.get(&line.sku).copied().unwrap_or(0);
        let left = line.quantity.get().saturating_sub(sent);
        let field = format!("quantity.{}", line.sku);
        let value = if asked.is("part") {
            asked.typed("part", &field).to_owned()
        } else {
            left.to_string()
        };
        let id = format!("part-{field}");
        Left { sku: line.sku.clone(), title: line.title.clone(), left, field, id, value }
    };
    order.items.iter().map(line).filter(|line| line.left > 0).collect()
}

/// The parcels, oldest first.
pub fn parcels(order: &Order, asked: &Asked) -> Vec<Sent> {
    let title = |sku: &Sku| {
        let item = order.items.iter().find(|item| item.sku == *sku);
        item.map_or_else(|| sku.to_string(), |item| item.title.clone())
    };
    let one = |(at, sent): (usize, &contracts::orders::Shipment)| {
        let form = format!("parcel-{}", sent.id);
        let or = |name: &str, kept: &Option<String>| match asked.is(&form) {
            true => asked.typed(&form, name).to_owned(),
            false => kept.clone().unwrap_or_default(),
        };
        let lines = sent.lines.iter();
        Sent {
            id: sent.id,
            name: format!("Parcel {}", at + 1),
            status: parcel(&sent.status),
            class: match sent.status {
                ShipmentStatus::Shipped => "is-fulfilled",
                ShipmentStatus::Delivered => "is-delivered",
                ShipmentStatus::Returned => "is-cancelled",
            },
            shipped: Day(sent.shipped_at),
            ended: sent.ended_at.map(Day),
            lines: lines.map(|line| format!("{} × {}", line.quantity, title(&line.sku))).collect(),
            carrier: or("carrier", &sent.carrier),
            tracking: or("tracking", &sent.tracking),
            under_way: sent.status == ShipmentStatus::Shipped,
            carrier_id: format!("{form}-carrier"),
            tracking_id: format!("{form}-tracking"),
            form,
        }
    };
    order.shipments.iter().enumerate().map(one).collect()
}

/// The transfer that is looked for.
pub fn transfer(order: &Order, asked: &Asked) -> Option<Transfer> {
    let waits = order.status == OrderStatus::Pending
        && order.payment.method == PaymentMethod::BankTransfer
        && order.payment.status == PaymentStatus::Pending;
    waits.then(|| Transfer {
        payment: order.payment.id,
        reference: order.payment.reference.clone(),
        asked: Price(order.total),
        amount: match asked.is("confirm") {
            true => asked.typed("confirm", "amount").to_owned(),
            false => number(order.total),
        },
    })
}

/// What can be given back: what came in, less what went back.
pub fn back(order: &Order, payment: Option<&PaymentForStaff>, asked: &Asked) -> Option<Back> {
    let (status, amount, refunded) = match payment {
        Some(payment) => (payment.status, payment.amount, payment.refunded),
        None => (order.payment.status, order.total, order.refunded),
    };
    let came = matches!(status, PaymentStatus::Captured | PaymentStatus::PartiallyRefunded);
    let left = amount.minor.saturating_sub(refunded.minor);
    (came && left > 0).then(|| Back {
        payment: order.payment.id,
        left: Price(Money::new(left, amount.currency)),
        amount: asked.typed("refund", "amount").to_owned(),
        reason: asked.typed("refund", "reason").to_owned(),
        restock: !asked.typed("refund", "restock").is_empty(),
        was_sent: matches!(order.status, OrderStatus::Fulfilled | OrderStatus::Delivered),
    })
}

/// Where a refund stands, in words.
pub const fn refund(status: &RefundStatus) -> &'static str {
    match status {
        RefundStatus::Pending => "on its way",
        RefundStatus::Done => "done",
        RefundStatus::Failed => "refused by the provider",
    }
}

/// Whether staff give the money of a refund back by hand.
pub fn is_by_hand(payment: &PaymentForStaff, refund: &Refund) -> bool {
    let no_provider =
        matches!(payment.method, PaymentMethod::BankTransfer | PaymentMethod::CashOnDelivery);
    match refund.status {
        RefundStatus::Pending => no_provider,
        RefundStatus::Failed => true,
        RefundStatus::Done => false,
    }
}
