//! The orders of accounts: what they bought, and what is kept of those that are gone.
use super::{Word as _, row};
use crate::recent::Changed;
use contracts::cart::CartLine;
use contracts::orders::OrderStatus;
use contracts::{AccountId, Address, Sku};
use kit::Unexpected;
use kit::db::{Among, Change, Kind, SetUpdate};
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ExprTrait as _, QueryOrder as _, QuerySelect as _};

/// Blanks who and where in all orders of `accounts`; the country stays.
pub async fn blank(wave: &mut Wave, accounts: &[AccountId]) -> Result<(), Unexpected> {
    let theirs = row::Column::Account.among(accounts.iter().map(|account| account.0));
    let rows: Vec<(Uuid, String, Option<String>)> = row::Entity::find()
        .select_only()
        .columns([row::Column::Id, row::Column::ShippingAddress, row::Column::Email])
        .filter(theirs)
        .order_by_asc(row::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(wave.tx())
        .await?;
    let mut blanked = Vec::new();
    for (id, address, email) in rows {
        let address: Address = serde_json::from_str(&address)?;
        let blank = Address {
            country: address.country.clone(),
            name: String::new(),
            line1: String::new(),
            line2: None,
            city: String::new(),
            postal_code: String::new(),
            phone: None,
        };
        if address != blank || email.is_some() {
            let (address, no_email) = (serde_json::to_string(&blank)?, None::<String>);
            blanked.push(vec![
                id.into(),
                address.into(),
                no_email.clone().into(),
                no_email.into(),
                1_i64.into(),
            ]);
        }
    }
    let update = SetUpdate::of("orders")
        .key("id", Kind::Id)
        .change(Change::To("shipping_address"), Kind::Text)
        .change(Change::To("email"), Kind::Text)
        .change(Change::To("email_key"), Kind::Text)
        .change(Change::Add("version"), Kind::Int);
    update.run(wave.tx(), blanked).await?;
    wave.note(Changed::Rewritten);
    Ok(())
}

/// Whether `account` has an order with any of `skus` that is paid and was not given back: by the
/// index of its orders.
pub async fn has_bought(
    db: &impl ConnectionTrait,
    account: AccountId,
    skus: &[Sku],
) -> Result<bool, Unexpected> {
    let sent = [OrderStatus::Fulfilled.word(), OrderStatus::Delivered.word()];
    let paid_after = row::Column::Status.among(sent).and(row::Column::PaidAt.is_not_null());
    // The lines are JSON of ours, in which a quote within a title is escaped. `_` in a SKU fits
    // anything, and SQLite takes `a` for `A`: what is found is read.
    let named = skus.iter().fold(Condition::any(), |any, sku| {
        any.add(row::Column::Items.like(format!("%\"sku\":\"{sku}\"%")))
    });
    let found: Vec<String> = row::Entity::find()
        .select_only()
        .column(row::Column::Items)
        .filter(row::Column::Account.eq(account.0))
        .filter(row::Column::Status.eq(OrderStatus::Paid.word()).or(paid_after))
        .filter(named)
        .into_tuple()
        .all(db)
        .await?;
    for items in found {
        let items: Vec<CartLine> = serde_json::from_str(&items)?;
        if items.iter().any(|item| skus.contains(&item.sku)) {
            return Ok(true);
        }
    }
    Ok(false)
}
