//! The SQL of orders: one row an order, and one a cart's version while its order lives.
use crate::order::{News, NextPayment, Order, status_name};
use crate::quote::Quote;
use crate::recent::Changed;
use contracts::orders::{CancelReason, OrderPayment, OrderStatus, ShippingMethod, TrackingStep};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{AccountId, CartId, Currency, Money, OrderId, PaymentId, Timestamp};
use kit::Unexpected;
use kit::db::{Among, Change, Kind, Rows, SetUpdate, insert_all};
use kit::problem::Context as _;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait as _, IntoActiveModel as _, QueryOrder as _, QuerySelect as _, Set};
use std::collections::{BTreeMap, BTreeSet};

pub mod accounts;
pub mod joins;
mod listing;
pub mod terms;

pub use listing::{Listing, list};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub number: String,
        pub account: Option<Uuid>,
        pub email: Option<String>,
        pub cart_id: Uuid,
        pub cart_version: i64,
        pub status: String,
        pub payment: Uuid,
        pub payment_status: String,
        pub method: String,
        pub failure_code: Option<String>,
        pub next_payment: Option<Uuid>,
        pub next_method: Option<String>,
        pub currency: String,
        pub subtotal: i64,
        pub shipping: i64,
        pub tax: i64,
        pub discount: i64,
        pub total: i64,
        pub refunded: i64,
        pub items: String,
        pub shipping_method: String,
        pub shipping_address: String,
        pub tracking: Option<String>,
        pub cancel_reason: Option<String>,
        pub expires_at: Option<i64>,
        pub steps: String,
        pub created_at: i64,
        pub version: i64,
        pub shipments: Option<String>,
        pub placed_with: Option<String>,
        pub paid_at: Option<i64>,
        pub receipt: Option<i64>,
        pub bank_account: Option<String>,
        pub next_expires_at: Option<i64>,
        pub closing: Option<bool>,
        pub tax_included: i64,
        pub tax_lines: Option<String>,
        pub email_key: Option<String>,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model:
        id, number, account, email, cart_id, cart_version, status, payment, payment_status, method,
        failure_code, next_payment, next_method, currency, subtotal, shipping, tax, discount, total,
        refunded, items, shipping_method, shipping_address, tracking, cancel_reason, expires_at,
        steps, created_at, version, shipments, placed_with, paid_at, receipt, bank_account,
        next_expires_at, closing, tax_included, tax_lines, email_key
    );
}

mod ordered_cart {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ordered_carts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub cart_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub cart_version: i64,
        pub order_id: Uuid,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model: cart_id, cart_version, order_id);
}

mod setting {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "settings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub value: Vec<u8>,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A word of the contracts as the database spells it.
trait Word: Copy + PartialEq + 'static {
    const ALL: &'static [Self];
    fn word(self) -> &'static str;
    fn read(text: &str) -> Result<Self, Unexpected> {
        let found = Self::ALL.iter().find(|known| known.word() == text);
        found.copied().ok_or_else(|| Unexpected::new(format!("no state is called {text:?}")))
    }
}
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl Word for $type {
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}
words!(PaymentStatus {
    Pending = "pending", RequiresAction = "requires_action", Authorized = "authorized",
    Captured = "captured", Failed = "failed", Voided = "voided",
    PartiallyRefunded = "partially_refunded", Refunded = "refunded",
});
words!(ShippingMethod { Standard = "standard", Express = "express", Pickup = "pickup" });
words!(CancelReason {
    ByShopper = "by_shopper", ByStaff = "by_staff", PaymentFailed = "payment_failed",
    Expired = "expired", StockMissing = "stock_missing", Undeliverable = "undeliverable",
});
impl Word for OrderStatus {
    const ALL: &'static [Self] = &[
        Self::Pending,
        Self::Paid,
        Self::Fulfilled,
        Self::Delivered,
        Self::Cancelled,
        Self::Refunded,
    ];
    fn word(self) -> &'static str {
        status_name(self)
    }
}
impl Word for PaymentMethod {
    const ALL: &'static [Self] =
        &[Self::Wallet, Self::Card, Self::BankTransfer, Self::CashOnDelivery];
    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// The name of a payment's state.
pub fn payment_word(status: PaymentStatus) -> &'static str {
    status.word()
}

