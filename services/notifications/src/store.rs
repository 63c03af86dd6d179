//! The SQL of notifications: letters, mails, and what people see.
use crate::letter::{Kind, Letter, Mail, Outcome, State, Unwritten};
use contracts::notifications::Notification;
use contracts::{AccountId, NotificationId, OrderId, Timestamp};
use kit::db::{self, Change, SetUpdate, insert_all};
use kit::problem::Unexpected;
use sea_orm::entity::prelude::*;
use sea_orm::{
    Condition, ConnectionTrait, DatabaseTransaction, ExprTrait, QueryOrder, QuerySelect, Set,
};
use std::collections::{BTreeMap, BTreeSet};

/// The table of letters.
pub mod letters {
    use sea_orm::entity::prelude::*;

    /// A letter.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "letters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub about: Uuid,
        pub order_id: Option<Uuid>,
        pub account: Option<Uuid>,
        pub reason: Option<String>,
        pub was_paid: bool,
        pub told_at: i64,
        pub state: String,
        pub next_at: Option<i64>,
        pub tries: i64,
        pub dropped_because: Option<String>,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The table of mails.
pub mod mails {
    use sea_orm::entity::prelude::*;

    /// A mail.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mails")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub order_id: Option<Uuid>,
        pub account: Option<Uuid>,
        pub message_id: String,
        pub recipient: String,
        pub subject: String,
        pub plain: String,
        pub html: String,
        pub state: String,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The table of what people see.
pub mod notifications {
    use sea_orm::entity::prelude::*;

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
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Where a list by time goes on: the time and id of the last item seen.
pub type Place = (i64, Uuid);

/// Which of `about` have a letter of this kind already.
pub async fn known(
    tx: &DatabaseTransaction,
    kind: Kind,
    about: &[Uuid],
) -> Result<BTreeSet<Uuid>, DbErr> {
    let rows = letters::Entity::find()
        .select_only()
        .column(letters::Column::About)
        .filter(letters::Column::About.is_in(about.iter().copied()))
        .filter(letters::Column::Kind.eq(kind.as_str()));
    Ok(rows.into_tuple::<Uuid>().all(tx).await?.into_iter().collect())
}

/// Saves new letters; they are due at once.
pub async fn insert_letters(
    tx: &DatabaseTransaction,
    new: &[Letter],
    now: Timestamp,
) -> Result<(), Unexpected> {
    let mut rows = Vec::with_capacity(new.len());
    for letter in new {
        rows.push(letters::ActiveModel {
            id: Set(letter.id.0),
            kind: Set(letter.kind.as_str().to_owned()),
            about: Set(letter.about()),
            order_id: Set(letter.order.map(Uuid::from)),
            account: Set(letter.account.map(Uuid::from)),
            reason: Set(letter.reason.map(|reason| name_of(&reason)).transpose()?),
            was_paid: Set(letter.was_paid),
            told_at: Set(letter.told_at.micros()),
            state: Set(State::Due.as_str().to_owned()),
            next_at: Set(Some(now.micros())),
            tries: Set(letter.tries),
            dropped_because: Set(None),
        });
    }
    Ok(insert_all(tx, rows).await?)
}

/// The name that serde gives to a variant without fields.
fn name_of(value: &impl serde::Serialize) -> Result<String, Unexpected> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(name) => Ok(name),
        other => Err(Unexpected::new(format!("{other} is no name"))),
    }
}

fn open(row: letters::Model) -> Result<Letter, Unexpected> {
    let reason = row.reason.map(|name| serde_json::from_value(name.into())).transpose()?;
    Ok(Letter {
        id: NotificationId(row.id),
        kind: row.kind.parse().map_err(Unexpected::new)?,
        order: row.order_id.map(OrderId),
        account: row.account.map(AccountId),
        reason,
        was_paid: row.was_paid,
        told_at: Timestamp::from_micros(row.told_at),
        tries: row.tries,
    })
}

/// Whether a letter is due.
pub async fn any_due(db: &impl ConnectionTrait, now: Timestamp) -> Result<bool, DbErr> {
    let due = letters::Entity::find()
        .select_only()
        .column(letters::Column::Id)
        .filter(letters::Column::NextAt.lte(now.micros()))
        .limit(1);
    Ok(due.into_tuple::<Uuid>().one(db).await?.is_some())
}

/// Takes at most `most` due letters, those that wait longest first, until `until`. Beside
/// another worker each gets its own: the rows are locked, and looked at again once they are had.
pub async fn claim(
    tx: &DatabaseTransaction,
    now: Timestamp,
    until: Timestamp,
    most: u64,
) -> Result<Vec<Letter>, Unexpected> {
    let rows = letters::Entity::find()
        .filter(letters::Column::NextAt.lte(now.micros()))
        .order_by_asc(letters::Column::NextAt)
        .order_by_asc(letters::Column::Id)
        .limit(most)
        .lock_exclusive()
        .all(tx)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    letters::Entity::update_many()
        .col_expr(letters::Column::NextAt, Expr::value(until.micros()))
        .col_expr(letters::Column::Tries, Expr::col(letters::Column::Tries).add(1))
        .filter(letters::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    rows.into_iter().map(|row| open(letters::Model { tries: row.tries + 1, ..row })).collect()
}

/// Which of `claimed` are still due under the same claim, locked.
pub async fn still_claimed(
    tx: &DatabaseTransaction,
    claimed: &[Uuid],
) -> Result<BTreeMap<Uuid, i64>, DbErr> {
    let rows = letters::Entity::find()
        .filter(letters::Column::Id.is_in(claimed.iter().copied()))
        .filter(letters::Column::State.eq(State::Due.as_str()))
        .order_by_asc(letters::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.tries)).collect())
}

