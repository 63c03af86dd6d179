//! Migrations: forward only, one DDL step each, under a lock of the engine.
//!
//! A migration is a file of SQL in which the types that differ by engine are named in braces:
//!
//! | in the file | SQLite | PostgreSQL | MariaDB and MySQL |
//! |---|---|---|---|
//! | `{id}` | BLOB | UUID | BINARY(16) |
//! | `{int}` | INTEGER | BIGINT | BIGINT |
//! | `{bool}` | BOOLEAN | BOOLEAN | BOOLEAN |
//! | `{key}` text that is compared byte by byte and indexed | TEXT | TEXT COLLATE "C" | VARCHAR(255) binary |
//! | `{text}` text of any length | TEXT | TEXT | MEDIUMTEXT |
//! | `{bytes}` | BLOB | BYTEA | VARBINARY(255) |
//! | `{by_key}` behind a table of small rows: kept in the order of its key | WITHOUT ROWID | | (always so) |
//!
//! | `{where x IS NOT NULL}` behind an index: of a part of the rows | where … | where … | |
//! | `{on t}` behind `DROP INDEX i` | | | on t |
//!
//! On SQLite sixteen bytes are read as an id: no column of `{bytes}` may hold as many.
//!
//! Steps end with `;` at the end of a line, and are known by their number: one that was released is
//! never taken out. The previous release runs on the new schema: add
//! first, and take away one release later.
use crate::db::{Db, Engine, Tx};
use crate::problem::Unexpected;
use sea_orm::{ConnectionTrait, DbErr, Statement};
use std::collections::HashSet;

/// One file of `migrations/`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its name without the ending, such as `0001_orders`.
    pub name: &'static str,
    /// What stands in it.
    pub sql: &'static str,
}

/// A [`Migration`] from a file of the crate's `migrations/` folder.
#[macro_export]
macro_rules! migration {
    ($name:literal) => {
        $crate::migrate::Migration {
            name: $name,
            sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")),
        }
    };
}

/// The tables of the kit itself, in every service's database.
const KIT: [Migration; 2] = [migration!("0000_kit"), migration!("0001_inbox")];

/// Brings the database up to date; answers how many steps were taken.
/// # Errors
/// When a step fails; on SQLite and PostgreSQL nothing of the run is kept then.
pub async fn migrate(db: &Db, migrations: &[Migration]) -> Result<usize, Unexpected> {
    let tx = db.begin().await?;
    lock(db, &tx).await?;
    let create = "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(255) NOT NULL PRIMARY KEY)";
    tx.execute_unprepared(create).await?;
    let done = names(&tx).await?;
    let mut taken = 0;
    for migration in KIT.iter().chain(migrations) {
        for (index, step) in steps(migration.sql, db.engine()).iter().enumerate() {
            let name = format!("{}:{index}", migration.name);
            if done.contains(&name) {
                continue;
            }
            let failed = |error: DbErr| {
                Unexpected::from(error).context(format!("{}: migration {name}", db.service()))
            };
            tx.execute_unprepared(step).await.map_err(failed)?;
            let backend = tx.get_database_backend();
            let record = match db.engine() {
                Engine::Postgres => "INSERT INTO migrations (name) VALUES ($1)",
                Engine::Sqlite | Engine::MySql => "INSERT INTO migrations (name) VALUES (?)",
            };
            let values = [name.clone().into()];
            let record = Statement::from_sql_and_values(backend, record, values);
            tx.execute_raw(record).await.map_err(failed)?;
            taken += 1;
        }
    }
    tx.commit().await?;
    Ok(taken)
}

async fn names(tx: &Tx) -> Result<HashSet<String>, DbErr> {
    let sql = Statement::from_string(tx.get_database_backend(), "SELECT name FROM migrations");
    let rows = tx.query_all_raw(sql).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// SQLite's `BEGIN IMMEDIATE` is the lock; a server is asked for one that ends with the transaction.
async fn lock(db: &Db, tx: &Tx) -> Result<(), DbErr> {
    if db.engine() == Engine::Postgres {
        let sql = "SELECT pg_advisory_xact_lock(hashtext('feria migrations ' || current_schema()))";
        tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    }
    Ok(())
}

fn steps(sql: &str, engine: Engine) -> Vec<String> {
    let types: [(&str, [&str; 3]); 7] = [
        ("{id}", ["BLOB", "UUID", "BINARY(16)"]),
        ("{int}", ["INTEGER", "BIGINT", "BIGINT"]),
        ("{bool}", ["BOOLEAN", "BOOLEAN", "BOOLEAN"]),
        (
            "{key}",
            [
                "TEXT",
                "TEXT COLLATE \"C\"",
                "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            ],
        ),
        ("{text}", ["TEXT", "TEXT", "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"]),
        ("{bytes}", ["BLOB", "BYTEA", "VARBINARY(255)"]),
        ("{by_key}", ["WITHOUT ROWID", "", ""]),
    ];
    let column = match engine {
        Engine::Sqlite => 0,
        Engine::Postgres => 1,
        Engine::MySql => 2,
    };
    let written =
        types.iter().fold(sql.to_owned(), |sql, (name, by)| sql.replace(name, by[column]));
    let written = clauses(&written, "{where ", engine != Engine::MySql);
    let written = clauses(&written, "{on ", engine == Engine::MySql);
    let bare: Vec<&str> =
        written.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let bare = bare.join("\n");
    bare.split(";\n")
        .map(|step| step.trim().trim_end_matches(';').trim_end().to_owned())
        .filter(|step| !step.is_empty())
        .collect()
}

/// Keeps the clauses that begin with `{begin` and end with `}`, or takes them out.
fn clauses(sql: &str, begin: &str, kept: bool) -> String {
    let mut parts = sql.split(begin);
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (clause, rest) = part.split_once('}').unwrap_or((part, ""));
        if kept {
            written.push_str(&begin[1..]);
            written.push_str(clause);
        }
        written.push_str(rest);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_for_the_engines_that_know_them() {
        let sql = "CREATE INDEX a ON t (b) {where b IS NOT NULL};\nDROP INDEX c {on t};\n";
        let some = ["CREATE INDEX a ON t (b) where b IS NOT NULL", "DROP INDEX c"];
        assert_eq!(steps(sql, Engine::Sqlite), some);
        assert_eq!(steps(sql, Engine::Postgres), some);
        assert_eq!(steps(sql, Engine::MySql), ["CREATE INDEX a ON t (b)", "DROP INDEX c on t"]);
    }
}
