//! `Idempotency-Key`: the same request twice has one effect and one answer.
//!
//! A use case of one transaction writes key and answer with its effect: [`look`], and [`keep`]
//! unless it is a repetition. A longer one first commits the key with the id that it will use
//! ([`begin`]: running, leased for [`LEASE`]), and its answer at the end ([`finish`]); whoever
//! takes over an expired lease goes on with the same id. Keys are kept for 24 hours.
use crate::db::{Among, Rows, insert_all};
use crate::problem::Unexpected;
use crate::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, Set};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub request: Vec<u8>,
        pub body_hash: Vec<u8>,
        pub resource: Uuid,
        pub answer: Option<String>,
        pub leased_until: i64,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    crate::by_place!(Model: request, body_hash, resource, answer, leased_until, created_at);
}

/// How long a request may run before another takes it over.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long keys are kept.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Route and caller, such as `checkout account:0190…`: keys are unique within.
    pub scope: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 of the canonical body.
    pub body: [u8; 32],
    /// The id that the request will use, should it be the first.
    pub resource: Uuid,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<A> {
    /// It is the first, or takes over one whose lease ended: go on with `resource`.
    Go {
        /// The id to use: that of the first try.
        resource: Uuid,
        /// Whether an earlier try may have left things half done.
        taken_over: bool,
    },
    /// It was answered before.
    Answered(A),
    /// The key came with another body.
    Reused,
    /// It is still running.
    Running,
}

impl<T, E> Known<Result<T, E>> {
    /// What is answered without doing anything: the answer of before, or the refusal for a key
    /// that is `reused` or whose request is `running`; none where it is to be done now.
    pub fn answer(self, reused: E, running: E) -> Option<Result<T, E>> {
        match self {
            Self::Go { .. } => None,
            Self::Answered(answer) => Some(answer),
            Self::Reused => Some(Err(reused)),
            Self::Running => Some(Err(running)),
        }
    }
}

impl Request {
    /// SHA-256 of scope and key: what the row is found by.
    fn name(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.scope.as_bytes());
        hash.update([0]);
        hash.update(self.key.as_bytes());
        hash.finalize().to_vec()
    }
}

async fn find(
    wave: &Wave,
    requests: impl Iterator<Item = &Request>,
) -> Result<HashMap<Vec<u8>, row::Model>, DbErr> {
    let found = row::Entity::find()
        .filter(row::Column::Request.among(requests.map(Request::name)))
        .order_by_asc(row::Column::Request)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
    Ok(rows.into_iter().map(|row| (row.request.clone(), row)).collect())
}

fn known<A: DeserializeOwned>(
    found: Option<&row::Model>,
    request: &Request,
    now: i64,
) -> Result<Known<A>, Unexpected> {
    let Some(row) = found else {
        return Ok(Known::Go { resource: request.resource, taken_over: false });
    };
    if row.body_hash != request.body {
        return Ok(Known::Reused);
    }
    match &row.answer {
        Some(answer) => Ok(Known::Answered(serde_json::from_str(answer)?)),
        None if row.leased_until > now => Ok(Known::Running),
        None => Ok(Known::Go { resource: row.resource, taken_over: true }),
    }
}

/// What is known of a request of one transaction. On [`Known::Go`] it writes [`keep`] with its
/// effect; the unique key is the guard against a twin beside it.
/// # Errors
/// When the database fails, or a kept answer cannot be read.
pub async fn look<A: DeserializeOwned>(
    wave: &Wave,
    request: &Request,
) -> Result<Known<A>, Unexpected> {
    let found = find(wave, std::iter::once(request)).await?;
    known(found.values().next(), request, wave.now().micros())
}

/// Keeps the answer of a request of one transaction.
/// # Errors
/// When the key was kept meanwhile: the wave is rolled back and the request looked up again.
pub async fn keep<A: Serialize>(
    wave: &Wave,
    request: &Request,
    answer: &A,
) -> Result<(), Unexpected> {
    let answer = serde_json::to_string(answer)?;
    insert_all(wave.tx(), vec![new_row(wave, request, Some(answer), 0)]).await?;
    Ok(())
}

fn new_row(
    wave: &Wave,
    request: &Request,
    answer: Option<String>,
    leased_until: i64,
) -> row::ActiveModel {
    row::ActiveModel {
        request: Set(request.name()),
        body_hash: Set(request.body.to_vec()),
        resource: Set(request.resource),
        answer: Set(answer),
        leased_until: Set(leased_until),
        created_at: Set(wave.now().micros()),
    }
}

/// Commits keys of longer requests, leased. Two of the same key in one set: the first goes.
/// # Errors
/// When the database fails, or a kept answer cannot be read.
pub async fn begin<A: DeserializeOwned>(
    wave: &mut Wave,
    requests: &[Request],
) -> Result<Vec<Known<A>>, Unexpected> {
    let unanswered = |request| (request, None);
    begin_or_keep(wave, &requests.iter().map(unanswered).collect::<Vec<_>>()).await
}

