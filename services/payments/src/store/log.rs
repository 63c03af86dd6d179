//! Reads of the log of transactions, from the tables that record each.
use super::RefundRow;
use super::confirmations::{self, Confirmation};
use super::rows::{attempt, payment, refund, top_up};
use crate::attempt::Attempt;
use crate::payment::Payment;
use crate::wallet::Filling;
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{PaymentId, TopUpId};
use kit::Unexpected;
use kit::db::Among;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, Select};
use std::collections::BTreeMap;

/// Where a page of the log ended: a time in microseconds, and the id of the row.
pub type Place = (i64, Uuid);

/// The newest rows before a place, newest first.
fn newest<E: EntityTrait>(
    rows: Select<E>,
    (at, id): (E::Column, E::Column),
    before: Option<Place>,
    most: u64,
) -> Select<E> {
    let older = before.map(|(time, last)| {
        let same_time = Condition::all().add(at.eq(time)).add(id.lt(last));
        Condition::any().add(at.lt(time)).add(same_time)
    });
    rows.filter(Condition::all().add_option(older)).order_by_desc(at).order_by_desc(id).limit(most)
}

/// Payments that have a line of their own ([`crate::transactions::is_begun_at_once`]).
/// # Errors
/// When the database fails.
pub async fn payments(
    db: &impl ConnectionTrait,
    before: Option<Place>,
    most: u64,
) -> Result<Vec<Payment>, Unexpected> {
    let later = [PaymentMethod::BankTransfer, PaymentMethod::CashOnDelivery];
    let at_once = Condition::any()
        .add(payment::Column::Method.is_not_in(later.map(PaymentMethod::as_str)))
        .add(payment::Column::Amount.eq(0))
        .add(payment::Column::Status.eq(crate::payment::status_name(PaymentStatus::Failed)));
    let columns = (payment::Column::CreatedAt, payment::Column::Id);
    let rows = newest(payment::Entity::find().filter(at_once), columns, before, most);
    rows.all(db).await?.into_iter().map(payment::open).collect()
}

/// Top-ups.
/// # Errors
/// When the database fails.
pub async fn top_ups(
    db: &impl ConnectionTrait,
    before: Option<Place>,
    most: u64,
) -> Result<Vec<Filling>, Unexpected> {
    let columns = (top_up::Column::CreatedAt, top_up::Column::Id);
    let rows = newest(top_up::Entity::find(), columns, before, most);
    rows.all(db).await?.into_iter().map(top_up::open).collect()
}

/// Refunds.
/// # Errors
/// When the database fails.
pub async fn refunds(
    db: &impl ConnectionTrait,
    before: Option<Place>,
    most: u64,
) -> Result<Vec<RefundRow>, Unexpected> {
    let columns = (refund::Column::CreatedAt, refund::Column::Id);
    let rows = newest(refund::Entity::find(), columns, before, most);
    rows.all(db).await?.into_iter().map(refund::open).collect()
}

/// What was done by hand.
/// # Errors
/// When the database fails.
pub async fn confirmed(
    db: &impl ConnectionTrait,
    before: Option<Place>,
    most: u64,
) -> Result<Vec<Confirmation>, Unexpected> {
    let columns = (confirmations::Column::At, confirmations::Column::Id);
    let rows = newest(confirmations::Entity::find(), columns, before, most);
    rows.all(db).await?.into_iter().map(confirmations::open).collect()
}

/// Attempts by their keys, as far as they are there.
/// # Errors
/// When the database fails.
pub async fn attempts(
    db: &impl ConnectionTrait,
    keys: Vec<Uuid>,
) -> Result<BTreeMap<Uuid, Attempt>, Unexpected> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = attempt::Entity::find().filter(attempt::Column::Id.among(keys)).all(db).await?;
    rows.into_iter().map(|row| Ok((row.id, attempt::open(row)?))).collect()
}

/// The refunds of a payment, oldest first.
/// # Errors
/// When the database fails.
pub async fn refunds_of(
    db: &impl ConnectionTrait,
    id: PaymentId,
) -> Result<Vec<RefundRow>, Unexpected> {
    let rows = refund::Entity::find()
        .filter(refund::Column::PaymentId.eq(id.0))
        .order_by_asc(refund::Column::CreatedAt)
        .order_by_asc(refund::Column::Id);
    rows.all(db).await?.into_iter().map(refund::open).collect()
}

/// What was done by hand for a payment.
/// # Errors
/// When the database fails.
pub async fn confirmed_of(
    db: &impl ConnectionTrait,
    id: PaymentId,
) -> Result<Vec<Confirmation>, Unexpected> {
    let rows = confirmations::Entity::find().filter(confirmations::Column::PaymentId.eq(id.0));
    rows.all(db).await?.into_iter().map(confirmations::open).collect()
}

/// A top-up.
/// # Errors
/// When the database fails.
pub async fn top_up(db: &impl ConnectionTrait, id: TopUpId) -> Result<Option<Filling>, Unexpected> {
    top_up::Entity::find_by_id(id.0).one(db).await?.map(top_up::open).transpose()
}
