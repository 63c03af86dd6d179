//! Staff who confirm transfers, send parcels, and give money back; and who bring every order to
//! its end once nothing goes wrong any more.
use crate::shoppers::{Told, key, pause};
use contracts::inventory::StockLine;
use contracts::orders::{
    CreateShipment, ListOrders, Order, OrderStatus, ShipmentStatus, UpdateShipment,
};
use contracts::payments::{
    ConfirmRefund, ConfirmTransfer, GetPayment, PaymentMethod, PaymentStatus, RefundPayment,
    RefundStatus,
};
use contracts::{AccountId, Call, CallError, Caller, Money, Role, SessionId};
use kit::calls::{Answer, Calls};
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use uuid::Uuid;

/// Someone who runs the shop.
#[derive(Clone)]
pub struct Staff {
    calls: Calls,
    told: Arc<Mutex<Told>>,
    caller: Caller,
}

impl Staff {
    /// Somebody with all rights.
    pub fn new(calls: Calls, told: Arc<Mutex<Told>>) -> Self {
        let account = AccountId(Uuid::from_u128(0xADA1));
        let session = SessionId(Uuid::from_u128(0x5E55_ADA1));
        Self { calls, told, caller: Caller::Account { account, session, role: Role::Admin } }
    }

    /// Does something to some order, `times` times.
    pub async fn work(self, seed: u64, times: u32) {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..times {
            pause().await;
            let orders = self.orders().await;
            if orders.is_empty() {
                continue;
            }
            let order = &orders[chance.random_range(0..orders.len())];
            match chance.random_range(0..11) {
                10 => self.book_refunds(order, &mut chance).await,
                0 | 1 => self.confirm(order, &mut chance).await,
                2 | 3 => self.ship(order, true, &mut chance).await,
                4 | 5 => self.ship(order, false, &mut chance).await,
                6 => self.end_parcels(order, ShipmentStatus::Delivered).await,
                7 => self.end_parcels(order, ShipmentStatus::Returned).await,
                8 => self.refund(order, Some(1), &mut chance).await,
                _ => self.refund(order, None, &mut chance).await,
            }
        }
    }
    /// Brings every order a step nearer to its end. A transfer that nobody confirms is left to
    /// its time.
    pub async fn see_through(self, seed: u64) {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        for order in self.orders().await {
            let by_hand = order.payment.method == PaymentMethod::CashOnDelivery;
            match order.status {
                OrderStatus::Paid => self.ship(&order, false, &mut chance).await,
                OrderStatus::Pending if by_hand => self.ship(&order, false, &mut chance).await,
                OrderStatus::Fulfilled => {
                    let on_its_way =
                        order.shipments.iter().any(|it| it.status == ShipmentStatus::Shipped);
                    if on_its_way {
                        self.end_parcels(&order, ShipmentStatus::Delivered).await;
                    } else {
                        // All of it came back: so does the money.
                        self.refund(&order, None, &mut chance).await;
                    }
                }
                _ => {}
            }
            self.book_refunds(&order, &mut chance).await;
        }
    }

    async fn orders(&self) -> Vec<Order> {
        let list = ListOrders {
            limit: 100,
            cursor: None,
            status: None,
            everybody: true,
            q: None,
            from: None,
            to: None,
            method: None,
        };
        self.insist(list, 2).await.map(|page| page.items).unwrap_or_default()
    }
    async fn confirm(&self, order: &Order, chance: &mut ChaCha8Rng) {
        if order.payment.method != PaymentMethod::BankTransfer {
            return;
        }
        let (payment, idempotency) = (order.payment.id, key(chance));
        let call = ConfirmTransfer { payment, amount: None, idempotency };
        let answered = self.insist(call, 4).await;
        self.note("confirm", &answered.map(|payment| payment.status));
    }
    async fn ship(&self, order: &Order, one_piece: bool, chance: &mut ChaCha8Rng) {
        let first = order.items.first().filter(|_| one_piece);
        let line = |sku: &contracts::Sku| StockLine {
            sku: sku.clone(),
            quantity: contracts::Quantity::ONE,
        };
        let call = CreateShipment {
            order: order.id,
            lines: first.map(|item| line(&item.sku)).into_iter().collect(),
            carrier: Some("Post".to_owned()),
            tracking: None,
            idempotency: key(chance),
        };
        let answered = self.insist(call, 4).await;
        self.note("ship", &answered.map(|order| order.status));
    }
    async fn end_parcels(&self, order: &Order, status: ShipmentStatus) {
        for parcel in order.shipments.iter().filter(|it| it.status == ShipmentStatus::Shipped) {
            let call = UpdateShipment {
                order: order.id,
                shipment: parcel.id,
                status: Some(status),
                carrier: None,
                tracking: None,
            };
            let answered = self.insist(call, 4).await;
            self.note("parcel", &answered.map(|order| order.status));
        }
    }
    async fn refund(&self, order: &Order, minor: Option<i64>, chance: &mut ChaCha8Rng) {
        let captured = matches!(
            order.payment.status,
            PaymentStatus::Captured | PaymentStatus::PartiallyRefunded
        );
        if !captured {
            return;
        }
        let call = RefundPayment {
            payment: order.payment.id,
            amount: minor.map(|minor| Money::new(minor, order.total.currency)),
            reason: "sim".to_owned(),
            restock: chance.random_range(0..2) == 0,
            idempotency: key(chance),
        };
        let answered = self.insist(call, 4).await;
        self.note("refund", &answered.map(|refund| refund.status));
    }

    /// Books what staff gave back by hand: transfers and cash do not go back by themselves.
    async fn book_refunds(&self, order: &Order, chance: &mut ChaCha8Rng) {
        if !order.payment.method.pays_later() {
            return;
        }
        let payment = order.payment.id;
        let Ok(known) = self.insist(GetPayment { payment }, 4).await else { return };
        for refund in known.refunds.iter().filter(|it| it.status == RefundStatus::Pending) {
            let call = ConfirmRefund { payment, refund: refund.id, idempotency: key(chance) };
            let answered = self.insist(call, 4).await;
            self.note("book a refund", &answered.map(|refund| refund.status));
        }
    }

    /// Asks again, the same way, until it is answered or `times` have passed.
    async fn insist<C: Call>(&self, call: C, times: u32) -> Answer<C> {
        let mut answered = self.calls.call(&self.caller, call.clone()).await;
        for _ in 1..times {
            if !matches!(answered, Err(CallError::NotDone(_) | CallError::Unknown(_))) {
                break;
            }
            pause().await;
            answered = self.calls.call(&self.caller, call.clone()).await;
        }
        answered
    }
    fn note<T: std::fmt::Debug, E: std::fmt::Debug>(
        &self,
        what: &str,
        answered: &Result<T, CallError<E>>,
    ) {
        let mut told = self.told.lock();
        told.staff_did += usize::from(answered.is_ok());
        told.lines.push(format!("staff {what}: {answered:?}"));
    }
}
