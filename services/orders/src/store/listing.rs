//! The SQL of lists of orders.
use super::{Word as _, row, to_orders};
use crate::order::Order;
use contracts::orders::OrderStatus;
use contracts::payments::PaymentMethod;
use contracts::{AccountId, OrderId, Timestamp};
use kit::Unexpected;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _};
use std::time::Duration;

/// How much later than its id an order may have been placed: a checkout commits the id with its
/// key, and keys are kept for a day.
const OLDER_ID: Duration = Duration::from_secs(2 * 24 * 3600);
/// How far the clocks of two replicas may be apart.
const CLOCKS: Duration = Duration::from_secs(60);

/// Whose orders a list shows, and which.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// One account's; none for everybody's.
    pub account: Option<AccountId>,
    /// Only these.
    pub status: Option<OrderStatus>,
    /// Only those whose number starts so.
    pub number: Option<String>,
    /// Only a guest's with this address, as orders are found by it.
    pub email: Option<String>,
    /// Only those placed at this time or later.
    pub from: Option<Timestamp>,
    /// Only those placed before this time.
    pub to: Option<Timestamp>,
    /// Only those to be paid so.
    pub method: Option<PaymentMethod>,
    /// Those behind this one.
    pub after: Option<OrderId>,
    /// How many at most.
    pub most: u64,
}

/// Orders, newest first: ids are UUIDv7 and sort by time.
pub async fn list(db: &impl ConnectionTrait, wanted: &Listing) -> Result<Vec<Order>, Unexpected> {
    let mut rows = row::Entity::find().order_by_desc(row::Column::Id).limit(wanted.most);
    if let Some(account) = wanted.account {
        rows = rows.filter(row::Column::Account.eq(account.0));
    }
    if let Some(status) = wanted.status {
        rows = rows.filter(row::Column::Status.eq(status.word()));
    }
    if let Some(method) = wanted.method {
        rows = rows.filter(row::Column::Method.eq(method.word()));
    }
    if let Some(number) = &wanted.number {
        // Behind every letter of a number: the bound of a range that its index finds.
        let end = format!("{number}~");
        rows = rows.filter(row::Column::Number.gte(number.as_str()));
        rows = rows.filter(row::Column::Number.lt(end));
    }
    if let Some(email) = &wanted.email {
        rows = rows.filter(row::Column::EmailKey.eq(email.as_str()));
    }
    // The time decides, and the ids, which are older by a little, bound what is read for it.
    if let Some(from) = wanted.from {
        rows = rows.filter(row::Column::CreatedAt.gte(from.micros()));
        rows = rows.filter(row::Column::Id.gte(first_id(from.before(OLDER_ID))));
    }
    if let Some(to) = wanted.to {
        rows = rows.filter(row::Column::CreatedAt.lt(to.micros()));
        rows = rows.filter(row::Column::Id.lt(first_id(to.after(CLOCKS))));
    }
    if let Some(after) = wanted.after {
        rows = rows.filter(row::Column::Id.lt(after.0));
    }
    to_orders(rows.all(db).await?)
}

/// The lowest id of a time.
fn first_id(time: Timestamp) -> Uuid {
    /// UUIDv7 has 48 bits for its milliseconds.
    const LAST: u64 = (1 << 48) - 1;
    let millis = u64::try_from(time.micros().div_euclid(1_000)).unwrap_or(0).min(LAST);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
