//! What SQL runs on, whichever the engine: a transaction that writes, and what reads.
use super::{file, rows};
use rusqlite::Error;
use sea_orm::sqlx::{self, error::DatabaseError, error::ErrorKind};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    ProxyExecResult, QueryResult, RuntimeErr, Statement, Value,
};
use std::borrow::Cow;
use std::sync::Arc;

/// A transaction that writes: on a server SeaORM's, on SQLite the writer's own.
pub struct Tx(Kind);

enum Kind {
    Server(DatabaseTransaction),
    File(file::Transaction),
}

impl From<DatabaseTransaction> for Tx {
    fn from(tx: DatabaseTransaction) -> Self {
        Self(Kind::Server(tx))
    }
}
impl From<file::Transaction> for Tx {
    fn from(tx: file::Transaction) -> Self {
        Self(Kind::File(tx))
    }
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Server(tx) => tx.commit().await,
            Kind::File(tx) => tx.commit().await,
        }
    }
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Server(tx) => tx.rollback().await,
            // It is dropped.
            Kind::File(_) => Ok(()),
        }
    }
    /// Runs a statement of SQLite for each of `rows`, the values that it binds.
    pub(super) fn each(&self, sql: &str, rows: &[Vec<Value>]) -> Result<(), DbErr> {
        match &self.0 {
            Kind::File(tx) => tx.with(|file| rows::execute_each(file, sql, rows)),
            Kind::Server(_) => Err(DbErr::Custom("a server is given whole sets".to_owned())),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Kind::Server(tx) => tx.get_database_backend(),
            Kind::File(_) => DbBackend::Sqlite,
        }
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Server(tx) => tx.execute_raw(statement).await,
            Kind::File(tx) => {
                let rows_affected = tx.with(|file| rows::execute(file, &statement))?;
                Ok(ProxyExecResult { last_insert_id: 0, rows_affected }.into())
            }
        }
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Server(tx) => tx.execute_unprepared(sql).await,
            Kind::File(tx) => {
                tx.with(|file| file.execute_batch(sql))?;
                Ok(ProxyExecResult::default().into())
            }
        }
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Server(tx) => tx.query_one_raw(statement).await,
            Kind::File(tx) => {
                let row = tx.with(|file| rows::query(file, &statement, 1))?.pop();
                Ok(row.map(QueryResult::from))
            }
        }
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Server(tx) => tx.query_all_raw(statement).await,
            Kind::File(tx) => {
                let rows = tx.with(|file| rows::query(file, &statement, usize::MAX))?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
        }
    }
}

/// What reads, outside of transactions.
pub struct Reader(pub(super) Source);

pub(super) enum Source {
    Server(DatabaseConnection),
    Files(file::Readers),
}

impl Reader {
    /// Whether the database answers.
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.execute_unprepared("SELECT 1").await.map(drop)
    }
    /// Closes all connections.
    pub(super) async fn close(&self) {
        match &self.0 {
            // Closing a pool twice is harmless.
            Source::Server(pool) => drop(pool.clone().close().await),
            Source::Files(files) => files.close(),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Source::Server(pool) => pool.get_database_backend(),
            Source::Files(_) => DbBackend::Sqlite,
        }
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Source::Server(pool) => pool.execute_raw(statement).await,
            Source::Files(files) => {
                let rows_affected = files.with(|file| rows::execute(file, &statement))?;
                Ok(ProxyExecResult { last_insert_id: 0, rows_affected }.into())
            }
        }
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Source::Server(pool) => pool.execute_unprepared(sql).await,
            Source::Files(files) => {
                files.with(|file| file.execute_batch(sql))?;
                Ok(ProxyExecResult::default().into())
            }
        }
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Source::Server(pool) => pool.query_one_raw(statement).await,
            Source::Files(files) => {
                let row = files.with(|file| rows::query(file, &statement, 1))?.pop();
                Ok(row.map(QueryResult::from))
            }
        }
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Source::Server(pool) => pool.query_all_raw(statement).await,
            Source::Files(files) => {
                let rows = files.with(|file| rows::query(file, &statement, usize::MAX))?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
        }
    }
}

/// An error of SQLite as sqlx would tell it.
pub(super) fn failed(error: &Error) -> DbErr {
    let code = match error {
        Error::SqliteFailure(failure, _) => Some(failure.extended_code),
        _ => None,
    };
    match code {
        None => DbErr::Exec(RuntimeErr::Internal(error.to_string())),
        Some(code) => {
            let failure = Failure { code: code.to_string(), message: error.to_string() };
            let error = sqlx::Error::Database(Box::new(failure));
            DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
        }
    }
}

/// What SQLite answered.
#[derive(Debug, thiserror::Error)]
#[error("{message} (code {code})")]
struct Failure {
    /// Its extended result code: <https://www.sqlite.org/rescode.html>.
    code: String,
    message: String,
}

impl DatabaseError for Failure {
    fn message(&self) -> &str {
        &self.message
    }
    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.code))
    }
    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }
    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }
    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }
    fn kind(&self) -> ErrorKind {
        // SQLITE_CONSTRAINT_UNIQUE, _PRIMARYKEY, _FOREIGNKEY, _NOTNULL and _CHECK.
        match self.code.as_str() {
            "2067" | "1555" => ErrorKind::UniqueViolation,
            "787" => ErrorKind::ForeignKeyViolation,
            "1299" => ErrorKind::NotNullViolation,
            "275" => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}
