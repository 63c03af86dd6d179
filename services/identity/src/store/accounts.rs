//! The rows of accounts, and of addresses for which a forgotten password was told.
use crate::account::{Account, Email};
use contracts::identity::Contact;
use contracts::{AccountId, Role, Timestamp};
use kit::db::{Among, Rows, Tx};
use kit::problem::Unexpected;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect, Set};

mod row {
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
        pub email_verified_at: Option<i64>,
        pub disabled: bool,
        pub created_at: i64,
        pub version: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

mod forgotten {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "forgotten")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub email: String,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

use row::Column;

fn account(row: row::Model) -> Result<Account, Unexpected> {
    Ok(Account {
        id: AccountId(row.id),
        email: row.email,
        name: row.name,
        password_hash: row.password_hash,
        role: row.role.parse().map_err(Unexpected::new)?,
        email_verified_at: row.email_verified_at.map(Timestamp::from_micros),
        disabled: row.disabled,
        created_at: Timestamp::from_micros(row.created_at),
        version: row.version,
    })
}

fn account_row(account: &Account) -> row::ActiveModel {
    row::ActiveModel {
        id: Set(account.id.0),
        email: Set(account.email.clone()),
        name: Set(account.name.clone()),
        password_hash: Set(account.password_hash.clone()),
        role: Set(account.role.as_str().to_owned()),
        email_verified_at: Set(account.email_verified_at.map(Timestamp::micros)),
        disabled: Set(account.disabled),
        created_at: Set(account.created_at.micros()),
        version: Set(account.version),
    }
}

/// The account with this address.
pub async fn account_of(
    db: &impl ConnectionTrait,
    email: &Email,
) -> Result<Option<Account>, Unexpected> {
    let found = row::Entity::find().filter(Column::Email.eq(email.as_str()));
    found.one(db).await?.map(account).transpose()
}

/// The account with this id.
pub async fn account_by_id(
    db: &impl ConnectionTrait,
    id: AccountId,
) -> Result<Option<Account>, Unexpected> {
    row::Entity::find_by_id(id.0).one(db).await?.map(account).transpose()
}

/// An account, locked until the wave ends. Before its sessions, links and addresses.
pub async fn lock_account(tx: &Tx, id: AccountId) -> Result<Option<Account>, Unexpected> {
    row::Entity::find_by_id(id.0).lock_exclusive().one(tx).await?.map(account).transpose()
}

/// The accounts with these addresses, locked until the wave ends.
pub async fn lock_accounts_of(tx: &Tx, emails: &[String]) -> Result<Vec<Account>, Unexpected> {
    let found = row::Entity::find()
        .filter(Column::Email.among(emails))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    found.into_iter().map(account).collect()
}

/// The accounts that run the shop, locked until the wave ends: whoever takes one away does so
/// after another, and sees what that one left.
pub async fn lock_admins(tx: &Tx) -> Result<Vec<Account>, Unexpected> {
    let found = admins().order_by_asc(Column::Id).lock_exclusive().all(tx).await?;
    found.into_iter().map(account).collect()
}

fn admins() -> Select<row::Entity> {
    let admins = row::Entity::find().filter(Column::Role.eq(Role::Admin.as_str()));
    admins.filter(Column::Disabled.eq(false))
}

/// Saves a new account. The unique index refuses a second one with the same address.
pub async fn insert_account(tx: &Tx, new: &Account) -> Result<(), DbErr> {
    row::Entity::insert(account_row(new)).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves an account that was locked and changed.
pub async fn save_account(tx: &Tx, changed: &Account) -> Result<(), DbErr> {
    row::Entity::update_many()
        .set(account_row(changed))
        .filter(Column::Id.eq(changed.id.0))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes an account away that was locked.
pub async fn delete_account(tx: &Tx, id: AccountId) -> Result<(), DbErr> {
    row::Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

/// Where to write to these accounts; unknown ones are left out.
pub async fn contacts(db: &impl Rows, accounts: &[AccountId]) -> Result<Vec<Contact>, DbErr> {
    let wanted = accounts.iter().map(|account| account.0);
    contacts_in(db, row::Entity::find().filter(Column::Id.among(wanted))).await
}

/// Where to write to those who run the shop.
pub async fn staff_contacts(db: &impl Rows) -> Result<Vec<Contact>, DbErr> {
    contacts_in(db, admins()).await
}

async fn contacts_in(db: &impl Rows, wanted: Select<row::Entity>) -> Result<Vec<Contact>, DbErr> {
    let wanted = wanted
        .select_only()
        .columns([Column::Id, Column::Email, Column::Name])
        .order_by_asc(Column::Id);
    let rows = db.tuples::<(Uuid, String, String)>(wanted).await?;
    let contact = |(id, email, name)| Contact { account: AccountId(id), email, name };
    Ok(rows.into_iter().map(contact).collect())
}

/// Which accounts staff wants to see.
pub struct Listing {
    /// What their addresses start with.
    pub starts: Option<String>,
    /// With which role.
    pub role: Option<Role>,
    /// Behind which one.
    pub after: Option<(Timestamp, AccountId)>,
    /// How many at most.
    pub most: u64,
}

/// Accounts, newest first.
pub async fn list_accounts(
    db: &impl ConnectionTrait,
    wanted: Listing,
) -> Result<Vec<Account>, Unexpected> {
    let mut found = row::Entity::find();
    if let Some(starts) = wanted.starts {
        // By the bytes, as the index has them. No address has the last of all characters.
        let end = format!("{starts}{}", char::MAX);
        found = found.filter(Column::Email.gte(starts)).filter(Column::Email.lt(end));
    }
    if let Some(role) = wanted.role {
        found = found.filter(Column::Role.eq(role.as_str()));
    }
    if let Some((at, id)) = wanted.after {
        let same = Condition::all().add(Column::CreatedAt.eq(at.micros())).add(Column::Id.lt(id.0));
        let older = Condition::any().add(Column::CreatedAt.lt(at.micros())).add(same);
        found = found.filter(older);
    }
    let rows = found
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(wanted.most)
        .all(db)
        .await?;
    rows.into_iter().map(account).collect()
}

/// Notes that the password of whoever has this address is said to be forgotten.
pub async fn insert_forgotten(tx: &Tx, id: Uuid, email: &Email) -> Result<(), DbErr> {
    let row = forgotten::ActiveModel { id: Set(id), email: Set(email.as_str().to_owned()) };
    forgotten::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether there is any such note.
pub async fn is_forgotten_any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(forgotten::Entity::find().one(db).await?.is_some())
}

/// Takes at most `most` such notes, the oldest first: their addresses, each once. Another replica
/// that takes them too waits, and then finds them gone.
pub async fn take_forgotten(tx: &Tx, most: u64) -> Result<Vec<String>, DbErr> {
    let taken = forgotten::Entity::find()
        .order_by_asc(forgotten::Column::Id)
        .limit(most)
        .lock_exclusive()
        .all(tx)
        .await?;
    let ids: Vec<Uuid> = taken.iter().map(|row| row.id).collect();
    if !ids.is_empty() {
        forgotten::Entity::delete_many().filter(forgotten::Column::Id.among(ids)).exec(tx).await?;
    }
    let mut emails: Vec<String> = taken.into_iter().map(|row| row.email).collect();
    emails.sort();
    emails.dedup();
    Ok(emails)
}
