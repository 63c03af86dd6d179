//! The table of what providers told us.
use contracts::Timestamp;
use kit::Unexpected;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{QuerySelect, Set};

/// `webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    /// Which provider.
    #[sea_orm(primary_key, auto_increment = false)]
    pub provider: String,
    /// What the provider calls the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What it claims to be about.
    pub kind: String,
    /// Which attempt.
    pub attempt_id: Uuid,
    /// When it came first.
    pub received_at: i64,
}
/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Whether the message came before.
/// # Errors
/// When the database fails.
pub async fn is_known(wave: &Wave, provider: &str, id: &str) -> Result<bool, Unexpected> {
    let found = Entity::find_by_id((provider.to_owned(), id.to_owned()));
    Ok(found.lock_exclusive().one(wave.tx()).await?.is_some())
}

/// Records a message. The primary key guards against a twin beside it.
/// # Errors
/// When it is there.
pub async fn record(
    wave: &Wave,
    provider: &str,
    id: &str,
    kind: &str,
    attempt: Uuid,
) -> Result<(), Unexpected> {
    let row = ActiveModel {
        provider: Set(provider.to_owned()),
        id: Set(id.to_owned()),
        kind: Set(kind.to_owned()),
        attempt_id: Set(attempt),
        received_at: Set(wave.now().micros()),
    };
    kit::db::insert_all(wave.tx(), vec![row]).await?;
    Ok(())
}

/// Forgets what came before `before`.
/// # Errors
/// When the database fails.
pub async fn forget(wave: &Wave, before: Timestamp) -> Result<(), Unexpected> {
    let old = Column::ReceivedAt.lt(before.micros());
    Entity::delete_many().filter(old).exec(wave.tx()).await?;
    Ok(())
}

/// Whether a message came before `before`.
/// # Errors
/// When the database fails.
pub async fn is_any_before(
    db: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<bool, Unexpected> {
    let first = Entity::find().filter(Column::ReceivedAt.lt(before.micros()));
    let first = first.select_only().column(Column::Id).limit(1);
    Ok(first.into_tuple::<String>().one(db).await?.is_some())
}
