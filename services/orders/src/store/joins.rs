//! The SQL of guest orders that join an account.
use crate::recent::Changed;
use contracts::{AccountId, OrderId};
use kit::Unexpected;
use kit::db::{Among, Change, Kind, SetUpdate, insert_all};
use kit::problem::Context as _;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _, Set};
use std::collections::{BTreeMap, BTreeSet};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "guest_joins")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account: Uuid,
        pub asked_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

use super::row as order;

/// An e-mail address as orders are found by it: however it is spelled, it is one.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Writes down that the guest orders of these accounts are to join them; those that are written
/// down already stay so.
pub async fn ask(wave: &Wave, accounts: &BTreeSet<AccountId>) -> Result<(), Unexpected> {
    let known = locked(wave, accounts).await?;
    let now = wave.now().micros();
    let rows = accounts
        .difference(&known)
        .map(|account| row::ActiveModel { account: Set(account.0), asked_at: Set(now) });
    insert_all(wave.tx(), rows.collect()).await.context("insert guest joins")
}

/// Which of `accounts` are still written down, locked in the order of their keys.
pub async fn locked(
    wave: &Wave,
    accounts: &BTreeSet<AccountId>,
) -> Result<BTreeSet<AccountId>, Unexpected> {
    let rows = row::Entity::find()
        .filter(row::Column::Account.among(accounts.iter().map(|account| account.0)))
        .order_by_asc(row::Column::Account)
        .lock_exclusive()
        .all(wave.tx())
        .await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}

/// The accounts that were written down, the first first.
pub async fn asked(
    db: &impl ConnectionTrait,
    most: u64,
) -> Result<BTreeSet<AccountId>, Unexpected> {
    let rows = row::Entity::find()
        .order_by_asc(row::Column::AskedAt)
        .order_by_asc(row::Column::Account)
        .limit(most);
    Ok(rows.all(db).await?.into_iter().map(|row| AccountId(row.account)).collect())
}

/// Forgets that these accounts were written down.
pub async fn forget(wave: &Wave, accounts: &BTreeSet<AccountId>) -> Result<(), Unexpected> {
    if !accounts.is_empty() {
        row::Entity::delete_many()
            .filter(row::Column::Account.among(accounts.iter().map(|account| account.0)))
            .exec(wave.tx())
            .await?;
    }
    Ok(())
}

/// Gives the guest orders of each address in `owners` to its account: at most `most` in all.
/// Answers how many there were.
pub async fn join(
    wave: &mut Wave,
    owners: &BTreeMap<String, AccountId>,
    most: u64,
) -> Result<u64, Unexpected> {
    if owners.is_empty() {
        return Ok(0);
    }
    let found: Vec<(Uuid, Option<String>, i64)> = order::Entity::find()
        .select_only()
        .columns([order::Column::Id, order::Column::EmailKey, order::Column::Version])
        .filter(order::Column::EmailKey.among(owners.keys().map(String::as_str)))
        .filter(order::Column::Account.is_null())
        .order_by_asc(order::Column::Id)
        .limit(most)
        .lock_exclusive()
        .into_tuple()
        .all(wave.tx())
        .await?;
    let rows: Vec<Vec<Value>> = found
        .iter()
        .filter_map(|(id, email, version)| {
            let owner = owners.get(email.as_deref()?)?;
            Some(vec![(*id).into(), owner.0.into(), (version + 1).into()])
        })
        .collect();
    SetUpdate::of("orders")
        .key("id", Kind::Id)
        .change(Change::To("account"), Kind::Id)
        .change(Change::To("version"), Kind::Int)
        .run(wave.tx(), rows)
        .await
        .context("join guest orders")?;
    wave.note(Changed::Rewritten);
    Ok(found.len() as u64)
}

/// The newest versions of these orders.
pub async fn versions(
    db: &impl ConnectionTrait,
    orders: &[OrderId],
) -> Result<Vec<(OrderId, i64)>, Unexpected> {
    let rows: Vec<(Uuid, i64)> = order::Entity::find()
        .select_only()
        .columns([order::Column::Id, order::Column::Version])
        .filter(order::Column::Id.among(orders.iter().map(|order| order.0)))
        .order_by_asc(order::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, version)| (OrderId(id), version)).collect())
}