/// The same for requests whose answer may be known beforehand: it is kept at once, and is the
/// answer, unless the key was used before.
/// # Errors
/// When the database fails, or an answer cannot be read.
pub async fn begin_or_keep<A: DeserializeOwned>(
    wave: &mut Wave,
    requests: &[(&Request, Option<&str>)],
) -> Result<Vec<Known<A>>, Unexpected> {
    let mut found = find(wave, requests.iter().map(|(request, _)| *request)).await?;
    let now = wave.now().micros();
    let until = wave.now().after(LEASE).micros();
    let (mut answers, mut fresh) = (Vec::with_capacity(requests.len()), Vec::new());
    for (request, beforehand) in requests {
        let name = request.name();
        let row = found.get(&name);
        let mut answer = known(row, request, now)?;
        if let Known::Go { taken_over, .. } = answer {
            let mut running = row::Model {
                request: name.clone(),
                body_hash: request.body.to_vec(),
                resource: row.map_or(request.resource, |row| row.resource),
                answer: None,
                leased_until: until,
                created_at: now,
            };
            if taken_over {
                lease(wave, request, until).await?;
            } else {
                if let Some(beforehand) = beforehand {
                    running.answer = Some((*beforehand).to_owned());
                    answer = Known::Answered(serde_json::from_str(beforehand)?);
                }
                fresh.push(new_row(wave, request, running.answer.clone(), until));
            }
            found.insert(name, running);
        }
        answers.push(answer);
    }
    insert_all(wave.tx(), fresh).await?;
    Ok(answers)
}

async fn lease(wave: &Wave, request: &Request, until: i64) -> Result<(), DbErr> {
    row::Entity::update_many()
        .col_expr(row::Column::LeasedUntil, Expr::value(until))
        .filter(row::Column::Request.eq(request.name()))
        .exec(wave.tx())
        .await?;
    Ok(())
}

/// Keeps the answers of longer requests, by their `resource`; none for those whose answer is not
/// to be kept: they are forgotten, so that the same key may try again with a new id.
/// # Errors
/// When the database fails.
pub async fn finish(wave: &mut Wave, answers: &[(Uuid, Option<String>)]) -> Result<(), Unexpected> {
    let kept: Vec<Vec<Value>> = answers
        .iter()
        .filter_map(|(id, answer)| Some(vec![(*id).into(), answer.clone()?.into()]))
        .collect();
    if !kept.is_empty() {
        use crate::db::{Change, Kind, SetUpdate};
        SetUpdate::of("idempotency")
            .key("resource", Kind::Id)
            .change(Change::To("answer"), Kind::Text)
            .run(wave.tx(), kept)
            .await?;
    }
    let forgotten: Vec<Uuid> =
        answers.iter().filter(|(_, answer)| answer.is_none()).map(|(id, _)| *id).collect();
    if !forgotten.is_empty() {
        let forgotten = row::Column::Resource.among(forgotten);
        row::Entity::delete_many().filter(forgotten).exec(wave.tx()).await?;
    }
    Ok(())
}

/// Which of `resources` still belong to a request that runs; locks their rows. One that does not
/// was given up meanwhile, and its id must not be used any more.
/// # Errors
/// When the database fails.
pub async fn running(wave: &Wave, resources: &[Uuid]) -> Result<HashSet<Uuid>, Unexpected> {
    let found = row::Entity::find()
        .filter(row::Column::Resource.among(resources.iter().copied()))
        .filter(row::Column::Answer.is_null())
        .order_by_asc(row::Column::Request)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
    Ok(rows.into_iter().map(|row| row.resource).collect())
}

/// What became of the request that uses `resource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No request uses it.
    Unknown,
    /// It runs, and its lease has not ended.
    Running,
    /// It runs no more: its lease ended without an answer.
    Abandoned,
    /// It was answered.
    Answered,
}

/// What became of the request that uses `resource`. Locks its row.
/// # Errors
/// When the database fails.
pub async fn progress(wave: &Wave, resource: Uuid) -> Result<Progress, Unexpected> {
    let of = row::Entity::find().filter(row::Column::Resource.eq(resource));
    Ok(match of.lock_exclusive().one(wave.tx()).await? {
        None => Progress::Unknown,
        Some(row) if row.answer.is_some() => Progress::Answered,
        Some(row) if row.leased_until > wave.now().micros() => Progress::Running,
        Some(_) => Progress::Abandoned,
    })
}

/// Ends all leases: for a store that restarts alone.
pub(crate) async fn free_leases(wave: &mut Wave) -> Result<(), Unexpected> {
    row::Entity::update_many()
        .col_expr(row::Column::LeasedUntil, Expr::value(0))
        .filter(row::Column::Answer.is_null())
        .exec(wave.tx())
        .await?;
    Ok(())
}

/// Forgets keys that are older than [`KEPT`].
pub(crate) async fn forget_old(wave: &mut Wave) -> Result<(), Unexpected> {
    let before = wave.now().before(KEPT).micros();
    let old = row::Column::CreatedAt.lt(before);
    row::Entity::delete_many().filter(old).exec(wave.tx()).await?;
    Ok(())
}
