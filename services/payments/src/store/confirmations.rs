//! The table of what was done by hand, beside any provider.
use super::rows::money;
use contracts::{AccountId, Money, PaymentId, Timestamp};
use kit::Unexpected;
use sea_orm::Set;
use sea_orm::entity::prelude::*;

/// `confirmations`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "confirmations")]
pub struct Model {
    /// The confirmation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The payment or the refund that was confirmed.
    pub subject_id: Uuid,
    /// The payment.
    pub payment_id: Uuid,
    /// Which staff did it; none where a delivery did.
    pub staff_id: Option<Uuid>,
    /// `confirm` or `capture`.
    pub kind: String,
    /// How much, in minor units.
    pub amount: i64,
    /// Of which currency.
    pub currency: String,
    /// When.
    pub at: i64,
}
/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What was done by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The confirmation.
    pub id: Uuid,
    /// The payment or the refund that was confirmed.
    pub subject: Uuid,
    /// The payment.
    pub payment: PaymentId,
    /// Which staff did it; none where a delivery did.
    pub by: Option<AccountId>,
    /// `confirm` where staff saw or gave the money, `capture` where a carrier took it.
    pub kind: String,
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

pub(super) fn close(done: &Confirmation) -> ActiveModel {
    ActiveModel {
        id: Set(done.id),
        subject_id: Set(done.subject),
        payment_id: Set(done.payment.0),
        staff_id: Set(done.by.map(Uuid::from)),
        kind: Set(done.kind.clone()),
        amount: Set(done.amount.minor),
        currency: Set(done.amount.currency.code().to_owned()),
        at: Set(done.at.micros()),
    }
}

pub(super) fn open(row: Model) -> Result<Confirmation, Unexpected> {
    Ok(Confirmation {
        id: row.id,
        subject: row.subject_id,
        payment: PaymentId(row.payment_id),
        by: row.staff_id.map(AccountId),
        kind: row.kind,
        amount: money(row.amount, &row.currency)?,
        at: Timestamp::from_micros(row.at),
    })
}
