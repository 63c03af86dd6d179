//! Values, deletions and counts of the statements that measurements need.
use kit::db::Tx;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

/// A text, as a value of a row.
pub fn text(text: &str) -> Value {
    text.into()
}

/// Deletes the rows whose `column` has one of `values`.
/// # Errors
/// When the database fails.
pub async fn delete(tx: &Tx, table: &str, column: &str, values: Vec<Value>) -> Result<(), DbErr> {
    let mut rows = Query::delete();
    rows.from_table(Alias::new(table)).and_where(Expr::col(Alias::new(column)).is_in(values));
    tx.execute(&rows).await.map(drop)
}

/// The number that a query answers.
/// # Errors
/// When the database fails.
pub async fn number(db: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}
