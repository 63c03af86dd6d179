//! The SQL of identity: accounts, sessions and signing keys.
use crate::account::{Account, Email};
use crate::session::Session;
use contracts::identity::{Contact, SessionEnded};
use contracts::{AccountId, SessionId, Timestamp};
use kit::problem::Unexpected;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect, Set};

mod accounts {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
        pub name: String,
        pub password_hash: String,
        pub role: String,
        pub created_at: i64,
        pub version: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod sessions {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account: Uuid,
        pub family_hash: Vec<u8>,
        pub refresh_hash: Vec<u8>,
        pub created_at: i64,
        pub expires_at: i64,
        pub tokens_expire_at: i64,
        pub ended_at: Option<i64>,
        pub version: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod signing_keys {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "signing_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kid: String,
        pub secret: Vec<u8>,
        pub sealed: bool,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod key_locks {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "key_locks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A signing key as it is kept.
pub use signing_keys::Model as KeptKey;

fn account(row: accounts::Model) -> Result<Account, Unexpected> {
    Ok(Account {
        id: AccountId(row.id),
        email: row.email,
        name: row.name,
        password_hash: row.password_hash,
        role: row.role.parse().map_err(Unexpected::new)?,
        created_at: Timestamp::from_micros(row.created_at),
        version: row.version,
    })
}

/// The account with this address.
pub async fn account_of(
    db: &impl ConnectionTrait,
    email: &Email,
) -> Result<Option<Account>, Unexpected> {
    let found = accounts::Entity::find().filter(accounts::Column::Email.eq(email.as_str()));
    found.one(db).await?.map(account).transpose()
}

/// The account with this id.
pub async fn account_by_id(
    db: &impl ConnectionTrait,
    id: AccountId,
) -> Result<Option<Account>, Unexpected> {
    accounts::Entity::find_by_id(id.0).one(db).await?.map(account).transpose()
}

/// Saves a new account. The unique index refuses a second one with the same address.
pub async fn insert_account(tx: &DatabaseTransaction, new: &Account) -> Result<(), DbErr> {
    let row = accounts::ActiveModel {
        id: Set(new.id.0),
        email: Set(new.email.clone()),
        name: Set(new.name.clone()),
        password_hash: Set(new.password_hash.clone()),
        role: Set(new.role.as_str().to_owned()),
        created_at: Set(new.created_at.micros()),
        version: Set(new.version),
    };
    accounts::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Where to write to these accounts; unknown ones are left out.
pub async fn contacts(
    db: &impl ConnectionTrait,
    accounts: &[AccountId],
) -> Result<Vec<Contact>, DbErr> {
    use accounts::Column;
    let rows = accounts::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Email, Column::Name])
        .filter(Column::Id.is_in(accounts.iter().map(|account| account.0)))
        .order_by_asc(Column::Id)
        .into_tuple::<(Uuid, String, String)>()
        .all(db)
        .await?;
    let contact = |(id, email, name)| Contact { account: AccountId(id), email, name };
    Ok(rows.into_iter().map(contact).collect())
}

fn session(row: sessions::Model) -> Session {
    Session {
        id: SessionId(row.id),
        account: AccountId(row.account),
        family_hash: row.family_hash,
        refresh_hash: row.refresh_hash,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        tokens_expire_at: Timestamp::from_micros(row.tokens_expire_at),
        ended_at: row.ended_at.map(Timestamp::from_micros),
        version: row.version,
    }
}

/// Saves a new session.
pub async fn insert_session(tx: &DatabaseTransaction, new: &Session) -> Result<(), DbErr> {
    sessions::Entity::insert(session_row(new)).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a session that was locked and changed.
pub async fn save_session(tx: &DatabaseTransaction, changed: &Session) -> Result<(), DbErr> {
    sessions::Entity::update_many()
        .set(session_row(changed))
        .filter(sessions::Column::Id.eq(changed.id.0))
        .exec(tx)
        .await?;
    Ok(())
}

fn session_row(session: &Session) -> sessions::ActiveModel {
    sessions::ActiveModel {
        id: Set(session.id.0),
        account: Set(session.account.0),
        family_hash: Set(session.family_hash.clone()),
        refresh_hash: Set(session.refresh_hash.clone()),
        created_at: Set(session.created_at.micros()),
        expires_at: Set(session.expires_at.micros()),
        tokens_expire_at: Set(session.tokens_expire_at.micros()),
        ended_at: Set(session.ended_at.map(Timestamp::micros)),
        version: Set(session.version),
    }
}

/// A session, locked until the wave ends.
pub async fn lock_session(
    tx: &DatabaseTransaction,
    id: SessionId,
) -> Result<Option<Session>, DbErr> {
    Ok(sessions::Entity::find_by_id(id.0).lock_exclusive().one(tx).await?.map(session))
}

/// A session as it is now.
pub async fn session_by_id(
    db: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<Session>, DbErr> {
    Ok(sessions::Entity::find_by_id(id.0).one(db).await?.map(session))
}

/// The sessions that were ended and whose tokens have not all expired.
pub async fn revoked(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Vec<SessionEnded>, DbErr> {
    use sessions::Column;
    let rows = sessions::Entity::find()
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
pub async fn forget_sessions(tx: &DatabaseTransaction, now: Timestamp) -> Result<(), DbErr> {
    use sessions::Column;
    let over = Condition::any()
        .add(Column::EndedAt.is_not_null())
        .add(Column::ExpiresAt.lte(now.micros()));
    sessions::Entity::delete_many()
        .filter(over)
        .filter(Column::TokensExpireAt.lte(now.micros()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Locks the keys for the rest of the wave, and answers them, newest first.
pub async fn lock_keys(tx: &DatabaseTransaction) -> Result<Vec<KeptKey>, DbErr> {
    key_locks::Entity::find_by_id(1).lock_exclusive().one(tx).await?;
    signing_keys::Entity::find()
        .order_by_desc(signing_keys::Column::CreatedAt)
        .order_by_asc(signing_keys::Column::Kid)
        .all(tx)
        .await
}

/// Saves a new key.
pub async fn insert_key(tx: &DatabaseTransaction, new: KeptKey) -> Result<(), DbErr> {
    let row = signing_keys::ActiveModel {
        kid: Set(new.kid),
        secret: Set(new.secret),
        sealed: Set(new.sealed),
        created_at: Set(new.created_at),
    };
    signing_keys::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a key that was kept open and is now sealed.
pub async fn save_sealed(tx: &DatabaseTransaction, sealed: &KeptKey) -> Result<(), DbErr> {
    signing_keys::Entity::update_many()
        .col_expr(signing_keys::Column::Secret, Expr::value(sealed.secret.clone()))
        .col_expr(signing_keys::Column::Sealed, Expr::value(sealed.sealed))
        .filter(signing_keys::Column::Kid.eq(sealed.kid.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