fn to_row(order: &Order) -> Result<row::Model, Unexpected> {
    Ok(row::Model {
        id: order.id.0,
        number: order.number.clone(),
        account: order.account.map(Uuid::from),
        email: order.email.clone(),
        cart_id: order.cart.0,
        cart_version: order.cart_version,
        status: order.status.word().to_owned(),
        payment: order.payment.id.0,
        payment_status: order.payment.status.word().to_owned(),
        method: order.payment.method.word().to_owned(),
        failure_code: order.payment.failure_code.clone(),
        next_payment: order.next.map(|next| next.id.0),
        next_method: order.next.map(|next| next.method.word().to_owned()),
        currency: order.quote.total.currency.code().to_owned(),
        subtotal: order.quote.subtotal.minor,
        shipping: order.quote.shipping.minor,
        tax: order.quote.tax.minor,
        discount: order.quote.discount.minor,
        total: order.quote.total.minor,
        refunded: order.refunded.minor,
        items: serde_json::to_string(&order.items)?,
        shipping_method: order.shipping_method.word().to_owned(),
        shipping_address: serde_json::to_string(&order.shipping_address)?,
        tracking: order.tracking.clone(),
        cancel_reason: order.cancel_reason.map(|reason| reason.word().to_owned()),
        expires_at: order.expires_at.map(Timestamp::micros),
        steps: serde_json::to_string(&order.steps)?,
        created_at: order.created_at().micros(),
        version: order.version,
        shipments: parcels_text(order)?,
        placed_with: order.placed_with.map(|method| method.word().to_owned()),
        paid_at: order.paid_at.map(Timestamp::micros),
        receipt: order.receipt,
        bank_account: order.bank_account.clone(),
        next_expires_at: next_expiry(order),
        closing: order.closing.then_some(true),
        tax_included: order.quote.tax_included.minor,
        tax_lines: tax_text(order)?,
        email_key: order.email.as_deref().map(joins::email_key),
    })
}

fn tax_text(order: &Order) -> Result<Option<String>, Unexpected> {
    let lines = Some(&order.quote.tax_lines).filter(|lines| !lines.is_empty());
    Ok(lines.map(serde_json::to_string).transpose()?)
}
fn parcels_text(order: &Order) -> Result<Option<String>, Unexpected> {
    let parcels = Some(&order.shipments).filter(|parcels| !parcels.is_empty());
    Ok(parcels.map(serde_json::to_string).transpose()?)
}
fn next_expiry(order: &Order) -> Option<i64> {
    order.next.and_then(|next| next.expires_at).map(Timestamp::micros)
}

fn quote_of(row: &row::Model, currency: Currency) -> Result<Quote, Unexpected> {
    let money = |minor| Money::new(minor, currency);
    Ok(Quote {
        subtotal: money(row.subtotal),
        shipping: money(row.shipping),
        tax: money(row.tax),
        tax_included: money(row.tax_included),
        tax_lines: match &row.tax_lines {
            Some(lines) => serde_json::from_str(lines)?,
            None => Vec::new(),
        },
        discount: money(row.discount),
        total: money(row.total),
    })
}

fn to_order(row: row::Model) -> Result<Order, Unexpected> {
    let currency: Currency = row.currency.parse().map_err(Unexpected::from_error)?;
    let quote = quote_of(&row, currency)?;
    let next = row.next_payment.zip(row.next_method).map(|(id, method)| {
        let method = Word::read(&method)?;
        let expires_at = match method {
            PaymentMethod::CashOnDelivery => None,
            // One that the first release began keeps the order's time.
            _ => row.next_expires_at.or(row.expires_at),
        };
        let expires_at = expires_at.map(Timestamp::from_micros);
        Ok::<_, Unexpected>(NextPayment { id: PaymentId(id), method, expires_at })
    });
    let steps: Vec<TrackingStep> = serde_json::from_str(&row.steps)?;
    let paid = steps.iter().find(|step| step.status == OrderStatus::Paid).map(|step| step.at);
    Ok(Order {
        id: OrderId(row.id),
        number: row.number,
        account: row.account.map(AccountId),
        email: row.email,
        cart: CartId(row.cart_id),
        cart_version: row.cart_version,
        status: Word::read(&row.status)?,
        items: serde_json::from_str(&row.items)?,
        quote,
        payment: OrderPayment {
            id: PaymentId(row.payment),
            status: Word::read(&row.payment_status)?,
            method: Word::read(&row.method)?,
            failure_code: row.failure_code,
            reference: None,
            instructions: None,
        },
        next: next.transpose()?,
        refunded: Money::new(row.refunded, currency),
        shipping_method: Word::read(&row.shipping_method)?,
        shipping_address: serde_json::from_str(&row.shipping_address)?,
        tracking: row.tracking,
        shipments: match &row.shipments {
            Some(parcels) => serde_json::from_str(parcels)?,
            None => Vec::new(),
        },
        placed_with: row.placed_with.as_deref().map(Word::read).transpose()?,
        paid_at: row.paid_at.map(Timestamp::from_micros).or(paid),
        receipt: row.receipt,
        bank_account: row.bank_account,
        closing: row.closing == Some(true),
        cancel_reason: row.cancel_reason.as_deref().map(Word::read).transpose()?,
        expires_at: row.expires_at.map(Timestamp::from_micros),
        steps,
        version: row.version,
    })
}

