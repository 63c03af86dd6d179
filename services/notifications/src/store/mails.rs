//! The table of mails, from their writing to the mail server's answer.
use super::{Place, behind};
use crate::letter::{Letter, Mail};
use contracts::Timestamp;
use contracts::notifications::MailStatus;
use kit::db::{self, Among, Change, Rows, SetUpdate, Tx};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, ExprTrait, QueryOrder, QuerySelect, Set};
use std::collections::BTreeMap;

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
    pub address: Option<String>,
    pub next_at: Option<i64>,
    pub attempts: i64,
    pub error: Option<String>,
    pub queued_at: Option<i64>,
    pub sent_at: Option<i64>,
    pub secret: Option<String>,
    pub expires_at: Option<i64>,
    pub words: Option<String>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The name of a state in the database: `outbox` for what is kept.
pub const fn name_of(status: MailStatus) -> &'static str {
    match status {
        MailStatus::Kept => "outbox",
        MailStatus::Waiting => "waiting",
        MailStatus::Sent => "sent",
        MailStatus::Failed => "failed",
    }
}

/// The state with this name; what is none of them was kept by another release.
pub fn status_of(name: &str) -> MailStatus {
    [MailStatus::Waiting, MailStatus::Sent, MailStatus::Failed]
        .into_iter()
        .find(|status| name_of(*status) == name)
        .unwrap_or(MailStatus::Kept)
}

/// How an address is looked for: e-mail is delivered whatever the capitals. What is longer than
/// any address is found by nobody.
pub fn address_of(recipient: &str) -> Option<String> {
    let address = recipient.trim().to_lowercase();
    (address.len() <= 254).then_some(address)
}

/// What stands where a secret stood.
pub const REDACTED: &str = "(removed)";

pub(super) fn row(letter: &Letter, mail: &Mail, posted: bool, now: Timestamp) -> ActiveModel {
    let status = if posted { MailStatus::Waiting } else { MailStatus::Kept };
    let queued_at = posted.then_some(now.micros());
    ActiveModel {
        id: Set(letter.id.0),
        kind: Set(letter.kind.as_str().to_owned()),
        order_id: Set(letter.order.map(Uuid::from)),
        account: Set(mail.account.map(Uuid::from)),
        message_id: Set(mail.message_id.clone()),
        recipient: Set(mail.to.clone()),
        subject: Set(mail.subject.clone()),
        // Set from the words when they are read.
        plain: Set(String::new()),
        html: Set(String::new()),
        state: Set(name_of(status).to_owned()),
        created_at: Set(now.micros()),
        address: Set(address_of(&mail.to)),
        next_at: Set(queued_at),
        attempts: Set(0),
        error: Set(None),
        queued_at: Set(queued_at),
        sent_at: Set(None),
        secret: Set(mail.secret.clone()),
        expires_at: Set(mail.expires_at.map(Timestamp::micros)),
        words: Set(Some(mail.words.clone())),
    }
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
    /// See [`status_of`].
    pub state: String,
    /// How often the mail server was tried.
    pub attempts: i64,
    /// What it said last.
    pub error: Option<String>,
    /// When it was written.
    pub created_at: i64,
}

/// Which mails are listed.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Only those to this address, see [`address_of`].
    pub address: Option<String>,
    /// Only those in this state.
    pub status: Option<MailStatus>,
    /// Where the last page ended.
    pub after: Option<Place>,
    /// At most so many.
    pub most: u32,
}

/// Mails, newest first.
pub async fn list(db: &impl ConnectionTrait, wanted: Listing) -> Result<Vec<Header>, DbErr> {
    let mut found = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Kind, Column::OrderId, Column::Account, Column::Recipient])
        .columns([Column::Subject, Column::State, Column::Attempts, Column::Error])
        .column(Column::CreatedAt)
        .filter(behind(Column::CreatedAt, Column::Id, wanted.after));
    if let Some(address) = wanted.address {
        found = found.filter(Column::Address.eq(address));
    }
    if let Some(status) = wanted.status {
        found = found.filter(Column::State.eq(name_of(status)));
        if status != MailStatus::Kept {
            // As the index has it, which holds no others.
            found = found.filter(Expr::cust("state <> 'outbox'"));
        }
    }
    found
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(u64::from(wanted.most))
        .into_model::<Header>()
        .all(db)
        .await
}

