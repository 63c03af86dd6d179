//! A SQLite file: the one connection that writes it, and some that read.
//!
//! A statement takes microseconds and runs where it is called: handing it to a thread and its
//! answer back costs ten times as much, and a wave has dozens of them. Only what waits for the
//! disk or for another process (a commit, a lock) is left to a thread that may wait.
use super::connection::{OnFile, failed};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sea_orm::{DbErr, RuntimeErr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long another process may keep the lock.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections that read are kept open.
const MOST_IDLE: usize = 3;

/// How the connection works.
pub(super) struct Settings {
    /// Kilobytes of pages that are kept in memory.
    pub pages: u32,
    /// Prepared statements that are kept.
    pub statements: usize,
}

/// A SQLite file, open for writing. None after it was closed.
#[derive(Clone)]
pub(super) struct File {
    connection: Arc<Mutex<Option<Connection>>>,
    durable: bool,
}

impl File {
    /// Opens (and creates) the file; `durable`: whether a commit is on the disk before it is told.
    pub fn open(path: &Path, settings: &Settings, durable: bool) -> Result<Self, DbErr> {
        let open = || {
            let connection =
                Connection::open_with_flags(path, flags() | OpenFlags::SQLITE_OPEN_CREATE)?;
            connection.busy_timeout(PATIENCE)?;
            connection.set_prepared_statement_cache_capacity(settings.statements);
            connection.execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; PRAGMA foreign_keys = ON; \
                 PRAGMA cache_size = -{}; PRAGMA wal_autocheckpoint = 4000",
                if durable { "FULL" } else { "OFF" },
                settings.pages,
            ))?;
            connection.busy_timeout(Duration::ZERO)?;
            Ok(connection)
        };
        let connection = open().map_err(|error| failed(&error))?;
        let connection = Arc::new(Mutex::new(Some(connection)));
        Ok(Self { connection, durable })
    }
    /// Begins a transaction, once those before it have ended.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        let mut held = self.held().await?;
        match begin(&held) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                // Another process writes.
                let waited = tokio::task::spawn_blocking(move || {
                    held.busy_timeout(PATIENCE)?;
                    let begun = begin(&held);
                    held.busy_timeout(Duration::ZERO)?;
                    begun.map(|()| held)
                });
                held = waited.await.map_err(lost)?.map_err(|error| failed(&error))?;
            }
            begun => begun.map_err(|error| failed(&error))?,
        }
        Ok(Transaction { held: parking_lot::Mutex::new(Some(held)), durable: self.durable })
    }
    /// A number that changes when another process wrote to the file.
    pub async fn foreign_writes(&self) -> Result<i64, DbErr> {
        let held = self.held().await?;
        let number = held.query_row("PRAGMA data_version", (), |row| row.get(0));
        number.map_err(|error| failed(&error))
    }
    /// Closes the file, once nobody writes.
    pub async fn close(&self) {
        let connection = self.connection.lock().await.take();
        // Closing takes the journal into the file, which may take a while.
        let _ = tokio::task::spawn_blocking(move || drop(connection)).await;
    }
    async fn held(&self) -> Result<Held, DbErr> {
        let guard = Arc::clone(&self.connection).lock_owned().await;
        OwnedMutexGuard::try_map(guard, Option::as_mut).map_err(|_| closed())
    }
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Connections to the file that see what was committed.
pub struct Readers {
    path: PathBuf,
    settings: Settings,
    /// None after they were closed.
    idle: parking_lot::Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    /// Of the file at `path`, which the writer has made. They are opened when they are needed.
    pub(super) fn new(path: PathBuf, settings: Settings) -> Self {
        Self { path, settings, idle: parking_lot::Mutex::new(Some(Vec::new())) }
    }
    fn open(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open_with_flags(&self.path, flags())?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(self.settings.statements);
        let pages = self.settings.pages;
        let settings = format!("PRAGMA foreign_keys = ON; PRAGMA cache_size = -{pages}");
        connection.execute_batch(&settings)?;
        Ok(connection)
    }
    /// Closes them.
    pub(super) fn close(&self) {
        *self.idle.lock() = None;
    }
}

impl OnFile for Readers {
    /// On one of them. It must be short: it runs where it is called.
    fn with<T>(
        &self,
        run: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, DbErr> {
        let idle = self.idle.lock().as_mut().ok_or_else(closed)?.pop();
        let done = idle.map_or_else(|| self.open(), Ok).and_then(|connection| {
            let done = run(&connection)?;
            match self.idle.lock().as_mut() {
                Some(idle) if idle.len() < MOST_IDLE => idle.push(connection),
                _ => {}
            }
            Ok(done)
        });
        done.map_err(|error| failed(&error))
    }
}

fn closed() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the database is closed".to_owned()))
}

