//! The rows of signing keys.
use kit::db::Tx;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Set};

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

/// The keys, newest first.
pub async fn keys(db: &impl ConnectionTrait) -> Result<Vec<KeptKey>, DbErr> {
    signing_keys::Entity::find()
        .order_by_desc(signing_keys::Column::CreatedAt)
        .order_by_asc(signing_keys::Column::Kid)
        .all(db)
        .await
}

/// Locks the keys for the rest of the wave, and answers them, newest first.
pub async fn lock_keys(tx: &Tx) -> Result<Vec<KeptKey>, DbErr> {
    key_locks::Entity::find_by_id(1).lock_exclusive().one(tx).await?;
    keys(tx).await
}

/// Saves a new key.
pub async fn insert_key(tx: &Tx, new: KeptKey) -> Result<(), DbErr> {
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
pub async fn save_sealed(tx: &Tx, sealed: &KeptKey) -> Result<(), DbErr> {
    signing_keys::Entity::update_many()
        .col_expr(signing_keys::Column::Secret, Expr::value(sealed.secret.clone()))
        .col_expr(signing_keys::Column::Sealed, Expr::value(sealed.sealed))
        .filter(signing_keys::Column::Kid.eq(sealed.kid.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes a key away from which nothing follows any more.
pub async fn delete_key(tx: &Tx, kid: &str) -> Result<(), DbErr> {
    signing_keys::Entity::delete_by_id(kid).exec(tx).await?;
    Ok(())
}
