//! The parcels of an order.
use crate::words::{Day, parcel};
use contracts::orders::{Order, Shipment, ShipmentStatus};

/// A parcel as a shopper sees it.
pub struct Parcel {
    /// `Parcel 1`.
    pub name: String,
    /// Where it is.
    pub status: &'static str,
    /// The class of that.
    pub class: &'static str,
    /// Who carries it.
    pub carrier: Option<String>,
    /// What they call it.
    pub code: Option<String>,
    /// When it was handed over.
    pub shipped: Day,
    /// When it arrived, or came back.
    pub ended: Option<Day>,
    /// `2 × Frankenstein`.
    pub lines: Vec<String>,
}

/// The parcels, oldest first.
pub fn parcels(order: &Order) -> Vec<Parcel> {
    order.shipments.iter().enumerate().map(|(at, sent)| one(order, at, sent)).collect()
}

fn one(order: &Order, at: usize, sent: &Shipment) -> Parcel {
    let some = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let lines = sent.lines.iter().map(|line| {
        let known = order.items.iter().find(|item| item.sku == line.sku);
        let title = known.map_or_else(|| line.sku.to_string(), |item| item.title.clone());
        format!("{} × {title}", line.quantity)
    });
    Parcel {
        name: format!("Parcel {}", at + 1),
        status: parcel(&sent.status),
        class: match sent.status {
            ShipmentStatus::Shipped => "is-fulfilled",
            ShipmentStatus::Delivered => "is-delivered",
            ShipmentStatus::Returned => "is-cancelled",
        },
        carrier: some(&sent.carrier),
        code: some(&sent.tracking),
        shipped: Day(sent.shipped_at),
        ended: sent.ended_at.map(Day),
        lines: lines.collect(),
    }
}
