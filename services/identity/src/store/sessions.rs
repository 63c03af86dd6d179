//! The rows of sessions.
use crate::session::Session;
use contracts::identity::SessionEnded;
use contracts::{AccountId, SessionId, Timestamp};
use kit::db::{Change, Kind, SetUpdate, Tx};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect, Set};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account: Uuid,
        pub family_hash: Vec<u8>,
        pub refresh_hash: Vec<u8>,
        pub device: Option<String>,
        pub created_at: i64,
        /// None of a session that the release before opened and nobody used since.
        pub used_at: Option<i64>,
        pub expires_at: i64,
        pub tokens_expire_at: i64,
        pub ended_at: Option<i64>,
        pub version: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

use row::Column;

fn session(row: row::Model) -> Session {
    Session {
        id: SessionId(row.id),
        account: AccountId(row.account),
        family_hash: row.family_hash,
        refresh_hash: row.refresh_hash,
        device: row.device,
        created_at: Timestamp::from_micros(row.created_at),
        used_at: Timestamp::from_micros(row.used_at.unwrap_or(row.created_at)),
        expires_at: Timestamp::from_micros(row.expires_at),
        tokens_expire_at: Timestamp::from_micros(row.tokens_expire_at),
        ended_at: row.ended_at.map(Timestamp::from_micros),
        version: row.version,
    }
}

fn session_row(session: &Session) -> row::ActiveModel {
    row::ActiveModel {
        id: Set(session.id.0),
        account: Set(session.account.0),
        family_hash: Set(session.family_hash.clone()),
        refresh_hash: Set(session.refresh_hash.clone()),
        device: Set(session.device.clone()),
        created_at: Set(session.created_at.micros()),
        used_at: Set(Some(session.used_at.micros())),
        expires_at: Set(session.expires_at.micros()),
        tokens_expire_at: Set(session.tokens_expire_at.micros()),
        ended_at: Set(session.ended_at.map(Timestamp::micros)),
        version: Set(session.version),
    }
}

/// Saves a new session.
pub async fn insert_session(tx: &Tx, new: &Session) -> Result<(), DbErr> {
    row::Entity::insert(session_row(new)).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a session that was locked and changed.
pub async fn save_session(tx: &Tx, changed: &Session) -> Result<(), DbErr> {
    row::Entity::update_many()
        .set(session_row(changed))
        .filter(Column::Id.eq(changed.id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Saves sessions that were locked and ended.
pub async fn save_ended(tx: &Tx, ended: &[Session]) -> Result<(), DbErr> {
    let row = |session: &Session| {
        vec![
            session.id.0.into(),
            session.ended_at.map(Timestamp::micros).into(),
            session.tokens_expire_at.micros().into(),
            session.version.into(),
        ]
    };
    SetUpdate::of("sessions")
        .key("id", Kind::Id)
        .change(Change::To("ended_at"), Kind::Int)
        .change(Change::To("tokens_expire_at"), Kind::Int)
        .change(Change::To("version"), Kind::Int)
        .run(tx, ended.iter().map(row).collect())
        .await
}

/// A session, locked until the wave ends.
pub async fn lock_session(tx: &Tx, id: SessionId) -> Result<Option<Session>, DbErr> {
    Ok(row::Entity::find_by_id(id.0).lock_exclusive().one(tx).await?.map(session))
}

/// The live sessions of an account, locked until the wave ends.
pub async fn lock_sessions_of(
    tx: &Tx,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Session>, DbErr> {
    let live = live_of(account, now).order_by_asc(Column::Id).lock_exclusive();
    Ok(live.all(tx).await?.into_iter().map(session).collect())
}

/// The live sessions of an account, newest first.
pub async fn sessions_of(
    db: &impl ConnectionTrait,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Session>, DbErr> {
    let live = live_of(account, now);
    let live = live.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    Ok(live.all(db).await?.into_iter().map(session).collect())
}

fn live_of(account: AccountId, now: Timestamp) -> Select<row::Entity> {
    row::Entity::find()
        .filter(Column::Account.eq(account.0))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.micros()))
}

/// A session as it is now.
pub async fn session_by_id(
    db: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<Session>, DbErr> {
    Ok(row::Entity::find_by_id(id.0).one(db).await?.map(session))
}

/// Forgets what was used to log in to an account that is erased. The sessions stay until their
/// tokens have expired.
pub async fn forget_devices(tx: &Tx, account: AccountId) -> Result<(), DbErr> {
    row::Entity::update_many()
        .col_expr(Column::Device, Expr::value(None::<String>))
        .filter(Column::Account.eq(account.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// The sessions that were ended and whose tokens have not all expired.
pub async fn revoked(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Vec<SessionEnded>, DbErr> {
    let rows = row::Entity::find()
        .select_only()
        .columns([Column::Id, Column::TokensExpireAt])
        .filter(Column::TokensExpireAt.gt(now.micros()))
        .filter(Column::EndedAt.is_not_null())
        .order_by_asc(Column::TokensExpireAt)
        .order_by_asc(Column::Id)
        .into_tuple::<(Uuid, i64)>()
        .all(db)
        .await?;
    let ended = |(id, until)| SessionEnded {
        session: SessionId(id),
        tokens_expire_at: Timestamp::from_micros(until),
    };
    Ok(rows.into_iter().map(ended).collect())
}

/// Forgets sessions that are over and whose tokens have all expired.
pub async fn forget_sessions(tx: &Tx, now: Timestamp) -> Result<(), DbErr> {
    let over = Condition::any()
        .add(Column::EndedAt.is_not_null())
        .add(Column::ExpiresAt.lte(now.micros()));
    row::Entity::delete_many()
        .filter(over)
        .filter(Column::TokensExpireAt.lte(now.micros()))
        .exec(tx)
        .await?;
    Ok(())
}
