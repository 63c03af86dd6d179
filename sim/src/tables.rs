//! Reads of the services' own tables, for those who look at the books. It is the one place that
//! reads across services, and it reads only.
use crate::executor::{Stuck, complete};
use crate::scheduler::Scheduler;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

/// Rows of `service`.
/// # Errors
/// When it is down, or cannot read them.
pub fn rows(run: &Scheduler, service: &str, sql: &str) -> Result<Vec<QueryResult>, Stuck> {
    let running = run.world.running.get(service);
    let db = running.ok_or_else(|| Stuck(format!("{service} is down")))?.db.clone();
    let statement = Statement::from_string(DbBackend::Sqlite, sql.to_owned());
    let read = complete(async move { db.reader().query_all_raw(statement).await }, "a check")?;
    read.map_err(|error| Stuck(format!("{service}: {sql}: {error}")))
}

/// Rows of a text and a number.
/// # Errors
/// See [`rows`].
pub fn pairs(run: &Scheduler, service: &str, sql: &str) -> Result<Vec<(String, i64)>, Stuck> {
    let pair = |row: &QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    let read: Result<_, sea_orm::DbErr> = rows(run, service, sql)?.iter().map(pair).collect();
    read.map_err(|error| Stuck(format!("{service}: {sql}: {error}")))
}

/// Says `what` of each row that `sql` (a text and a number a row) finds.
/// # Errors
/// See [`rows`].
pub fn none(
    run: &Scheduler,
    service: &str,
    sql: &str,
    what: &str,
    found: &mut Vec<String>,
) -> Result<(), Stuck> {
    let pairs = pairs(run, service, sql)?;
    found.extend(pairs.into_iter().map(|(text, n)| format!("{service}: {what}: {text} {n}")));
    Ok(())
}

/// A number.
/// # Errors
/// See [`rows`].
pub fn number(run: &Scheduler, service: &str, sql: &str) -> Result<i64, Stuck> {
    let sql = format!("SELECT '', ({sql})");
    Ok(pairs(run, service, &sql)?.first().map_or(0, |(_, number)| *number))
}
