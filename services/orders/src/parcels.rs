//! The parcels of an order: what may be sent, and what becomes of the order by it. Pure.
//!
//! What was sent counts as sent, whatever becomes of its parcel: nothing is sent twice under one
//! order. An order is fulfilled when nothing is left to send, and delivered when no parcel is
//! under way any more and one at least arrived: what came back of such an order is for staff to
//! refund. Where everything came back, a paid order stays fulfilled until it is refunded, and
//! one that nobody paid is cancelled.
use crate::order::{News, Order, WrongState};
use contracts::inventory::StockLine;
use contracts::orders::{
    CancelReason, OrderDelivered, OrderFulfilled, OrderRefunded, OrderStatus, Shipment,
    ShipmentDelivered, ShipmentSent, ShipmentStatus,
};
use contracts::payments::PaymentMethod;
use contracts::{Quantity, ShipmentId, Timestamp};
use std::collections::BTreeMap;

/// The most parcels of one order.
pub const MOST_PARCELS: usize = 100;

/// A parcel that is to be sent.
#[derive(Clone, Debug)]
pub struct NewParcel {
    /// Its id.
    pub id: ShipmentId,
    /// What is in it; nothing means all that is left to send.
    pub lines: Vec<StockLine>,
    /// Who carries it.
    pub carrier: Option<String>,
    /// The carrier's code.
    pub tracking: Option<String>,
}

/// What is new about a parcel.
#[derive(Clone, Debug, Default)]
pub struct ParcelChange {
    /// None leaves it.
    pub status: Option<ShipmentStatus>,
    /// None leaves it.
    pub carrier: Option<String>,
    /// None leaves it.
    pub tracking: Option<String>,
}

