//! The tables of inventory, and all SQL that writes them.
use crate::Watch;
use crate::hold::{Hold, HoldState};
use crate::stock::{Stock, Watched};
use crate::stockroom::{StockChange, Stockroom};
use contracts::inventory::{Adjustment, AvailabilityChanged, LowStock, StockLevel};
use contracts::{AccountId, AdjustmentId, OrderId, Sku, Timestamp};
use kit::Unexpected;
use kit::db::{Among, Change, Db, Kind, Rows, SetUpdate, insert_all};
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _, Set};
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
        pub low_stock_at: Option<i64>,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model: sku, on_hand, reserved, version, low_stock_at);
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
    kit::by_place!(Model: order_id, state, lines, ask_at, created_at);
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
    pub(crate) const fn watched(&self) -> Watched {
        let Self { on_hand, reserved, version, low_stock_at, .. } = *self;
        Watched { stock: Stock { on_hand, reserved, version }, low_stock_at }
    }
    pub(crate) fn level(self) -> Result<StockLevel, Unexpected> {
        let (sku, Watched { stock, low_stock_at }) = (self.sku()?, self.watched());
        Ok(stock.level(sku, low_stock_at))
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
    let found = hold::Entity::find()
        .filter(hold::Column::OrderId.among(ids))
        .order_by_asc(hold::Column::OrderId)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
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
    let skus: Vec<&Sku> = skus.iter().collect();
    for chunk in skus.chunks(MOST_KEYS) {
        let known = lock_many(wave, chunk.iter().copied()).await?;
        known.into_iter().for_each(|(sku, stock)| room.put(sku, stock));
    }
    Ok(())
}

/// Writes what changed in `room`, and tells which SKUs can be ordered from now on, or no longer,
/// and which run out. The stock is written last: it is what others wait for.
pub(crate) async fn save(
    wave: &mut Wave,
    watch: &Watch,
    room: &Stockroom,
) -> Result<(), Unexpected> {
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
    announce(wave, watch, &changes);
    changes.iter().try_for_each(|change| tell_crossing(wave, watch.low, change))
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
    let delta = |StockChange { sku, before, now, .. }: &StockChange| {
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

/// Has whoever is shown the stock read it anew: from now on it may be committed.
fn announce(wave: &Wave, watch: &Watch, changes: &[StockChange]) {
    let versions = changes.iter().map(|change| (&change.sku, change.now.version));
    watch.known.announce(versions, wave.now());
}

/// Tells where a SKU can be ordered since `change`, or no longer, and where few are left.
/// `low`: what is few where a SKU has no number of its own.
fn tell_crossing(wave: &mut Wave, low: i64, change: &StockChange) -> Result<(), Unexpected> {
    let (sku, version) = (&change.sku, change.now.version);
    if let Some(in_stock) = change.crossed() {
        wave.tell(version, AvailabilityChanged { sku: sku.clone(), in_stock })?;
    }
    if let Some(threshold) = change.ran_low(low) {
        let available = change.now.available();
        wave.tell(version, LowStock { sku: sku.clone(), available, threshold })?;
    }
    Ok(())
}

/// Locks the stock of one SKU.
pub(crate) async fn lock_one(wave: &Wave, sku: &Sku) -> Result<Option<Watched>, Unexpected> {
    let row = stock::Entity::find_by_id(sku.to_string()).lock_exclusive().one(wave.tx()).await?;
    Ok(row.map(|row| row.watched()))
}

/// Locks the stock of `skus`, in their order: at most [`MOST_KEYS`]. Unknown ones are left out.
pub(crate) async fn lock_many<'a>(
    wave: &Wave,
    skus: impl IntoIterator<Item = &'a Sku>,
) -> Result<BTreeMap<Sku, Watched>, Unexpected> {
    let found = stock::Entity::find()
        .filter(stock::Column::Sku.among(skus.into_iter().map(Sku::as_str)))
        .order_by_asc(stock::Column::Sku)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
    rows.into_iter().map(|row| Ok((row.sku()?, row.watched()))).collect()
}

/// What staff did to the stock of a SKU: its change, why, and who.
pub(crate) struct ByStaff<'a> {
    /// What changed; `before` is none for a new SKU.
    pub sku: &'a Sku,
    pub before: Option<Stock>,
    pub now: Stock,
    pub low_stock_at: Option<i64>,
    pub reason: &'a str,
    pub account: Option<AccountId>,
}