type Held = tokio::sync::OwnedMappedMutexGuard<Option<Connection>, Connection>;

fn begin(connection: &Connection) -> Result<(), rusqlite::Error> {
    if !connection.is_autocommit() {
        // Of one whose end failed.
        connection.execute_batch("ROLLBACK")?;
    }
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute(()).map(drop)
}

fn lost(error: tokio::task::JoinError) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(error.to_string()))
}

/// A transaction on the file. Dropped before its commit, it is rolled back.
pub struct Transaction {
    held: parking_lot::Mutex<Option<Held>>,
    durable: bool,
}

impl Transaction {
    /// Ends it. An error is SQLite's answer: nothing of it was kept.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Some(held) = self.held.lock().take() else { return Err(ended()) };
        let commit = move || {
            let committed = held.prepare_cached("COMMIT").and_then(|mut sql| sql.execute(()));
            if committed.is_err() && !held.is_autocommit() {
                let _ = held.execute_batch("ROLLBACK");
            }
            committed.map(drop).map_err(|error| failed(&error))
        };
        if self.durable {
            tokio::task::spawn_blocking(commit).await.map_err(lost)?
        } else {
            commit()
        }
    }
}

impl OnFile for Transaction {
    fn with<T>(
        &self,
        run: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, DbErr> {
        match &*self.held.lock() {
            Some(connection) => run(connection).map_err(|error| failed(&error)),
            None => Err(ended()),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(held) = self.held.lock().take()
            && !held.is_autocommit()
        {
            // What fails here is rolled back before the next transaction begins.
            let _ = held.execute_batch("ROLLBACK");
        }
    }
}

fn ended() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the transaction has ended".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::rows;
    use sea_orm::{DbBackend, QueryResult, Statement, Value};

    fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
    }
    fn file(folder: &tempfile::TempDir) -> File {
        let settings = Settings { pages: 100, statements: 4 };
        File::open(&folder.path().join("a.db"), &settings, false).unwrap()
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_by_name_and_by_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let tx = file.begin().await.unwrap();
        tx.with(|connection| {
            connection.execute_batch(
                "CREATE TABLE a (z INTEGER, id BLOB, t TEXT, b BOOLEAN, h BLOB, n TEXT)",
            )
        })
        .unwrap();
        let id = uuid::Uuid::from_u128(7);
        let values: [Value; 6] = [
            42_i64.into(),
            id.into(),
            "text".into(),
            true.into(),
            vec![1_u8; 32].into(),
            Value::String(None),
        ];
        let insert = statement("INSERT INTO a VALUES (?, ?, ?, ?, ?, ?)", values);
        assert_eq!(tx.with(|connection| rows::execute(connection, &insert)).unwrap(), 1);
        let rows = tx
            .with(|connection| rows::query(connection, &statement("SELECT * FROM a", []), 9))
            .unwrap();
        let row = QueryResult::from(rows[0].clone());
        assert_eq!(row.try_get::<i64>("", "z").unwrap(), 42);
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 42);
        assert_eq!(row.try_get_by_index::<uuid::Uuid>(1).unwrap(), id);
        assert_eq!(row.try_get::<String>("", "t").unwrap(), "text");
        assert!(row.try_get_by_index::<bool>(3).unwrap());
        assert_eq!(row.try_get::<Vec<u8>>("", "h").unwrap(), vec![1; 32]);
        assert_eq!(row.try_get_by_index::<Option<String>>(5).unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_not_committed_is_rolled_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let tx = file.begin().await.unwrap();
        tx.with(|connection| {
            connection.execute_batch("CREATE TABLE a (id INTEGER NOT NULL PRIMARY KEY)")
        })
        .unwrap();
        tx.commit().await.unwrap();
        let tx = file.begin().await.unwrap();
        tx.with(|connection| rows::execute(connection, &statement("INSERT INTO a VALUES (1)", [])))
            .unwrap();
        drop(tx);
        let tx = file.begin().await.unwrap();
        let count = statement("SELECT COUNT(*) FROM a", []);
        let row = QueryResult::from(
            tx.with(|connection| rows::query(connection, &count, 1)).unwrap().remove(0),
        );
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 0);
        // Ended by SQLite itself: the commit says so, and the next begins anew.
        tx.with(|connection| connection.execute_batch("ROLLBACK")).unwrap();
        assert!(tx.commit().await.is_err());
        drop(file.begin().await.unwrap());
        file.close().await;
        assert!(file.begin().await.is_err());
    }

    #[tokio::test]
    async fn a_lock_of_another_process_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (file(&folder), file(&folder));
        let held = other.begin().await.unwrap();
        let waiting = tokio::spawn({
            let file = file.clone();
            async move { file.begin().await.map(drop) }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        drop(held);
        waiting.await.unwrap().unwrap();
    }
}
