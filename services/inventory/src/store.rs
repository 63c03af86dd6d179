//! The tables of inventory, and all SQL that writes them.
use crate::hold::{Hold, HoldState};
use crate::stock::Stock;
use crate::stockroom::{StockChange, Stockroom};
use contracts::inventory::{Adjustment, AvailabilityChanged};
use contracts::{AccountId, AdjustmentId, OrderId, Sku, Timestamp};
use kit::Unexpected;
use kit::db::{Change, Kind, SetUpdate, insert_all};
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _, Set};
use std::collections::BTreeSet;

pub(crate) mod stock {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stock")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sku: String,
        pub on_hand: i64,
        pub reserved: i64,
        pub version: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod hold {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "holds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        pub state: String,
        pub lines: String,
        pub ask_at: Option<i64>,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod adjustment {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "adjustments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub sku: String,
        pub version: i64,
        pub delta: i64,
        pub reason: String,
        pub order_id: Option<Uuid>,
        pub account: Option<Uuid>,
        pub at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The most SKUs or orders that one statement asks for, well under every engine's limit.
pub(crate) const MOST_KEYS: usize = 10_000;

impl stock::Model {
    pub(crate) const fn stock(&self) -> Stock {
        Stock { on_hand: self.on_hand, reserved: self.reserved, version: self.version }
    }
    pub(crate) fn sku(&self) -> Result<Sku, Unexpected> {
        self.sku.parse().map_err(|_| unreadable("SKU", &self.sku))
    }
}

impl hold::Model {
    fn open(self) -> Result<(OrderId, Hold), Unexpected> {
        let state =
            HoldState::named(&self.state).ok_or_else(|| unreadable("state", &self.state))?;
        let lines = serde_json::from_str(&self.lines)?;
        let ask_at = self.ask_at.map(Timestamp::from_micros);
        Ok((OrderId(self.order_id), Hold { state, lines, ask_at }))
    }
}

impl adjustment::Model {
    pub(crate) fn open(self) -> Result<Adjustment, Unexpected> {
        Ok(Adjustment {
            id: AdjustmentId(self.id),
            sku: self.sku.parse().map_err(|_| unreadable("SKU", &self.sku))?,
            delta: self.delta,
            reason: self.reason,
            order: self.order_id.map(OrderId),
            by: self.account.map(AccountId),
            at: Timestamp::from_micros(self.at),
        })
    }
}

fn unreadable(what: &str, text: &str) -> Unexpected {
    Unexpected::new(format!("the database holds {text:?}, which is no {what}"))
}

/// Locks the holds of `orders`, in the order of their ids.
pub(crate) async fn lock_holds(
    wave: &Wave,
    orders: impl IntoIterator<Item = OrderId>,
) -> Result<Stockroom, Unexpected> {
    let ids: BTreeSet<Uuid> = orders.into_iter().map(|order| order.0).collect();
    let rows = hold::Entity::find()
        .filter(hold::Column::OrderId.is_in(ids))
        .order_by_asc(hold::Column::OrderId)
        .lock_exclusive()
        .all(wave.tx())
        .await?;
    let holds: Result<Vec<_>, _> = rows.into_iter().map(hold::Model::open).collect();
    Ok(Stockroom::with_holds(holds?))
}

/// Locks the stock of `skus`, in their order, and puts it into `room`. Unknown SKUs stay out.
///
/// Always after [`lock_holds`]: who locks in one order never waits in a ring.
pub(crate) async fn lock_stock(
    wave: &Wave,
    room: &mut Stockroom,
    skus: BTreeSet<Sku>,
) -> Result<(), Unexpected> {
    let names: Vec<&str> = skus.iter().map(Sku::as_str).collect();
    for chunk in names.chunks(MOST_KEYS) {
        let rows = stock::Entity::find()
            .filter(stock::Column::Sku.is_in(chunk.iter().copied()))
            .order_by_asc(stock::Column::Sku)
            .lock_exclusive()
            .all(wave.tx())
            .await?;
        for row in rows {
            room.put(row.sku()?, row.stock());
        }
    }
    Ok(())
}

/// Writes what changed in `room`, and tells which SKUs can be ordered from now on, or no longer.
/// The stock is written last: it is what others wait for.
pub(crate) async fn save(wave: &mut Wave, room: &Stockroom) -> Result<(), Unexpected> {
    save_holds(wave, room).await?;
    let moves = room.moves().iter().map(|of| adjustment::ActiveModel {
        id: Set(wave.id()),
        sku: Set(of.sku.to_string()),
        version: Set(of.version),
        delta: Set(of.delta),
        reason: Set(of.reason.to_owned()),
        order_id: Set(Some(of.order.0)),
        account: Set(None),
        at: Set(wave.now().micros()),
    });
    insert_all(wave.tx(), moves.collect()).await?;
    let changes = room.stock_changes();
    save_stock(wave, &changes).await?;
    changes.iter().try_for_each(|change| tell_crossing(wave, change))
}

async fn save_holds(wave: &Wave, room: &Stockroom) -> Result<(), Unexpected> {
    let (mut fresh, mut changed) = (Vec::new(), Vec::new());
    for (order, hold, stored) in room.hold_changes() {
        let (state, lines) = (hold.state.as_str(), serde_json::to_string(&hold.lines)?);
        let ask_at = hold.ask_at.map(Timestamp::micros);
        if stored {
            changed.push(vec![order.0.into(), state.into(), lines.into(), ask_at.into()]);
        } else {
            fresh.push(hold::ActiveModel {
                order_id: Set(order.0),
                state: Set(state.to_owned()),
                lines: Set(lines),
                ask_at: Set(ask_at),
                created_at: Set(wave.now().micros()),
            });
        }
    }
    insert_all(wave.tx(), fresh).await?;
    if !changed.is_empty() {
        SetUpdate::of("holds")
            .key("order_id", Kind::Id)
            .change(Change::To("state"), Kind::Text)
            .change(Change::To("lines"), Kind::Text)
            .change(Change::To("ask_at"), Kind::Int)
            .run(wave.tx(), changed)
            .await?;
    }
    Ok(())
}

async fn save_stock(wave: &Wave, changes: &[StockChange]) -> Result<(), Unexpected> {
    let delta = |StockChange { sku, before, now }: &StockChange| {
        vec![
            sku.as_str().into(),
            (now.on_hand - before.on_hand).into(),
            (now.reserved - before.reserved).into(),
            (now.version - before.version).into(),
        ]
    };
    let rows: Vec<Vec<Value>> = changes.iter().map(delta).collect();
    if !rows.is_empty() {
        SetUpdate::of("stock")
            .key("sku", Kind::Text)
            .change(Change::Add("on_hand"), Kind::Int)
            .change(Change::Add("reserved"), Kind::Int)
            .change(Change::Add("version"), Kind::Int)
            .run(wave.tx(), rows)
            .await?;
    }
    Ok(())
}

/// Tells where a SKU can be ordered since `change`, or no longer.
fn tell_crossing(wave: &mut Wave, change: &StockChange) -> Result<(), Unexpected> {
    match change.crossed() {
        Some(in_stock) => {
            wave.tell(change.now.version, AvailabilityChanged { sku: change.sku.clone(), in_stock })
        }
        None => Ok(()),
    }
}

/// Locks the stock of one SKU.
pub(crate) async fn lock_one(wave: &Wave, sku: &Sku) -> Result<Option<Stock>, Unexpected> {
    let row = stock::Entity::find_by_id(sku.to_string()).lock_exclusive().one(wave.tx()).await?;
    Ok(row.map(|row| row.stock()))
}

/// What staff did to the stock of a SKU: its change, why, and who.
pub(crate) struct ByStaff<'a> {
    /// What changed; `before` is none for a new SKU.
    pub sku: &'a Sku,
    pub before: Option<Stock>,
    pub now: Stock,
    pub reason: &'a str,
    pub account: Option<AccountId>,
}

/// Writes what staff did, with its line in the history, and tells a crossing.
pub(crate) async fn save_by_staff(wave: &mut Wave, done: ByStaff<'_>) -> Result<(), Unexpected> {
    let ByStaff { sku, before, now, reason, account } = done;
    let was = before.unwrap_or_default();
    if was.on_hand != now.on_hand {
        let line = adjustment::ActiveModel {
            id: Set(wave.id()),
            sku: Set(sku.to_string()),
            version: Set(now.version),
            delta: Set(now.on_hand - was.on_hand),
            reason: Set(reason.to_owned()),
            order_id: Set(None),
            account: Set(account.map(|account| account.0)),
            at: Set(wave.now().micros()),
        };
        insert_all(wave.tx(), vec![line]).await?;
    }
    let change = StockChange { sku: sku.clone(), before: was, now };
    if before.is_none() {
        let row = stock::ActiveModel {
            sku: Set(sku.to_string()),
            on_hand: Set(now.on_hand),
            reserved: Set(now.reserved),
            version: Set(now.version),
        };
        insert_all(wave.tx(), vec![row]).await?;
    } else if was != now {
        save_stock(wave, std::slice::from_ref(&change)).await?;
    }
    tell_crossing(wave, &change)
}