/// Saves what came of letters: their mails, what people see, and where the letters stand.
pub async fn save_outcomes(
    tx: &DatabaseTransaction,
    outcomes: &[&(Letter, Outcome)],
    now: Timestamp,
) -> Result<(), DbErr> {
    let (mut sent, mut shown, mut states) = (Vec::new(), Vec::new(), Vec::new());
    for (letter, outcome) in outcomes {
        let (state, next_at, because) = match outcome {
            Ok(mail) => {
                sent.push(mail_row(letter, mail, now));
                shown.extend(notification_row(letter, mail));
                (State::Written, None, None)
            }
            Err(Unwritten::Dropped(because)) => (State::Dropped, None, Some((*because).to_owned())),
            Err(Unwritten::Later) => (State::Due, Some(letter.again_at(now).micros()), None),
        };
        let state: Value = state.as_str().to_owned().into();
        states.push(vec![letter.id.0.into(), state, next_at.into(), because.into()]);
    }
    insert_all(tx, sent).await?;
    insert_all(tx, shown).await?;
    SetUpdate::of("letters")
        .key("id", db::Kind::Id)
        .change(Change::To("state"), db::Kind::Text)
        .change(Change::To("next_at"), db::Kind::Int)
        .change(Change::To("dropped_because"), db::Kind::Text)
        .run(tx, states)
        .await
}

fn mail_row(letter: &Letter, mail: &Mail, now: Timestamp) -> mails::ActiveModel {
    mails::ActiveModel {
        id: Set(letter.id.0),
        kind: Set(letter.kind.as_str().to_owned()),
        order_id: Set(letter.order.map(Uuid::from)),
        account: Set(letter.account.map(Uuid::from)),
        message_id: Set(mail.message_id.clone()),
        recipient: Set(mail.to.clone()),
        subject: Set(mail.subject.clone()),
        plain: Set(mail.text.clone()),
        html: Set(mail.html.clone()),
        state: Set("outbox".to_owned()),
        created_at: Set(now.micros()),
    }
}

/// A guest has no list.
fn notification_row(letter: &Letter, mail: &Mail) -> Option<notifications::ActiveModel> {
    Some(notifications::ActiveModel {
        id: Set(letter.id.0),
        account: Set(letter.account?.0),
        kind: Set(letter.kind.as_str().to_owned()),
        title: Set(mail.title.clone()),
        body: Set(mail.body.clone()),
        order_id: Set(letter.order.map(Uuid::from)),
        told_at: Set(letter.told_at.micros()),
    })
}

/// What an account was told, newest first, from behind `after`.
pub async fn list_notifications(
    db: &impl ConnectionTrait,
    account: AccountId,
    after: Option<Place>,
    most: u32,
) -> Result<Vec<Notification>, DbErr> {
    use notifications::Column;
    let rows = notifications::Entity::find()
        .filter(Column::Account.eq(account.0))
        .filter(behind(Column::ToldAt, Column::Id, after))
        .order_by_desc(Column::ToldAt)
        .order_by_desc(Column::Id)
        .limit(u64::from(most))
        .all(db)
        .await?;
    let show = |row: notifications::Model| Notification {
        id: NotificationId(row.id),
        kind: row.kind,
        title: row.title,
        body: row.body,
        order: row.order_id.map(OrderId),
        at: Timestamp::from_micros(row.told_at),
    };
    Ok(rows.into_iter().map(show).collect())
}

fn behind<C: ColumnTrait>(at: C, id: C, after: Option<Place>) -> Condition {
    let Some((last_at, last_id)) = after else { return Condition::all() };
    let same = Condition::all().add(at.eq(last_at)).add(id.lt(last_id));
    Condition::any().add(at.lt(last_at)).add(same)
}

/// A mail without its content, as the staff's list shows it.
#[derive(Clone, Debug, PartialEq, Eq, sea_orm::FromQueryResult)]
pub struct Header {
    /// The letter's id.
    pub id: Uuid,
    /// What for.
    pub kind: String,
    /// About which order.
    pub order_id: Option<Uuid>,
    /// Whose.
    pub account: Option<Uuid>,
    /// To which address.
    pub recipient: String,
    /// One line.
    pub subject: String,
    /// `outbox`: kept here.
    pub state: String,
    /// When it was written.
    pub created_at: i64,
}

/// All mails, newest first, from behind `after`.
pub async fn list_mails(
    db: &impl ConnectionTrait,
    after: Option<Place>,
    most: u32,
) -> Result<Vec<Header>, DbErr> {
    use mails::Column;
    mails::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Kind, Column::OrderId, Column::Account])
        .columns([Column::Recipient, Column::Subject, Column::State, Column::CreatedAt])
        .filter(behind(Column::CreatedAt, Column::Id, after))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(u64::from(most))
        .into_model::<Header>()
        .all(db)
        .await
}

/// One mail.
pub async fn find_mail(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<mails::Model>, DbErr> {
    mails::Entity::find_by_id(id).one(db).await
}
