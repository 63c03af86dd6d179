//! What SQL runs on, whichever the engine: a transaction that writes, and what reads.
use super::file;
use super::rows::{self, ByPlace, Tuple};
use rusqlite::{Connection, Error};
use sea_orm::sqlx::{self, error::DatabaseError, error::ErrorKind};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    ExecResult, ProxyExecResult, QueryResult, QueryTrait as _, RuntimeErr, Select, Statement,
    Value,
};
use std::borrow::Cow;
use std::sync::Arc;

/// What SQL runs on: a server's connection of SeaORM, or a SQLite file.
pub enum Either<S, F> {
    /// A server.
    Server(S),
    /// A file.
    File(F),
}

/// What runs something on a connection to a SQLite file, where it is called.
pub trait OnFile: Send + Sync {
    /// Runs `run`.
    fn with<T>(&self, run: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, DbErr>;
}

/// A transaction that writes: on a server SeaORM's, on SQLite the writer's own.
pub type Tx = Either<DatabaseTransaction, file::Transaction>;
/// What reads, outside of transactions.
pub type Reader = Either<DatabaseConnection, file::Readers>;

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Server(tx) => tx.commit().await,
            Self::File(tx) => tx.commit().await,
        }
    }
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Server(tx) => tx.rollback().await,
            // It is dropped.
            Self::File(_) => Ok(()),
        }
    }
    /// Runs a statement of SQLite for each of `rows`, the values that it binds.
    pub(super) fn each(&self, sql: &str, rows: &[Vec<Value>]) -> Result<(), DbErr> {
        match self {
            Self::File(tx) => tx.with(|file| rows::execute_each(file, sql, rows)),
            Self::Server(_) => Err(DbErr::Custom("a server is given whole sets".to_owned())),
        }
    }
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
        match self {
            // Closing a pool twice is harmless.
            Self::Server(pool) => drop(pool.clone().close().await),
            Self::File(files) => files.close(),
        }
    }
}

#[async_trait::async_trait]
impl<S: ConnectionTrait, F: OnFile> ConnectionTrait for Either<S, F> {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Server(server) => server.get_database_backend(),
            Self::File(_) => DbBackend::Sqlite,
        }
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Server(server) => server.execute_raw(statement).await,
            Self::File(file) => {
                let rows_affected = file.with(|file| rows::execute(file, &statement))?;
                Ok(ProxyExecResult { last_insert_id: 0, rows_affected }.into())
            }
        }
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Server(server) => server.execute_unprepared(sql).await,
            Self::File(file) => {
                file.with(|file| file.execute_batch(sql))?;
                Ok(ProxyExecResult::default().into())
            }
        }
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Server(server) => server.query_one_raw(statement).await,
            Self::File(file) => {
                let row = file.with(|file| rows::query(file, &statement, 1))?.pop();
                Ok(row.map(QueryResult::from))
            }
        }
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Server(server) => server.query_all_raw(statement).await,
            Self::File(file) => {
                let rows = file.with(|file| rows::query(file, &statement, usize::MAX))?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
        }
    }
}

/// What reads rows of entities the fast way, whichever the engine.
pub trait Rows: ConnectionTrait {
    /// All that `select` finds.
    /// # Errors
    /// When the database fails.
    fn all<E: EntityTrait<Model: ByPlace>>(
        &self,
        select: Select<E>,
    ) -> impl Future<Output = Result<Vec<E::Model>, DbErr>> + Send;
    /// All that `select` finds, by the places of the columns that it names.
    /// # Errors
    /// When the database fails, or a column holds something else.
    fn tuples<T: Tuple>(
        &self,
        select: Select<impl EntityTrait>,
    ) -> impl Future<Output = Result<Vec<T>, DbErr>> + Send;
}

impl<S: ConnectionTrait, F: OnFile> Rows for Either<S, F> {
    async fn all<E: EntityTrait<Model: ByPlace>>(
        &self,
        select: Select<E>,
    ) -> Result<Vec<E::Model>, DbErr> {
        match self {
            Self::Server(server) => select.all(server).await,
            Self::File(file) => {
                let statement = select.build(DbBackend::Sqlite);
                file.with(|file| rows::models(file, &statement))
            }
        }
    }
    async fn tuples<T: Tuple>(&self, select: Select<impl EntityTrait>) -> Result<Vec<T>, DbErr> {
        match self {
            Self::Server(server) => select.into_tuple().all(server).await,
            Self::File(file) => {
                let statement = select.build(DbBackend::Sqlite);
                file.with(|file| rows::tuples(file, &statement))
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
