//! What inventory tells and answers. It owns stock and the holds on it; it never knows a price.
use crate::message::{call, event};
use crate::{AccountId, AdjustmentId, NoRefusal, OrderId, Quantity, Sku, Timestamp};
use serde::{Deserialize, Serialize};

/// So many pieces of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StockLine {
    /// Which SKU.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
}

/// A SKU can be ordered from now on, or no longer. Told only when that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityChanged {
    /// Which SKU.
    pub sku: Sku,
    /// Whether at least one can be ordered.
    pub in_stock: bool,
}
event!(AvailabilityChanged, "inventory.availability_changed.v1", sku);

/// Few pieces of a SKU can still be ordered. Told when their number falls to the threshold, and
/// again only after it has been above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowStock {
    /// Which SKU.
    pub sku: Sku,
    /// How many can be ordered.
    pub available: i64,
    /// The number at which it is told.
    pub threshold: i64,
}
event!(LowStock, "inventory.low_stock.v1", sku);

/// A paid order could not be taken from the shelf (an adjustment took what it held): its money
/// has to go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMissing {
    /// Which order.
    pub order: OrderId,
    /// What is missing.
    pub lines: Vec<StockLine>,
}
event!(StockMissing, "inventory.stock_missing.v1", order);

/// Hold stock for `order`. Repeating it changes nothing; other lines under the same `order` are
/// refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveStock {
    /// For which order.
    pub order: OrderId,
    /// At least one; lines of one SKU count together.
    pub lines: Vec<StockLine>,
}
call!(ReserveStock, "inventory.reserve_stock.v1", Reserved, ReserveRefused);

/// The stock is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// For which order.
    pub order: OrderId,
}

/// Why nothing is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ReserveRefused {
    /// Too little of these.
    #[error("too little stock")]
    OutOfStock {
        /// By SKU, in its order.
        short: Vec<Shortage>,
    },
    /// The hold was released (or the order ended) before this call came.
    #[error("the hold was released before")]
    Released,
    /// The order holds something else: an earlier try had another cart. Release it, and order
    /// under a new id.
    #[error("the order holds other lines")]
    OtherLines,
}

/// How much of a SKU was asked for and is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Shortage {
    /// Which SKU.
    pub sku: Sku,
    /// How many were asked for, over all lines.
    pub requested: u32,
    /// How many can be ordered.
    pub available: i64,
}

/// The undo of [`ReserveStock`] for an order that was never placed. Where no hold is found it
/// leaves a mark that refuses the late `ReserveStock`. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseStock {
    /// Of which order.
    pub order: OrderId,
}
call!(ReleaseStock, "inventory.release_stock.v1", (), NoRefusal);

/// Which lines cannot be held, as far as that is known without asking the database: so that most
/// buyers of what is sold out are told so at once. No answer promises that a line can be held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortOf {
    /// Lines of one SKU count together.
    pub lines: Vec<StockLine>,
}
call!(ShortOf, "inventory.short_of.v1", Vec<Shortage>, NoRefusal);

/// How many can be ordered, in the order in which they are asked for. Unknown SKUs are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailableOf {
    /// At most 10,000.
    pub skus: Vec<Sku>,
}
call!(AvailableOf, "inventory.available_of.v1", Vec<Available>, NoRefusal);

/// How many of a SKU can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Available {
    /// Which SKU.
    pub sku: Sku,
    /// `on_hand - reserved`.
    pub available: i64,
}

/// The stock of one SKU, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(examples(json!({"sku": "BOOK-0042", "on_hand": 10, "reserved": 2, "available": 8}))))]
pub struct StockLevel {
    /// Which SKU.
    pub sku: Sku,
    /// Pieces on the shelf.
    pub on_hand: i64,
    /// Of those, promised to orders.
    pub reserved: i64,
    /// `on_hand - reserved`.
    pub available: i64,
    /// At how many staff is told; left out: at the store's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_stock_at: Option<i64>,
}

/// The stock of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetStock {
    /// Which SKU.
    pub sku: Sku,
}
call!(GetStock, "inventory.get_stock.v1", StockLevel, StockRefused);

