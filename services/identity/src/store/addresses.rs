//! The rows of postal addresses that accounts keep. Whoever changes them has locked the account.
use contracts::identity::SavedAddress;
use contracts::{AccountId, Address, AddressId, Timestamp};
use kit::db::Tx;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder, Set};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "addresses")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account: Uuid,
        pub is_default: bool,
        pub name: String,
        pub line1: String,
        pub line2: Option<String>,
        pub city: String,
        pub postal_code: String,
        pub country: String,
        pub phone: Option<String>,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

use row::Column;

fn saved(row: row::Model) -> SavedAddress {
    let row::Model { name, line1, line2, city, postal_code, country, phone, .. } = row;
    let address = Address { name, line1, line2, city, postal_code, country, phone };
    SavedAddress { id: AddressId(row.id), is_default: row.is_default, address }
}

/// An account's addresses: the one that is used by itself first, then the newest first.
pub async fn addresses_of(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<SavedAddress>, DbErr> {
    let rows = row::Entity::find()
        .filter(Column::Account.eq(account.0))
        .order_by_desc(Column::IsDefault)
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(saved).collect())
}

/// Saves a new address.
pub async fn insert_address(
    tx: &Tx,
    account: AccountId,
    new: &SavedAddress,
    now: Timestamp,
) -> Result<(), DbErr> {
    let mut row = address_row(new);
    row.id = Set(new.id.0);
    row.account = Set(account.0);
    row.created_at = Set(now.micros());
    row::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves an address that was changed.
pub async fn save_address(tx: &Tx, changed: &SavedAddress) -> Result<(), DbErr> {
    row::Entity::update_many()
        .set(address_row(changed))
        .filter(Column::Id.eq(changed.id.0))
        .exec(tx)
        .await?;
    Ok(())
}

fn address_row(saved: &SavedAddress) -> row::ActiveModel {
    let Address { name, line1, line2, city, postal_code, country, phone } = saved.address.clone();
    row::ActiveModel {
        is_default: Set(saved.is_default),
        name: Set(name),
        line1: Set(line1),
        line2: Set(line2),
        city: Set(city),
        postal_code: Set(postal_code),
        country: Set(country),
        phone: Set(phone),
        ..Default::default()
    }
}

/// Uses none of an account's addresses by itself.
pub async fn clear_default(tx: &Tx, account: AccountId) -> Result<(), DbErr> {
    row::Entity::update_many()
        .col_expr(Column::IsDefault, Expr::value(false))
        .filter(Column::Account.eq(account.0))
        .filter(Column::IsDefault.eq(true))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes an address of an account away, or all of them.
pub async fn delete_addresses(
    tx: &Tx,
    account: AccountId,
    only: Option<AddressId>,
) -> Result<(), DbErr> {
    let mut gone = row::Entity::delete_many().filter(Column::Account.eq(account.0));
    if let Some(AddressId(id)) = only {
        gone = gone.filter(Column::Id.eq(id));
    }
    gone.exec(tx).await?;
    Ok(())
}