fn to_orders(rows: Vec<row::Model>) -> Result<Vec<Order>, Unexpected> {
    rows.into_iter().map(to_order).collect()
}

/// New orders, with the versions of the carts that they were placed from.
pub async fn insert(wave: &Wave, mut orders: Vec<&Order>) -> Result<(), Unexpected> {
    // In key order, so that two waves with the same carts meet in the same order.
    orders.sort_by_key(|order| (order.cart, order.cart_version));
    let rows: Result<Vec<_>, _> = orders.iter().map(|order| to_row(order)).collect();
    let rows = rows?.into_iter().map(row::Model::into_active_model).collect();
    let carts = orders.iter().map(|order| ordered_cart::ActiveModel {
        cart_id: Set(order.cart.0),
        cart_version: Set(order.cart_version),
        order_id: Set(order.id.0),
    });
    insert_all(wave.tx(), carts.collect()).await.context("insert ordered carts")?;
    insert_all(wave.tx(), rows).await.context("insert orders")
}

/// The live order of each version of these carts, locked.
pub async fn ordered_carts(
    wave: &Wave,
    carts: &[CartId],
) -> Result<BTreeMap<(CartId, i64), OrderId>, Unexpected> {
    let found = ordered_cart::Entity::find()
        .filter(ordered_cart::Column::CartId.among(carts.iter().map(|cart| cart.0)))
        .order_by_asc(ordered_cart::Column::CartId)
        .order_by_asc(ordered_cart::Column::CartVersion)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
    let live =
        |row: ordered_cart::Model| ((CartId(row.cart_id), row.cart_version), OrderId(row.order_id));
    Ok(rows.into_iter().map(live).collect())
}

/// Orders that a wave has locked, decides on in memory, and writes in one go.
pub struct Locked {
    orders: BTreeMap<OrderId, Order>,
    changed: BTreeSet<OrderId>,
    news: Vec<(i64, News)>,
}

impl Locked {
    /// Locks those of `ids` that exist, in the order of their keys.
    pub async fn of(wave: &Wave, ids: &[OrderId]) -> Result<Self, Unexpected> {
        let found = row::Entity::find()
            .filter(row::Column::Id.among(ids.iter().map(|id| id.0)))
            .order_by_asc(row::Column::Id)
            .lock_exclusive();
        let rows = wave.tx().all(found).await?;
        let orders = to_orders(rows)?.into_iter().map(|order| (order.id, order)).collect();
        Ok(Self { orders, changed: BTreeSet::new(), news: Vec::new() })
    }
    /// The order as it is now.
    pub fn get(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }
    /// Has `decide` change the order, if there is one; its news is told with the change.
    pub fn change<N: IntoIterator<Item = News>, E>(
        &mut self,
        id: OrderId,
        decide: impl FnOnce(&mut Order) -> Result<N, E>,
    ) -> Result<(), E> {
        let Some(order) = self.orders.get_mut(&id) else { return Ok(()) };
        let before = order.version;
        let news = decide(order)?;
        if order.version != before {
            self.changed.insert(id);
        }
        let version = order.version;
        self.news.extend(news.into_iter().map(|news| (version, news)));
        Ok(())
    }
    /// Writes what changed, with its news. The carts of orders that were cancelled are free.
    pub async fn save(mut self, wave: &mut Wave) -> Result<(), Unexpected> {
        let changed: Vec<&Order> =
            self.changed.iter().filter_map(|id| self.orders.get(id)).collect();
        update(wave, &changed).await.context("update orders")?;
        update_parcels(wave, &changed).await.context("update parcels")?;
        let cancelled = self.news.iter().filter_map(|(_, news)| match news {
            News::Cancelled(told) => self.orders.get(&told.order),
            _ => None,
        });
        free_carts(wave, &cancelled.collect::<Vec<_>>()).await?;
        for (version, news) in self.news {
            match news {
                News::Paid(told) => wave.tell(version, told)?,
                News::Cancelled(told) => wave.tell(version, told)?,
                News::Sent(told) => wave.tell(version, told)?,
                News::Arrived(told) => wave.tell(version, told)?,
                News::Fulfilled(told) => wave.tell(version, told)?,
                News::Delivered(told) => wave.tell(version, told)?,
                News::Refunded(told) => wave.tell(version, told)?,
            }
        }
        let written = self.changed.iter().filter_map(|id| self.orders.remove(id));
        let changed = Changed::Written { orders: written.collect(), at: wave.now() };
        wave.note(changed);
        Ok(())
    }
}