/// Set what is on the shelf, for a new SKU too. Recorded in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetStock {
    /// Which SKU.
    pub sku: Sku,
    /// 0 to 1,000,000,000; not below what is promised to orders. None leaves it.
    pub on_hand: Option<i64>,
    /// At how many staff is told, 0 to 1,000,000,000 (`Some(None)`: the store's default). None
    /// leaves it.
    #[serde(
        default,
        deserialize_with = "crate::message::left_null_or_set",
        skip_serializing_if = "Option::is_none"
    )]
    pub low_stock_at: Option<Option<i64>>,
}
impl SetStock {
    /// Sets what is on the shelf, and nothing else.
    pub const fn counted(sku: Sku, on_hand: i64) -> Self {
        Self { sku, on_hand: Some(on_hand), low_stock_at: None }
    }
}
call!(SetStock, "inventory.set_stock.v1", StockLevel, StockRefused);

/// Add to or take from the shelf, with a reason. Recorded in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustStock {
    /// Which SKU.
    pub sku: Sku,
    /// Pieces; negative to take away; never 0.
    pub delta: i64,
    /// Why: 1 to 200 characters.
    pub reason: String,
    /// The client's idempotency key.
    pub idempotency_key: String,
}
call!(AdjustStock, "inventory.adjust_stock.v1", StockLevel, StockRefused);

/// The stock of all SKUs, in their order, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListStock {
    /// Only those of which few can still be ordered.
    pub low: bool,
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(ListStock, "inventory.list_stock.v1", StockPage, StockRefused);

/// One page of stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StockPage {
    /// By SKU.
    pub items: Vec<StockLevel>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// The stock of some SKUs, for staff. Unknown ones are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockOf {
    /// At most 10,000.
    pub skus: Vec<Sku>,
}
call!(StockOf, "inventory.stock_of.v1", Vec<StockLevel>, StockRefused);

/// Record what files say is on the shelf. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportStock {
    /// At most 1,000, each SKU once.
    pub counts: Vec<StockCount>,
    /// Whether stock that is recorded is set anew, too; else it is left alone, as the shop may
    /// have sold since the file was written.
    pub replace: bool,
}
call!(ImportStock, "inventory.import_stock.v1", Vec<StockImported>, StockRefused);

/// So many pieces on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockCount {
    /// Which SKU.
    pub sku: Sku,
    /// 0 to 1,000,000,000.
    pub on_hand: i64,
}

/// What became of a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum StockImported {
    /// It is recorded.
    Set,
    /// What was recorded stays.
    Kept,
    /// Nothing was done.
    Rejected {
        /// Why, in one sentence.
        reason: String,
    },
}

/// Why stock was not shown or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum StockRefused {
    /// The caller lacks the right.
    #[error("only staff may see and change stock")]
    NotAllowed,
    /// No stock was ever recorded for the SKU.
    #[error("no stock is recorded for this SKU")]
    NotFound,
    /// It would leave less than what is promised to orders.
    #[error("{reserved} pieces are promised to orders")]
    BelowReserved {
        /// Promised to orders.
        reserved: i64,
    },
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
    /// The same key was used with another body.
    #[error("the idempotency key was used for something else")]
    KeyReused,
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The changes of a SKU's stock, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockHistory {
    /// Which SKU.
    pub sku: Sku,
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(StockHistory, "inventory.stock_history.v1", StockHistoryPage, StockRefused);

/// One page of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StockHistoryPage {
    /// Newest first.
    pub items: Vec<Adjustment>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// One change of what is on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Adjustment {
    /// The change.
    pub id: AdjustmentId,
    /// Which SKU.
    pub sku: Sku,
    /// Pieces; negative where they left.
    pub delta: i64,
    /// `set`, `sold`, `returned`, or what staff wrote.
    pub reason: String,
    /// The order it was for.
    pub order: Option<OrderId>,
    /// Who did it.
    pub by: Option<AccountId>,
    /// When.
    pub at: Timestamp,
}
