//! The table of letters.
use crate::letter::{Facts, Kind, Letter, State, Unwritten};
use contracts::{AccountId, NotificationId, OrderId, Timestamp};
use kit::db::{self, Among, Change, Rows, SetUpdate, Tx, insert_all};
use kit::problem::Unexpected;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect, Select, Set};
use std::collections::{BTreeMap, BTreeSet};

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
    pub facts: Option<String>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
kit::by_place!(Model:
    id, kind, about, order_id, account, reason, was_paid, told_at, state, next_at, tries,
    dropped_because, facts
);

/// Which of `about` have a letter of this kind already.
pub async fn known(tx: &Tx, kind: Kind, about: &[Uuid]) -> Result<BTreeSet<Uuid>, DbErr> {
    let rows = Entity::find()
        .select_only()
        .column(Column::About)
        .filter(Column::About.among(about.iter().copied()))
        .filter(Column::Kind.eq(kind.as_str()));
    Ok(tx.tuples::<(Uuid,)>(rows).await?.into_iter().map(|(about,)| about).collect())
}

/// Saves new letters.
pub async fn insert(tx: &Tx, new: &[Letter], now: Timestamp) -> Result<(), Unexpected> {
    let mut rows = Vec::with_capacity(new.len());
    for letter in new {
        rows.push(ActiveModel {
            id: Set(letter.id.0),
            kind: Set(letter.kind.as_str().to_owned()),
            about: Set(letter.about),
            order_id: Set(letter.order.map(Uuid::from)),
            account: Set(letter.account.map(Uuid::from)),
            reason: Set(letter.reason.map(|reason| name_of(&reason)).transpose()?),
            was_paid: Set(letter.was_paid),
            told_at: Set(letter.told_at.micros()),
            state: Set(State::Due.as_str().to_owned()),
            next_at: Set(Some(letter.due_at(now).micros())),
            tries: Set(letter.tries),
            dropped_because: Set(None),
            facts: Set(facts_of(letter)?),
        });
    }
    Ok(insert_all(tx, rows).await?)
}

fn facts_of(letter: &Letter) -> Result<Option<String>, Unexpected> {
    if letter.facts == Facts::default() {
        return Ok(None);
    }
    Ok(Some(serde_json::to_string(&letter.facts)?))
}

/// The name that serde gives to a variant without fields.
fn name_of(value: &impl serde::Serialize) -> Result<String, Unexpected> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(name) => Ok(name),
        other => Err(Unexpected::new(format!("{other} is no name"))),
    }
}

fn open(row: Model) -> Result<Letter, Unexpected> {
    let reason = row.reason.map(|name| serde_json::from_value(name.into())).transpose()?;
    let facts = row.facts.as_deref().map(serde_json::from_str).transpose()?;
    Ok(Letter {
        id: NotificationId(row.id),
        kind: row.kind.parse().map_err(Unexpected::new)?,
        about: row.about,
        order: row.order_id.map(OrderId),
        account: row.account.map(AccountId),
        reason,
        was_paid: row.was_paid,
        facts: facts.unwrap_or_default(),
        told_at: Timestamp::from_micros(row.told_at),
        tries: row.tries,
    })
}

/// Puts the links of `verify` into the welcomes of their accounts, where those are not written
/// yet, and has these written now. Answers which links go with a welcome.
pub async fn join_welcomes(
    tx: &Tx,
    verify: &[Letter],
    now: Timestamp,
) -> Result<BTreeSet<Uuid>, Unexpected> {
    let accounts = verify.iter().filter_map(|letter| letter.account).map(Uuid::from);
    let welcomes = Entity::find()
        .filter(Column::About.among(accounts))
        .filter(Column::Kind.eq(Kind::Welcome.as_str()))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    let mut by_account: BTreeMap<Uuid, (bool, Letter)> = BTreeMap::new();
    for row in welcomes {
        // What is due already may be just being written. Should its worker not see this change,
        // it finds the letter due at another time.
        let waits = row.next_at.is_some_and(|at| at > now.micros()) && row.tries == 0;
        by_account.insert(row.about, (waits, open(row)?));
    }
    let (mut joined, mut changed) = (BTreeSet::new(), Vec::new());
    for letter in verify {
        let account = letter.account.map(Uuid::from).unwrap_or_default();
        let Some((waits, welcome)) = by_account.get_mut(&account) else { continue };
        if welcome.facts.link.is_none() && *waits {
            welcome.facts.link = letter.facts.link;
            let facts: Value = facts_of(welcome)?.into();
            changed.push(vec![welcome.id.0.into(), facts, now.micros().into()]);
        }
        // Also where the same fact came again.
        if welcome.facts.link == letter.facts.link {
            joined.insert(letter.about);
        }
    }
    if !changed.is_empty() {
        SetUpdate::of("letters")
            .key("id", db::Kind::Id)
            .change(Change::To("facts"), db::Kind::Text)
            .change(Change::To("next_at"), db::Kind::Int)
            .run(tx, changed)
            .await?;
    }
    Ok(joined)
}