impl ByStaff<'_> {
    fn was(&self) -> Stock {
        self.before.unwrap_or_default()
    }
    fn line(&self, wave: &Wave) -> adjustment::ActiveModel {
        adjustment::ActiveModel {
            id: Set(wave.id()),
            sku: Set(self.sku.to_string()),
            version: Set(self.now.version),
            delta: Set(self.now.on_hand - self.was().on_hand),
            reason: Set(self.reason.to_owned()),
            order_id: Set(None),
            account: Set(self.account.map(|account| account.0)),
            at: Set(wave.now().micros()),
        }
    }
    fn row(&self) -> stock::ActiveModel {
        stock::ActiveModel {
            sku: Set(self.sku.to_string()),
            on_hand: Set(self.now.on_hand),
            reserved: Set(self.now.reserved),
            version: Set(self.now.version),
            low_stock_at: Set(self.low_stock_at),
        }
    }
}

/// Writes what staff did, with its lines in the history, and tells crossings.
pub(crate) async fn save_by_staff(
    wave: &mut Wave,
    watch: &Watch,
    done: &[ByStaff<'_>],
) -> Result<(), Unexpected> {
    let counted = done.iter().filter(|done| done.was().on_hand != done.now.on_hand);
    let lines: Vec<_> = counted.map(|done| done.line(wave)).collect();
    insert_all(wave.tx(), lines).await?;
    let fresh = done.iter().filter(|done| done.before.is_none());
    insert_all(wave.tx(), fresh.map(ByStaff::row).collect()).await?;
    let change = |done: &ByStaff<'_>| StockChange {
        sku: done.sku.clone(),
        before: done.was(),
        now: done.now,
        low_stock_at: done.low_stock_at,
    };
    let known = done.iter().filter(|done| done.before.is_some_and(|before| before != done.now));
    save_stock(wave, &known.map(change).collect::<Vec<_>>()).await?;
    let changes: Vec<StockChange> = done.iter().map(change).collect();
    announce(wave, watch, &changes);
    changes.iter().try_for_each(|change| tell_crossing(wave, watch.low, change))
}

/// The version of the stock of each of `skus`, and how many can be ordered.
pub(crate) async fn read_levels(
    db: &Db,
    skus: &[Sku],
) -> Result<HashMap<Sku, (i64, i64)>, Unexpected> {
    let mut levels = HashMap::with_capacity(skus.len());
    for chunk in skus.chunks(MOST_KEYS) {
        let rows = stock::Entity::find()
            .select_only()
            .columns([stock::Column::Sku, stock::Column::Version])
            .columns([stock::Column::OnHand, stock::Column::Reserved])
            .filter(stock::Column::Sku.among(chunk.iter().map(Sku::as_str)));
        let rows = db.reader().tuples::<(String, i64, i64, i64)>(rows).await?;
        for (sku, version, on_hand, reserved) in rows {
            let available = Stock { on_hand, reserved, version }.available();
            let sku = sku.parse().map_err(|_| unreadable("SKU", &sku))?;
            levels.insert(sku, (version, available));
        }
    }
    Ok(levels)
}

/// Writes at how many staff is told that a SKU runs out.
pub(crate) async fn save_low_stock_at(
    wave: &Wave,
    sku: &Sku,
    low_stock_at: Option<i64>,
) -> Result<(), Unexpected> {
    stock::Entity::update_many()
        .col_expr(stock::Column::LowStockAt, low_stock_at.into())
        .filter(stock::Column::Sku.eq(sku.as_str()))
        .exec(wave.tx())
        .await?;
    Ok(())
}