async fn update(wave: &Wave, orders: &[&Order]) -> Result<(), Unexpected> {
    let update = SetUpdate::of("orders")
        .key("id", Kind::Id)
        .change(Change::To("status"), Kind::Text)
        .change(Change::To("payment"), Kind::Id)
        .change(Change::To("payment_status"), Kind::Text)
        .change(Change::To("method"), Kind::Text)
        .change(Change::To("failure_code"), Kind::Text)
        .change(Change::To("next_payment"), Kind::Id)
        .change(Change::To("next_method"), Kind::Text)
        .change(Change::To("refunded"), Kind::Int)
        .change(Change::To("cancel_reason"), Kind::Text)
        .change(Change::To("expires_at"), Kind::Int)
        .change(Change::To("steps"), Kind::Text)
        .change(Change::To("version"), Kind::Int)
        .change(Change::To("paid_at"), Kind::Int)
        .change(Change::To("receipt"), Kind::Int)
        .change(Change::To("bank_account"), Kind::Text)
        .change(Change::To("next_expires_at"), Kind::Int);
    let rows: Result<Vec<Vec<Value>>, Unexpected> = orders
        .iter()
        .map(|order| {
            Ok(vec![
                order.id.0.into(),
                order.status.word().into(),
                order.payment.id.0.into(),
                order.payment.status.word().into(),
                order.payment.method.word().into(),
                order.payment.failure_code.clone().into(),
                order.next.map(|next| next.id.0).into(),
                order.next.map(|next| next.method.word().to_owned()).into(),
                order.refunded.minor.into(),
                order.cancel_reason.map(|reason| reason.word().to_owned()).into(),
                order.expires_at.map(Timestamp::micros).into(),
                serde_json::to_string(&order.steps)?.into(),
                order.version.into(),
                order.paid_at.map(Timestamp::micros).into(),
                order.receipt.into(),
                order.bank_account.clone().into(),
                next_expiry(order).into(),
            ])
        })
        .collect();
    Ok(update.run(wave.tx(), rows?).await?)
}

/// Parcels change seldom: whatever happens before the first one writes nothing of them.
async fn update_parcels(wave: &Wave, orders: &[&Order]) -> Result<(), Unexpected> {
    let sent = orders.iter().filter(|order| !order.shipments.is_empty());
    let rows: Result<Vec<Vec<Value>>, Unexpected> = sent
        .map(|order| {
            let tracking = order.tracking.clone();
            Ok(vec![order.id.0.into(), parcels_text(order)?.into(), tracking.into()])
        })
        .collect();
    let update = SetUpdate::of("orders")
        .key("id", Kind::Id)
        .change(Change::To("shipments"), Kind::Text)
        .change(Change::To("tracking"), Kind::Text);
    Ok(update.run(wave.tx(), rows?).await?)
}

async fn free_carts(wave: &Wave, orders: &[&Order]) -> Result<(), Unexpected> {
    if orders.is_empty() {
        return Ok(());
    }
    ordered_cart::Entity::delete_many()
        .filter(ordered_cart::Column::CartId.among(orders.iter().map(|order| order.cart.0)))
        .filter(ordered_cart::Column::OrderId.among(orders.iter().map(|order| order.id.0)))
        .exec(wave.tx())
        .await?;
    Ok(())
}

