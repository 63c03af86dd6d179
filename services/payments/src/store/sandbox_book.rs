//! The table of the sandbox provider's own book.
use kit::Unexpected;
use kit::db::{Among, Change, Kind, SetUpdate};
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, Value};
use std::collections::{BTreeMap, BTreeSet};

/// `sandbox_charges`: a charge or a refund, by its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sandbox_charges")]
pub struct Model {
    /// The idempotency key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `charge` or `refund`.
    pub kind: String,
    /// Which charge is refunded.
    pub charge: Option<Uuid>,
    /// How much, in minor units.
    pub amount: i64,
    /// How much of a charge was refunded.
    pub refunded: i64,
    /// Of which currency.
    pub currency: String,
    /// The card's token.
    pub token: Option<String>,
    /// `captured`, `declined`, `requires_action`, `pending`, `voided` or `refunded`.
    pub state: String,
    /// Why it was declined.
    pub code: Option<String>,
    /// When a pending one is captured.
    pub settles_at: i64,
    /// When it was asked for.
    pub at: i64,
}
/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The rows of `keys`, locked.
/// # Errors
/// When the database fails.
pub async fn load(wave: &Wave, keys: BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, Model>, Unexpected> {
    let rows = Entity::find()
        .filter(Column::Id.among(keys))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(wave.tx())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Writes the rows that differ from what was `loaded`.
/// # Errors
/// When the database fails.
pub async fn save(
    wave: &Wave,
    loaded: &BTreeMap<Uuid, Model>,
    now: &BTreeMap<Uuid, Model>,
) -> Result<(), Unexpected> {
    let new = now.iter().filter(|(key, _)| !loaded.contains_key(key));
    let new = new.map(|(_, row)| ActiveModel::from(row.clone()).reset_all()).collect();
    kit::db::insert_all(wave.tx(), new).await?;
    let changed = now.iter().filter(|(key, row)| loaded.get(key).is_some_and(|was| was != *row));
    let row = |(key, row): (&Uuid, &Model)| -> Vec<Value> {
        vec![(*key).into(), row.state.clone().into(), row.refunded.into()]
    };
    SetUpdate::of("sandbox_charges")
        .key("id", Kind::Id)
        .change(Change::To("state"), Kind::Text)
        .change(Change::To("refunded"), Kind::Int)
        .run(wave.tx(), changed.map(row).collect())
        .await?;
    Ok(())
}

/// The whole book, by key.
/// # Errors
/// When the database fails.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, Unexpected> {
    Ok(Entity::find().order_by_asc(Column::Id).all(db).await?)
}