/// Why a parcel is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The order's state does not allow it.
    #[error(transparent)]
    WrongState(#[from] WrongState),
    /// A line does not hold what it should.
    #[error("{field} {reason}")]
    Line {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a parcel was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// The order has no such parcel.
    #[error("there is no such parcel")]
    NotFound,
    /// It arrived or came back before, and stays so.
    #[error(transparent)]
    WrongState(#[from] WrongState),
}

impl Order {
    /// What no parcel holds yet: one line a SKU, in the order of the items.
    pub fn left_to_send(&self) -> Vec<StockLine> {
        let mut sent: BTreeMap<_, u32> = BTreeMap::new();
        for line in self.shipments.iter().flat_map(|parcel| &parcel.lines) {
            *sent.entry(&line.sku).or_default() += line.quantity.get();
        }
        let left = |line: StockLine| {
            let sent = sent.get(&line.sku).copied().unwrap_or(0);
            let quantity = Quantity::new(line.quantity.get().saturating_sub(sent)).ok()?;
            Some(StockLine { sku: line.sku, quantity })
        };
        self.lines().into_iter().filter_map(left).collect()
    }

    /// Hands a parcel to the carrier. Only what is paid is sent, or to be paid to the carrier;
    /// nothing while its payment is being closed or another one begun, for nobody knows then
    /// how it ends.
    /// # Errors
    /// When the state does not allow it, or more would be sent than was ordered.
    pub fn send(&mut self, new: NewParcel, now: Timestamp) -> Result<Vec<News>, NotSent> {
        let on_delivery = self.payment.method == PaymentMethod::CashOnDelivery
            && self.next.is_none()
            && !self.closing;
        match self.status {
            OrderStatus::Paid => {}
            OrderStatus::Pending if on_delivery => {}
            _ => return Err(self.wrong_state().into()),
        }
        if self.shipments.len() >= MOST_PARCELS {
            let reason = format!("are too many: an order has at most {MOST_PARCELS} parcels");
            return Err(NotSent::Line { field: "lines".to_owned(), reason });
        }
        let lines = self.to_send(&new.lines)?;
        self.shipments.push(Shipment {
            id: new.id,
            lines: lines.clone(),
            carrier: new.carrier,
            tracking: new.tracking,
            status: ShipmentStatus::Shipped,
            shipped_at: now,
            ended_at: None,
        });
        self.parcels_changed();
        let sent = ShipmentSent { shipment: new.id, order: self.id, account: self.account, lines };
        let mut news = vec![News::Sent(sent)];
        if self.left_to_send().is_empty() {
            self.become_now(OrderStatus::Fulfilled, now);
            news.push(News::Fulfilled(OrderFulfilled {
                order: self.id,
                account: self.account,
                cart: self.cart,
                lines: self.lines(),
                payment: self.payment.id,
                method: self.payment.method,
            }));
        }
        Ok(news)
    }
    /// What is asked for, one line a SKU: all that is left, where nothing is named.
    fn to_send(&self, asked: &[StockLine]) -> Result<Vec<StockLine>, NotSent> {
        let left = self.left_to_send();
        if asked.is_empty() {
            return Ok(left);
        }
        let mut lines: Vec<StockLine> = Vec::new();
        for (index, line) in asked.iter().enumerate() {
            let fault = |field: &str, reason: String| {
                let field = format!("lines[{index}].{field}");
                Err(NotSent::Line { field, reason })
            };
            if !self.items.iter().any(|item| item.sku == line.sku) {
                return fault("sku", "is not in the order".to_owned());
            }
            let known = lines.iter().position(|known| known.sku == line.sku);
            let before = known.and_then(|at| lines.get(at)).map_or(0, |line| line.quantity.get());
            let most = left.iter().find(|left| left.sku == line.sku);
            let most = most.map_or(0, |left| left.quantity.get());
            let sum = before.saturating_add(line.quantity.get());
            let Some(quantity) = Quantity::new(sum).ok().filter(|_| sum <= most) else {
                return fault("quantity", format!("is too large: {most} are left to send"));
            };
            match known.and_then(|at| lines.get_mut(at)) {
                Some(known) => known.quantity = quantity,
                None => lines.push(StockLine { sku: line.sku.clone(), quantity }),
            }
        }
        Ok(lines)
    }

    /// Says what became of a parcel, or corrects its code. Repeating it changes nothing.
    /// # Errors
    /// When there is no such parcel, or another end of it is known.
    pub fn parcel_is(
        &mut self,
        id: ShipmentId,
        change: ParcelChange,
        now: Timestamp,
    ) -> Result<Vec<News>, NotChanged> {
        let parcel = self.shipments.iter_mut().find(|parcel| parcel.id == id);
        let parcel = parcel.ok_or(NotChanged::NotFound)?;
        let before = parcel.clone();
        match change.status {
            Some(status) if status != parcel.status => {
                if parcel.status != ShipmentStatus::Shipped {
                    let ended = shipment_name(parcel.status);
                    return Err(WrongState(format!("on its way, its parcel {ended}")).into());
                }
                (parcel.status, parcel.ended_at) = (status, Some(now));
            }
            _ => {}
        }
        parcel.carrier = change.carrier.or_else(|| parcel.carrier.take());
        parcel.tracking = change.tracking.or_else(|| parcel.tracking.take());
        let (status, changed) = (parcel.status, *parcel != before);
        if changed {
            self.parcels_changed();
        }
        if status == before.status {
            return Ok(Vec::new());
        }
        let (order, account) = (self.id, self.account);
        let arrived = (status == ShipmentStatus::Delivered)
            .then_some(News::Arrived(ShipmentDelivered { shipment: id, order, account }));
        Ok(arrived.into_iter().chain(self.all_ended(now)).collect())
    }
    fn all_ended(&mut self, now: Timestamp) -> Option<News> {
        if self.shipments.iter().any(|parcel| parcel.status == ShipmentStatus::Shipped) {
            return None;
        }
        let is_there = |parcel: &Shipment| parcel.status == ShipmentStatus::Delivered;
        let arrived = self.shipments.iter().any(is_there);
        match self.status {
            OrderStatus::Fulfilled if arrived => {
                self.become_now(OrderStatus::Delivered, now);
                Some(News::Delivered(OrderDelivered {
                    order: self.id,
                    account: self.account,
                    payment: self.payment.id,
                    method: self.payment.method,
                    total: self.quote.total,
                }))
            }
            // Payments voids what is open when it hears of it: nothing is captured on delivery
            // before `OrderDelivered`, so that there is nothing to be asked first.
            OrderStatus::Pending | OrderStatus::Fulfilled if !arrived && !self.is_paid() => {
                Some(self.end(CancelReason::Undeliverable, now))
            }
            _ => None,
        }
    }
    fn parcels_changed(&mut self) {
        let newest = self.shipments.iter().rev().find_map(|parcel| parcel.tracking.clone());
        self.tracking = newest;
        self.version += 1;
    }

    /// All of its money went back. What was not sent yet is not sent any more.
    ///
    /// Before anything was sent that is a cancellation: payments hears of it and finds nothing
    /// left to give back. After it, the order is refunded, and whether its goods are on the
    /// shelf again is what staff said for all of it; of an order that was sent in part, too.
    pub(crate) fn given_back(&mut self, restock: bool, now: Timestamp) -> Option<News> {
        match self.status {
            OrderStatus::Paid if self.shipments.is_empty() => {
                Some(self.end(CancelReason::ByStaff, now))
            }
            OrderStatus::Paid | OrderStatus::Fulfilled | OrderStatus::Delivered
                if self.is_paid() =>
            {
                self.become_now(OrderStatus::Refunded, now);
                Some(News::Refunded(OrderRefunded {
                    order: self.id,
                    account: self.account,
                    lines: self.lines(),
                    restock,
                }))
            }
            _ => None,
        }
    }
}

/// The name of a parcel's state on the wire.
pub const fn shipment_name(status: ShipmentStatus) -> &'static str {
    match status {
        ShipmentStatus::Shipped => "shipped",
        ShipmentStatus::Delivered => "delivered",
        ShipmentStatus::Returned => "returned",
    }
}

#[cfg(test)]
#[path = "parcels_tests.rs"]
mod tests;