/// One order.
pub async fn find(db: &impl Rows, id: OrderId) -> Result<Option<Order>, Unexpected> {
    db.all(row::Entity::find_by_id(id.0)).await?.pop().map(to_order).transpose()
}

/// Those of `ids` that exist, by id.
pub async fn find_all(db: &impl Rows, ids: &[OrderId]) -> Result<Vec<Order>, Unexpected> {
    let rows = row::Entity::find()
        .filter(row::Column::Id.among(ids.iter().map(|id| id.0)))
        .order_by_asc(row::Column::Id);
    to_orders(db.all(rows).await?)
}

/// A pending order whose time is over, with the payment that was asked for last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Which order.
    pub order: OrderId,
    /// Since when.
    pub expires_at: Timestamp,
    /// Which payment to close.
    pub payment: PaymentId,
}

/// At most `most` orders that are pending at `now` although their time is over, the longest
/// overdue first, behind `after`.
pub async fn overdue(
    db: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<Overdue>,
    most: u64,
) -> Result<Vec<Overdue>, Unexpected> {
    let mut rows = row::Entity::find()
        .select_only()
        .columns([
            row::Column::Id,
            row::Column::ExpiresAt,
            row::Column::Payment,
            row::Column::NextPayment,
        ])
        .filter(row::Column::Status.eq(OrderStatus::Pending.word()))
        .filter(row::Column::ExpiresAt.lte(now.micros()))
        .order_by_asc(row::Column::ExpiresAt)
        .order_by_asc(row::Column::Id)
        .limit(most);
    if let Some(after) = after {
        let micros = after.expires_at.micros();
        let same_time = row::Column::ExpiresAt.eq(micros).and(row::Column::Id.gt(after.order.0));
        rows = rows.filter(row::Column::ExpiresAt.gt(micros).or(same_time));
    }
    let rows: Vec<(Uuid, i64, Uuid, Option<Uuid>)> = rows.into_tuple().all(db).await?;
    let overdue = |(id, expires_at, payment, next): (Uuid, i64, Uuid, Option<Uuid>)| Overdue {
        order: OrderId(id),
        expires_at: Timestamp::from_micros(expires_at),
        payment: PaymentId(next.unwrap_or(payment)),
    };
    Ok(rows.into_iter().map(overdue).collect())
}

/// Marks pending orders as being closed; the caller holds their locks.
pub async fn mark_closing(wave: &mut Wave, orders: &[OrderId]) -> Result<(), Unexpected> {
    if orders.is_empty() {
        return Ok(());
    }
    row::Entity::update_many()
        .col_expr(row::Column::Closing, Expr::value(true))
        .filter(row::Column::Id.among(orders.iter().map(|id| id.0)))
        .exec(wave.tx())
        .await?;
    wave.note(Changed::Rewritten);
    Ok(())
}

/// Has the clock end an order by `time`, unless it does so before; the caller holds its lock.
pub async fn end_by(wave: &mut Wave, order: OrderId, time: Timestamp) -> Result<(), Unexpected> {
    let (expires_at, time) = (row::Column::ExpiresAt, time.micros());
    row::Entity::update_many()
        .col_expr(expires_at, Expr::value(time))
        .filter(row::Column::Id.eq(order.0))
        .filter(expires_at.is_null().or(expires_at.gt(time)))
        .exec(wave.tx())
        .await?;
    wave.note(Changed::Rewritten);
    Ok(())
}

/// The setting `name`; `first` if there was none, which it is from now on.
pub async fn setting(wave: &Wave, name: &str, first: &[u8]) -> Result<Vec<u8>, Unexpected> {
    if let Some(row) = setting::Entity::find_by_id(name).one(wave.tx()).await? {
        return Ok(row.value);
    }
    let row = setting::ActiveModel { name: Set(name.to_owned()), value: Set(first.to_vec()) };
    insert_all(wave.tx(), vec![row]).await?;
    Ok(first.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_spelled_as_on_the_wire() {
        fn check<W: Word + serde::Serialize + std::fmt::Debug>() {
            for word in W::ALL {
                assert_eq!(serde_json::to_value(word).unwrap(), word.word());
                assert_eq!(W::read(word.word()).unwrap(), *word);
            }
            assert!(W::read("nonsense").is_err());
        }
        check::<PaymentStatus>();
        check::<PaymentMethod>();
        check::<OrderStatus>();
        check::<ShippingMethod>();
        check::<CancelReason>();
    }
}
