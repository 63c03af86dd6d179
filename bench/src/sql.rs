//! Statements that insert many rows at once, and counts.
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, Value};
use std::fmt::Write as _;

/// The most values that one statement binds.
const MOST_BINDS: usize = 30_000;

/// A text, as a value of a row.
pub fn text(text: &str) -> Value {
    text.into()
}

/// Inserts all rows, with as few statements as the engines allow.
/// # Errors
/// When a row breaks a constraint.
pub async fn insert(
    tx: &DatabaseTransaction,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let most = MOST_BINDS / columns.len().max(1);
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let chunk: Vec<Vec<Value>> = rows.by_ref().take(most).collect();
        let places = places(backend, columns.len(), chunk.len());
        let sql = format!("INSERT INTO {table} ({}) VALUES {places}", columns.join(", "));
        let values = chunk.into_iter().flatten();
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(())
}

/// Deletes the rows whose `column` has one of `values`.
/// # Errors
/// When the database fails.
pub async fn delete(
    tx: &DatabaseTransaction,
    table: &str,
    column: &str,
    values: Vec<Value>,
) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let places = places(backend, values.len(), 1);
    let sql = format!("DELETE FROM {table} WHERE {column} IN {places}");
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.map(drop)
}

/// `(?, ?), (?, ?)`, or what PostgreSQL has for it.
fn places(backend: DbBackend, columns: usize, rows: usize) -> String {
    let mut sql = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = match backend {
                DbBackend::Postgres => write!(sql, "{comma}${}", row * columns + column + 1),
                _ => write!(sql, "{comma}?"),
            };
        }
        sql.push(')');
    }
    sql
}

/// The number that a query answers.
/// # Errors
/// When the database fails.
pub async fn number(db: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_place() {
        assert_eq!(places(DbBackend::Sqlite, 2, 2), "(?, ?), (?, ?)");
        assert_eq!(places(DbBackend::Postgres, 2, 2), "($1, $2), ($3, $4)");
        assert_eq!(places(DbBackend::Postgres, 1, 1), "($1)");
    }
}
