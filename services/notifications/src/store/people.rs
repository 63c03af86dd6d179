//! What is known of people: whose address is their own; and how everything of them goes.
use super::{letters, mails, notifications};
use contracts::AccountId;
use kit::db::{Among, Tx, insert_all};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QuerySelect, Set};
use std::collections::BTreeSet;

/// An account whose address was shown to be its own.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "verified")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: Uuid,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Remembers that the addresses of `accounts` are their own.
pub async fn verify(tx: &Tx, accounts: BTreeSet<AccountId>) -> Result<(), DbErr> {
    let known = Entity::find().filter(Column::Account.among(accounts.iter().map(|one| one.0)));
    let known: BTreeSet<Uuid> = known.all(tx).await?.into_iter().map(|row| row.account).collect();
    let new = accounts.into_iter().filter(|account| !known.contains(&account.0));
    insert_all(tx, new.map(|account| ActiveModel { account: Set(account.0) }).collect()).await
}

/// How many letters are deleted by one statement.
const AT_ONCE: usize = 1_000;

/// Deletes the letters, mails and notifications of `accounts`, and those about their orders:
/// also what was written to a guest at an address that turned out to be theirs.
pub async fn forget(tx: &Tx, accounts: &[AccountId]) -> Result<(), DbErr> {
    let accounts: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let mut orders = orders_of(tx, &accounts).await?;
    let verified = Entity::find().filter(Column::Account.among(accounts.iter().copied()));
    let verified: Vec<Uuid> = verified.all(tx).await?.into_iter().map(|row| row.account).collect();
    if !verified.is_empty() {
        let addresses = mails::Entity::find()
            .select_only()
            .column(mails::Column::Address)
            .distinct()
            .filter(mails::Column::Id.among(letters_of(tx, &verified, &BTreeSet::new()).await?))
            .into_tuple::<Option<String>>()
            .all(tx)
            .await?;
        let guests = mails::Entity::find()
            .select_only()
            .column(mails::Column::OrderId)
            .filter(mails::Column::Address.among(addresses.into_iter().flatten()))
            .filter(mails::Column::Account.is_null())
            .into_tuple::<Option<Uuid>>();
        orders.extend(guests.all(tx).await?.into_iter().flatten());
    }
    let letters = letters_of(tx, &accounts, &orders).await?;
    for some in letters.chunks(AT_ONCE) {
        let of = || some.iter().copied();
        mails::Entity::delete_many().filter(mails::Column::Id.among(of())).exec(tx).await?;
        notifications::Entity::delete_many()
            .filter(notifications::Column::Id.among(of()))
            .exec(tx)
            .await?;
        letters::Entity::delete_many().filter(letters::Column::Id.among(of())).exec(tx).await?;
    }
    Entity::delete_many().filter(Column::Account.among(accounts)).exec(tx).await?;
    Ok(())
}

async fn orders_of(tx: &Tx, accounts: &[Uuid]) -> Result<BTreeSet<Uuid>, DbErr> {
    let orders = letters::Entity::find()
        .select_only()
        .column(letters::Column::OrderId)
        .distinct()
        .filter(letters::Column::Account.among(accounts.iter().copied()))
        .filter(letters::Column::OrderId.is_not_null())
        .into_tuple::<Uuid>();
    Ok(orders.all(tx).await?.into_iter().collect())
}

/// A mail and a notification have their letter's id. In one order, as another transaction may
/// lock some of them too.
async fn letters_of(
    tx: &Tx,
    accounts: &[Uuid],
    orders: &BTreeSet<Uuid>,
) -> Result<Vec<Uuid>, DbErr> {
    use letters::Column as Letter;
    let orders: Vec<Uuid> = orders.iter().copied().collect();
    let mut found = BTreeSet::new();
    let mut filters = vec![Condition::all().add(Letter::Account.among(accounts.iter().copied()))];
    for some in orders.chunks(AT_ONCE) {
        // An index finds the letters that are about the order itself, another all others.
        let of = || some.iter().copied();
        filters.push(Condition::all().add(Letter::About.among(of())));
        let others = Condition::all().add(Letter::OrderId.among(of()));
        filters.push(others.add(Expr::cust("about <> order_id")));
    }
    for filter in filters {
        let ids = letters::Entity::find().select_only().column(Letter::Id).filter(filter);
        found.extend(ids.into_tuple::<Uuid>().all(tx).await?);
    }
    Ok(found.into_iter().collect())
}