/// Whether a letter is due.
pub async fn any_due(db: &impl Rows, now: Timestamp) -> Result<bool, DbErr> {
    let due = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::NextAt.lte(now.micros()))
        .limit(1);
    Ok(!db.tuples::<(Uuid,)>(due).await?.is_empty())
}

/// A letter that is to be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The letter.
    pub letter: Letter,
    /// When it is (or was) due as far as its claim knows. Whoever claims it later, and whoever
    /// changes it, gives it another time.
    pub next_at: i64,
}

fn due_rows(now: Timestamp, most: usize) -> Select<Entity> {
    Entity::find()
        .filter(Column::NextAt.lte(now.micros()))
        .order_by_asc(Column::NextAt)
        .order_by_asc(Column::Id)
        .limit(most as u64)
}

fn opened(rows: Vec<Model>) -> Result<Vec<Claimed>, Unexpected> {
    let one = |row: Model| {
        let next_at = row.next_at.unwrap_or_default();
        Ok(Claimed { letter: open(row)?, next_at })
    };
    rows.into_iter().map(one).collect()
}

/// At most `most` due letters, those that wait longest first.
pub async fn due(db: &impl Rows, now: Timestamp, most: usize) -> Result<Vec<Claimed>, Unexpected> {
    opened(db.all(due_rows(now, most)).await?)
}

/// Takes at most `most` due letters, those that wait longest first, until `until`. Beside
/// another worker each gets its own: the rows are locked, and looked at again once they are had.
pub async fn claim(
    tx: &Tx,
    now: Timestamp,
    until: Timestamp,
    most: usize,
) -> Result<Vec<Claimed>, Unexpected> {
    let rows = tx.all(due_rows(now, most).lock_exclusive()).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(until.micros()))
        .col_expr(Column::Tries, Expr::col(Column::Tries).add(1))
        .filter(Column::Id.among(rows.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    let until = Some(until.micros());
    opened(rows.into_iter().map(|row| Model { next_at: until, ..row }).collect())
}

/// Which of `claimed` are still to be written, and when, locked.
pub async fn still_due(tx: &Tx, claimed: &[Uuid]) -> Result<BTreeMap<Uuid, i64>, DbErr> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::Id, Column::NextAt])
        .filter(Column::Id.among(claimed.iter().copied()))
        .filter(Column::State.eq(State::Due.as_str()))
        .filter(Column::NextAt.is_not_null())
        .order_by_asc(Column::Id)
        .lock_exclusive();
    Ok(tx.tuples(rows).await?.into_iter().collect())
}

/// Saves that letters were written, and whose they are, where only their orders knew.
pub async fn save_written(
    tx: &Tx,
    written: &[Uuid],
    owned: Vec<(Uuid, Option<Uuid>)>,
) -> Result<(), DbErr> {
    if !written.is_empty() {
        Entity::update_many()
            .col_expr(Column::State, Expr::value(State::Written.as_str()))
            .col_expr(Column::NextAt, Expr::value(Option::<i64>::None))
            .filter(Column::Id.among(written.iter().copied()))
            .exec(tx)
            .await?;
    }
    SetUpdate::of("letters")
        .key("id", db::Kind::Id)
        .change(Change::To("account"), db::Kind::Id)
        .run(tx, owned.into_iter().map(|(id, account)| vec![id.into(), account.into()]).collect())
        .await
}

/// Saves why letters were not written, and when those are tried again that may be yet.
pub async fn save_unwritten(
    tx: &Tx,
    unwritten: &[(&Letter, Unwritten)],
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = |(letter, why): &(&Letter, Unwritten)| {
        let (state, next_at, because) = match why {
            Unwritten::Dropped(because) => (State::Dropped, None, Some((*because).to_owned())),
            Unwritten::Later => (State::Due, Some(letter.again_at(now).micros()), None),
        };
        let (state, tries) = (state.as_str().to_owned(), letter.tries + 1);
        vec![letter.id.0.into(), state.into(), next_at.into(), because.into(), tries.into()]
    };
    SetUpdate::of("letters")
        .key("id", db::Kind::Id)
        .change(Change::To("state"), db::Kind::Text)
        .change(Change::To("next_at"), db::Kind::Int)
        .change(Change::To("dropped_because"), db::Kind::Text)
        .change(Change::To("tries"), db::Kind::Int)
        .run(tx, unwritten.iter().map(row).collect())
        .await
}
