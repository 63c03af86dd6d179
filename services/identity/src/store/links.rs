//! The rows of links that are sent by mail.
use crate::link::{Link, purpose_name, purpose_of};
use contracts::identity::LinkPurpose;
use contracts::{AccountId, LinkId, Timestamp};
use kit::db::{Among, Tx};
use kit::problem::Unexpected;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Set};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account: Uuid,
        pub purpose: String,
        pub kid: String,
        pub created_at: i64,
        pub expires_at: i64,
        pub used_at: Option<i64>,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

use row::Column;

fn link(row: row::Model) -> Result<Link, Unexpected> {
    let purpose = purpose_of(&row.purpose);
    Ok(Link {
        id: LinkId(row.id),
        account: AccountId(row.account),
        purpose: purpose.ok_or_else(|| Unexpected::new("a link of an unknown purpose"))?,
        kid: row.kid,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        used_at: row.used_at.map(Timestamp::from_micros),
    })
}

/// Saves a new link in place of the account's older ones of its purpose, which do nothing from
/// now on. The account is locked.
pub async fn replace_link(tx: &Tx, new: &Link) -> Result<(), DbErr> {
    delete_links(tx, new.account, Some(new.purpose)).await?;
    insert_link(tx, new).await
}

/// Saves the first link of an account.
pub async fn insert_link(tx: &Tx, new: &Link) -> Result<(), DbErr> {
    let row = row::ActiveModel {
        id: Set(new.id.0),
        account: Set(new.account.0),
        purpose: Set(purpose_name(new.purpose).to_owned()),
        kid: Set(new.kid.clone()),
        created_at: Set(new.created_at.micros()),
        expires_at: Set(new.expires_at.micros()),
        used_at: Set(new.used_at.map(Timestamp::micros)),
    };
    row::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// A link as it is now.
pub async fn link_by_id(db: &impl ConnectionTrait, id: LinkId) -> Result<Option<Link>, Unexpected> {
    row::Entity::find_by_id(id.0).one(db).await?.map(link).transpose()
}

/// A link, locked until the wave ends. After its account.
pub async fn lock_link(tx: &Tx, id: LinkId) -> Result<Option<Link>, Unexpected> {
    row::Entity::find_by_id(id.0).lock_exclusive().one(tx).await?.map(link).transpose()
}

/// Those of some links that would do something.
pub async fn live_links(
    db: &impl ConnectionTrait,
    ids: &[LinkId],
    now: Timestamp,
) -> Result<Vec<Link>, Unexpected> {
    let found = row::Entity::find()
        .filter(Column::Id.among(ids.iter().map(|id| id.0)))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.micros()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    found.into_iter().map(link).collect()
}

/// Says that a link was used, which was locked.
pub async fn save_used(tx: &Tx, id: LinkId, at: Timestamp) -> Result<(), DbErr> {
    row::Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(at.micros()))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes away the links of an account, of one purpose or of all. The account is locked.
pub async fn delete_links(
    tx: &Tx,
    account: AccountId,
    purpose: Option<LinkPurpose>,
) -> Result<(), DbErr> {
    let mut gone = row::Entity::delete_many().filter(Column::Account.eq(account.0));
    if let Some(purpose) = purpose {
        gone = gone.filter(Column::Purpose.eq(purpose_name(purpose)));
    }
    gone.exec(tx).await?;
    Ok(())
}

/// Forgets links that have expired.
pub async fn forget_links(tx: &Tx, now: Timestamp) -> Result<(), DbErr> {
    row::Entity::delete_many().filter(Column::ExpiresAt.lte(now.micros())).exec(tx).await?;
    Ok(())
}
