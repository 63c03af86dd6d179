//! The table of what people see in the shop, and live.
use super::{Place, behind};
use crate::letter::{Letter, Mail};
use contracts::notifications::Notification;
use contracts::{AccountId, NotificationId, OrderId, Timestamp};
use kit::db::Among;
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect, Set};

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account: Uuid,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub order_id: Option<Uuid>,
    pub told_at: i64,
    pub written_at: Option<i64>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Notification {
    fn from(row: Model) -> Self {
        Self {
            id: NotificationId(row.id),
            kind: row.kind,
            title: row.title,
            body: row.body,
            order: row.order_id.map(OrderId),
            at: Timestamp::from_micros(row.told_at),
        }
    }
}

/// A guest has no list, and a link is nobody's news.
pub(super) fn row(letter: &Letter, mail: &Mail, now: Timestamp) -> Option<ActiveModel> {
    let account = mail.account.filter(|_| !letter.kind.is_a_link())?;
    Some(ActiveModel {
        id: Set(letter.id.0),
        account: Set(account.0),
        kind: Set(letter.kind.as_str().to_owned()),
        title: Set(mail.title.clone()),
        body: Set(mail.body.clone()),
        order_id: Set(letter.order.map(Uuid::from)),
        told_at: Set(letter.told_at.micros()),
        written_at: Set(Some(now.micros())),
    })
}

/// What an account was told, newest first, from behind `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    account: AccountId,
    after: Option<Place>,
    most: u32,
) -> Result<Vec<Notification>, DbErr> {
    let rows = Entity::find()
        .filter(Column::Account.eq(account.0))
        .filter(behind(Column::ToldAt, Column::Id, after))
        .order_by_desc(Column::ToldAt)
        .order_by_desc(Column::Id)
        .limit(u64::from(most))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Notification::from).collect())
}

/// When a notification of the account was written.
pub async fn written_at(
    db: &impl ConnectionTrait,
    account: AccountId,
    id: Uuid,
) -> Result<Option<i64>, DbErr> {
    let row = Entity::find_by_id(id).filter(Column::Account.eq(account.0)).one(db).await?;
    Ok(row.and_then(|row| row.written_at))
}

/// What was written for `accounts` behind `after`, in the order of writing, at most `most`.
pub async fn written_since(
    db: &impl ConnectionTrait,
    accounts: impl IntoIterator<Item = AccountId>,
    after: Place,
    most: u64,
) -> Result<Vec<Model>, DbErr> {
    let (at, id) = after;
    let same = Condition::all().add(Column::WrittenAt.eq(at)).add(Column::Id.gt(id));
    Entity::find()
        .filter(Column::Account.among(accounts.into_iter().map(Uuid::from)))
        // What the index can say by itself; the rest says where in an instant.
        .filter(Column::WrittenAt.gte(at))
        .filter(Condition::any().add(Column::WrittenAt.gt(at)).add(same))
        .order_by_asc(Column::WrittenAt)
        .order_by_asc(Column::Id)
        .limit(most)
        .all(db)
        .await
}