/// One mail.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// One mail, locked.
pub async fn lock(tx: &Tx, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(tx).await
}

/// Whether a mail waits for the mail server, and its time has come.
pub async fn any_due(db: &impl Rows, now: Timestamp) -> Result<bool, DbErr> {
    let due = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::NextAt.lte(now.micros()))
        .limit(1);
    Ok(!db.tuples::<(Uuid,)>(due).await?.is_empty())
}

/// Takes at most `most` mails whose time has come until `until`, those that wait longest first.
/// Beside another worker each gets its own: the rows are locked, and looked at again once they
/// are had.
pub async fn claim(
    tx: &Tx,
    now: Timestamp,
    until: Timestamp,
    most: u64,
) -> Result<Vec<Model>, DbErr> {
    let rows = Entity::find()
        .filter(Column::NextAt.lte(now.micros()))
        .order_by_asc(Column::NextAt)
        .order_by_asc(Column::Id)
        .limit(most)
        .lock_exclusive()
        .all(tx)
        .await?;
    if rows.is_empty() {
        return Ok(rows);
    }
    Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(until.micros()))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.among(rows.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    let counted = |row: Model| Model { attempts: row.attempts + 1, ..row };
    Ok(rows.into_iter().map(counted).collect())
}

/// Which of `claimed` are still waiting, with the number of their last claim, locked.
pub async fn still_claimed(tx: &Tx, claimed: &[Uuid]) -> Result<BTreeMap<Uuid, i64>, DbErr> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Attempts])
        .filter(Column::Id.among(claimed.iter().copied()))
        .filter(Column::State.eq(name_of(MailStatus::Waiting)))
        .order_by_asc(Column::Id)
        .lock_exclusive();
    Ok(rows.into_tuple::<(Uuid, i64)>().all(tx).await?.into_iter().collect())
}

/// Where a mail stands after the mail server was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Which mail.
    pub id: Uuid,
    /// Where it is.
    pub status: MailStatus,
    /// When to try again.
    pub next_at: Option<Timestamp>,
    /// What the mail server said.
    pub error: Option<String>,
    /// Whether the secret is to go from what it says.
    pub redact: bool,
}

/// Saves where mails stand. No mail is there twice.
pub async fn save(tx: &Tx, stands: &[Stand], now: Timestamp) -> Result<(), DbErr> {
    let row = |stand: &Stand| {
        let sent_at = (stand.status == MailStatus::Sent).then_some(now.micros());
        vec![
            stand.id.into(),
            name_of(stand.status).to_owned().into(),
            stand.next_at.map(Timestamp::micros).into(),
            stand.error.clone().into(),
            sent_at.into(),
        ]
    };
    SetUpdate::of("mails")
        .key("id", db::Kind::Id)
        .change(Change::To("state"), db::Kind::Text)
        .change(Change::To("next_at"), db::Kind::Int)
        .change(Change::To("error"), db::Kind::Text)
        .change(Change::To("sent_at"), db::Kind::Int)
        .run(tx, stands.iter().map(row).collect())
        .await?;
    let redact: Vec<Uuid> =
        stands.iter().filter(|stand| stand.redact).map(|stand| stand.id).collect();
    if redact.is_empty() {
        return Ok(());
    }
    // It was written so that an address can hold it: JSON holds it as it is, too.
    let without = |column: Column| {
        let parts = [Expr::col(column), Expr::col(Column::Secret), Expr::value(REDACTED)];
        sea_orm::sea_query::Func::cust("REPLACE").args(parts)
    };
    Entity::update_many()
        .col_expr(Column::Plain, without(Column::Plain).into())
        .col_expr(Column::Html, without(Column::Html).into())
        .col_expr(Column::Words, without(Column::Words).into())
        .filter(Column::Id.among(redact.iter().copied()))
        .filter(Column::Secret.is_not_null())
        .exec(tx)
        .await?;
    Entity::update_many()
        .col_expr(Column::Secret, Expr::value(Option::<String>::None))
        .filter(Column::Id.among(redact))
        .exec(tx)
        .await?;
    Ok(())
}

/// Has the mail server tried again, for two more days.
pub async fn requeue(tx: &Tx, id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(name_of(MailStatus::Waiting)))
        .col_expr(Column::NextAt, Expr::value(now.micros()))
        .col_expr(Column::QueuedAt, Expr::value(now.micros()))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}
