//! What inventory reads for others. Nothing here locks.
use crate::Inventory;
use crate::hold::Lines;
use crate::set_stock::invalid;
use crate::stockroom::shortage;
use crate::store::{MOST_KEYS, adjustment, hold, stock};
use contracts::caller::Permission;
use contracts::inventory::{
    Available, AvailableOf, GetStock, ListStock, ShortOf, Shortage, StockHistory, StockHistoryPage,
    StockLevel, StockOf, StockPage, StockRefused,
};
use contracts::{CallError, Caller, NoRefusal, OrderId, Sku, Timestamp};
use kit::Unexpected;
use kit::db::{Among, Db};
use kit::pages::{CursorQuery, Listed, PageSize};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, Func};
use sea_orm::{QueryOrder as _, QuerySelect as _};

/// How many of each SKU can be ordered, in the order in which they are asked for: for showing, as
/// was known at most a second ago, and at once after a change of this process.
/// # Errors
/// `NotDone` when more than 10,000 are asked for, or the database cannot be read.
pub async fn available_of(
    inventory: &Inventory,
    asked: AvailableOf,
) -> Result<Vec<Available>, CallError<NoRefusal>> {
    let skus = asked.skus;
    if skus.len() > MOST_KEYS {
        return Err(CallError::NotDone(format!("more than {MOST_KEYS} SKUs are asked for")));
    }
    let now = inventory.sources.now();
    let known = inventory.watch.known.available(&inventory.db, now, skus).await;
    known.map_err(not_done)
}

/// Which lines are known to be short: never read for this, see [`crate::known`].
/// # Errors
/// None.
pub async fn short_of(
    inventory: &Inventory,
    asked: ShortOf,
) -> Result<Vec<Shortage>, CallError<NoRefusal>> {
    let (lines, now) = (Lines::of(&asked.lines), inventory.sources.now());
    let skus: Vec<Sku> = lines.skus().cloned().collect();
    let known = inventory.watch.known.peek(&inventory.db, now, &skus).await;
    let short = lines.iter().zip(known).filter_map(|((sku, pieces), known)| {
        let available = known.filter(|available| *available < pieces)?;
        Some(shortage(sku.clone(), pieces, available))
    });
    Ok(short.collect())
}

/// The stock of one SKU, for staff.
/// # Errors
/// [`StockRefused`], see there.
pub async fn get_stock(
    db: &Db,
    caller: &Caller,
    asked: GetStock,
) -> Result<StockLevel, CallError<StockRefused>> {
    if !caller.may(Permission::ManageStock) {
        return Err(CallError::Refused(StockRefused::NotAllowed));
    }
    let row = stock::Entity::find_by_id(asked.sku.to_string()).one(db.reader()).await;
    match row.map_err(|error| not_done(error.into()))? {
        Some(row) => row.level().map_err(not_done),
        None => Err(CallError::Refused(StockRefused::NotFound)),
    }
}

/// The stock of some SKUs, in their order, for staff.
/// # Errors
/// [`StockRefused`], see there.
pub async fn stock_of(
    db: &Db,
    caller: &Caller,
    asked: StockOf,
) -> Result<Vec<StockLevel>, CallError<StockRefused>> {
    if !caller.may(Permission::ManageStock) {
        return Err(CallError::Refused(StockRefused::NotAllowed));
    }
    if asked.skus.len() > MOST_KEYS {
        return Err(CallError::Refused(invalid("skus", "must be at most 10,000")));
    }
    let rows = stock::Entity::find()
        .filter(stock::Column::Sku.among(asked.skus.iter().map(Sku::as_str)))
        .order_by_asc(stock::Column::Sku)
        .all(db.reader())
        .await;
    let rows = rows.map_err(|error| not_done(error.into()))?;
    rows.into_iter().map(|row| row.level().map_err(not_done)).collect()
}

/// The stock of all SKUs, or of those that run out, for staff.
/// # Errors
/// [`StockRefused`], see there.
pub async fn list_stock(
    db: &Db,
    caller: &Caller,
    low: i64,
    asked: ListStock,
) -> Result<StockPage, CallError<StockRefused>> {
    if !caller.may(Permission::ManageStock) {
        return Err(CallError::Refused(StockRefused::NotAllowed));
    }
    let limit = PageSize::new(asked.limit)
        .ok_or_else(|| CallError::Refused(invalid("limit", "must be 1 to 100")))?;
    let cursor = CursorQuery { limit, cursor: asked.cursor };
    let after = cursor.after::<String>().map_err(|_| CallError::Refused(StockRefused::Cursor))?;
    let low = asked.low.then_some(low);
    read_stock(db, low, limit.get(), after).await.map_err(not_done)
}

