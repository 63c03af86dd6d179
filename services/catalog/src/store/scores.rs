//! Units sold: raised and lowered by the set, and handed to the index now and then.
use super::ChangeLog;
use super::rows::{counted_order, product, score};
use contracts::OrderId;
use kit::db::{Among as _, Change, Engine, Kind, Rows, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect, RelationDef};
use std::collections::BTreeMap;

pub(super) fn of_product() -> RelationDef {
    product::Entity::belongs_to(score::Entity)
        .from(product::Column::Id)
        .to(score::Column::ProductId)
        .into()
}

/// What is known of orders: whether their units are counted (true) or were taken back (false).
pub async fn counted(
    wave: &Wave,
    orders: &[OrderId],
) -> Result<BTreeMap<OrderId, bool>, Unexpected> {
    let found = counted_order::Entity::find()
        .filter(counted_order::Column::OrderId.among(orders.iter().map(|order| order.0)))
        .order_by_asc(counted_order::Column::OrderId)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
    Ok(rows.into_iter().map(|row| (OrderId(row.order_id), row.counted)).collect())
}

/// Writes down that orders are counted (or not), and what that does to scores.
pub async fn change(
    wave: &Wave,
    orders: Vec<(OrderId, bool)>,
    units: BTreeMap<Uuid, i64>,
) -> Result<(), Unexpected> {
    let row = |(order, counted): (OrderId, bool)| counted_order::ActiveModel {
        order_id: Set(order.0),
        counted: Set(counted),
    };
    insert_all(wave.tx(), orders.into_iter().map(row).collect()).await?;
    add(wave, units).await
}

/// Raises (or lowers) scores.
async fn add(wave: &Wave, units: BTreeMap<Uuid, i64>) -> Result<(), Unexpected> {
    if units.is_empty() {
        return Ok(());
    }
    lock(wave, &units).await?;
    let rows =
        units.into_iter().map(|(product, units)| vec![product.into(), units.into(), true.into()]);
    SetUpdate::of("scores")
        .key("product_id", Kind::Id)
        .change(Change::Add("score"), Kind::Int)
        .change(Change::To("stale"), Kind::Bool)
        .run(wave.tx(), rows.collect())
        .await?;
    Ok(())
}

/// Locks scores in the order of products. On SQLite nobody else writes during a wave.
async fn lock(wave: &Wave, units: &BTreeMap<Uuid, i64>) -> Result<(), Unexpected> {
    if wave.engine() == Engine::Sqlite {
        return Ok(());
    }
    score::Entity::find()
        .select_only()
        .column(score::Column::ProductId)
        .filter(score::Column::ProductId.among(units.keys().copied()))
        .order_by_asc(score::Column::ProductId)
        .lock_exclusive()
        .into_tuple::<Uuid>()
        .all(wave.tx())
        .await?;
    Ok(())
}

/// Takes the units of orders out of the scores again: those in `counted` were in, those in
/// `never` will not be.
pub async fn cancelled(
    wave: &Wave,
    counted: Vec<OrderId>,
    never: Vec<OrderId>,
    units: BTreeMap<Uuid, i64>,
) -> Result<(), Unexpected> {
    let rows = counted.into_iter().map(|order| vec![order.0.into(), false.into()]).collect();
    SetUpdate::of("counted_orders")
        .key("order_id", Kind::Id)
        .change(Change::To("counted"), Kind::Bool)
        .run(wave.tx(), rows)
        .await?;
    change(wave, never.into_iter().map(|order| (order, false)).collect(), units).await
}

/// Gives products behind `after` whose score the index does not have yet a change of their own,
/// at most `most`; answers which, in their order.
pub async fn publish_scores(
    wave: &Wave,
    log: &mut ChangeLog,
    after: Uuid,
    most: u64,
) -> Result<Vec<Uuid>, Unexpected> {
    let stale = score::Entity::find()
        .select_only()
        .column(score::Column::ProductId)
        .filter(score::Column::Stale.eq(true))
        .filter(score::Column::ProductId.gt(after))
        .order_by_asc(score::Column::ProductId)
        .limit(most)
        .lock_exclusive();
    let stale = wave.tx().tuples::<(Uuid,)>(stale).await?;
    let stale: Vec<Uuid> = stale.into_iter().map(|(product,)| product).collect();
    SetUpdate::of("scores")
        .key("product_id", Kind::Id)
        .change(Change::To("stale"), Kind::Bool)
        .run(wave.tx(), stale.iter().map(|id| vec![(*id).into(), false.into()]).collect())
        .await?;
    SetUpdate::of("products")
        .key("id", Kind::Id)
        .change(Change::To("change_number"), Kind::Int)
        .run(wave.tx(), stale.iter().map(|id| vec![(*id).into(), log.next().into()]).collect())
        .await?;
    Ok(stale)
}

/// Whether the index has an older score of any product.
pub async fn any_stale(db: &impl ConnectionTrait) -> Result<bool, Unexpected> {
    let stale = score::Entity::find().filter(score::Column::Stale.eq(true)).limit(1);
    Ok(stale.one(db).await?.is_some())
}