async fn read_stock(
    db: &Db,
    low: Option<i64>,
    limit: u32,
    after: Option<String>,
) -> Result<StockPage, Unexpected> {
    let mut all = stock::Entity::find().order_by_asc(stock::Column::Sku);
    if let Some(after) = after {
        all = all.filter(stock::Column::Sku.gt(after));
    }
    if let Some(default) = low {
        let (on_hand, reserved) = (stock::Column::OnHand, stock::Column::Reserved);
        let available = ExprTrait::sub(on_hand.into_expr(), reserved.into_expr());
        let few = Func::coalesce([Expr::col(stock::Column::LowStockAt), default.into()]);
        all = all.filter(available.lte(few));
    }
    let rows = all.limit(u64::from(limit) + 1).all(db.reader()).await?;
    let Listed { items, next_cursor } = Listed::cut(rows, limit, |last| last.sku.clone());
    let items: Result<Vec<_>, _> = items.into_iter().map(stock::Model::level).collect();
    Ok(StockPage { items: items?, next_cursor })
}

/// The changes of a SKU's stock, newest first, for staff.
/// # Errors
/// [`StockRefused`], see there.
pub async fn stock_history(
    db: &Db,
    caller: &Caller,
    asked: StockHistory,
) -> Result<StockHistoryPage, CallError<StockRefused>> {
    if !caller.may(Permission::ManageStock) {
        return Err(CallError::Refused(StockRefused::NotAllowed));
    }
    let limit = PageSize::new(asked.limit)
        .ok_or_else(|| CallError::Refused(invalid("limit", "must be 1 to 100")))?;
    let cursor = CursorQuery { limit, cursor: asked.cursor };
    let before = cursor.after::<i64>().map_err(|_| CallError::Refused(StockRefused::Cursor))?;
    let page = read_history(db, &asked.sku, limit.get(), before).await.map_err(not_done)?;
    page.ok_or(CallError::Refused(StockRefused::NotFound))
}

/// None where no stock was ever recorded for the SKU.
async fn read_history(
    db: &Db,
    sku: &Sku,
    limit: u32,
    before: Option<i64>,
) -> Result<Option<StockHistoryPage>, Unexpected> {
    let of = adjustment::Entity::find().filter(adjustment::Column::Sku.eq(sku.as_str()));
    let of = match before {
        Some(version) => of.filter(adjustment::Column::Version.lt(version)),
        None => of,
    };
    let rows = of
        .order_by_desc(adjustment::Column::Version)
        .limit(u64::from(limit) + 1)
        .all(db.reader())
        .await?;
    if rows.is_empty() {
        let known = stock::Entity::find_by_id(sku.to_string()).one(db.reader()).await?;
        if known.is_none() {
            return Ok(None);
        }
    }
    let Listed { items, next_cursor } = Listed::cut(rows, limit, |last| last.version);
    let items: Result<Vec<_>, _> = items.into_iter().map(adjustment::Model::open).collect();
    Ok(Some(StockHistoryPage { items: items?, next_cursor }))
}

/// Holds whose order is to be asked about by `now`, those that wait longest first.
pub(crate) async fn holds_to_ask_about(
    db: &Db,
    now: Timestamp,
    most: u64,
) -> Result<Vec<OrderId>, Unexpected> {
    let due = hold::Entity::find()
        .select_only()
        .column(hold::Column::OrderId)
        .filter(hold::Column::AskAt.lte(now.micros()))
        .order_by_asc(hold::Column::AskAt)
        .order_by_asc(hold::Column::OrderId)
        .limit(most);
    let ids = due.into_tuple::<Uuid>().all(db.reader()).await?;
    Ok(ids.into_iter().map(OrderId).collect())
}

fn not_done<E>(error: Unexpected) -> CallError<E> {
    error.log();
    CallError::NotDone("the stock cannot be read".to_owned())
}
