//! A service's own database: SQLite in one process, or a schema on a server.
//!
//! SQL that differs by engine lives here and nowhere else. On SQLite one connection writes,
//! behind the fair queue of [`crate::wave`], and a few read; on a server one pool does both.
mod connection;
mod file;
mod rows;

pub use self::connection::{Reader, Rows, Tx};
pub use self::rows::{ByPlace, Tuple};
#[doc(hidden)]
pub mod by_place {
    pub use rusqlite::{Error, Row};
}
use crate::problem::Unexpected;
use sea_orm::sqlx;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    DbBackend, DbErr, EntityName, EntityTrait, IdenStatic, IntoActiveModel, IsolationLevel,
    Iterable, RuntimeErr, Statement, TransactionOptions, TransactionTrait, Value, sea_query::Expr,
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Which database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB or MySQL.
    MySql,
}

/// The database of one service.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    service: &'static str,
    engine: Engine,
    writer: Writer,
    reader: Reader,
    connections: u32,
}

enum Writer {
    File(file::File),
    Server(DatabaseConnection),
}

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct DbOptions {
    /// Connections to a server; SQLite has one that writes and three that read.
    pub connections: u32,
    /// Whether a commit is on the disk before it is told (full fsync). Off only where a crash
    /// of the machine does not matter: in tests and the simulation.
    pub durable: bool,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self { connections: 8, durable: true }
    }
}

impl Db {
    /// Opens (and on SQLite creates) the database of `service` at `url`: `sqlite:PATH` or
    /// `postgres://…`, where it gets the schema `schema` (its own name, if none is given).
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open(
        service: &'static str,
        url: &str,
        schema: Option<&str>,
        options: DbOptions,
    ) -> Result<Self, Unexpected> {
        let engine = match url.split(':').next() {
            Some("sqlite") => Engine::Sqlite,
            Some("postgres" | "postgresql") => Engine::Postgres,
            _ => return Err(Unexpected::new(format!("{service}: no engine serves {url}"))),
        };
        let (writer, reader, connections) = if engine == Engine::Sqlite {
            let path = sqlite_file(url).unwrap_or_default();
            let writer = file::File::open(&path, &OF_WRITER, options.durable)?;
            let readers = file::Readers::new(path, OF_READER);
            (Writer::File(writer), Reader::File(readers), 1)
        } else {
            let schema = schema.unwrap_or(service);
            let pool = connect_postgres(url, schema, options).await?;
            (Writer::Server(pool.clone()), Reader::Server(pool), options.connections)
        };
        Ok(Self(Arc::new(Inner { service, engine, writer, reader, connections })))
    }
    /// Whose database it is.
    pub fn service(&self) -> &'static str {
        self.0.service
    }
    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        self.0.engine
    }
    /// How many transactions may write at once.
    pub fn writers(&self) -> u32 {
        self.0.connections
    }
    /// For reads outside a transaction.
    pub fn reader(&self) -> &Reader {
        &self.0.reader
    }
    /// Begins a transaction that writes: `BEGIN IMMEDIATE` on SQLite, READ COMMITTED elsewhere.
    /// Only [`crate::wave`] and migrations call it.
    /// # Errors
    /// When no connection can be had.
    pub(crate) async fn begin(&self) -> Result<Tx, DbErr> {
        match &self.0.writer {
            Writer::File(file) => Ok(Tx::File(file.begin().await?)),
            Writer::Server(pool) => {
                let options = TransactionOptions {
                    isolation_level: Some(IsolationLevel::ReadCommitted),
                    ..Default::default()
                };
                Ok(Tx::Server(pool.begin_with_options(options).await?))
            }
        }
    }
    /// A number that changes when another process wrote to this SQLite file
    /// (`PRAGMA data_version`); 0 on servers, where that is not known.
    /// # Errors
    /// When the database cannot be read.
    pub async fn foreign_writes(&self) -> Result<i64, DbErr> {
        match &self.0.writer {
            Writer::File(file) => file.foreign_writes().await,
            Writer::Server(_) => Ok(0),
        }
    }
    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        // On a server it is what writes, too.
        self.0.reader.close().await;
        if let Writer::File(file) = &self.0.writer {
            file.close().await;
        }
    }
}

/// The file of a `sqlite:` URL; none of another engine. A `?` ends it, and `%3f` is one.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path).split('?').next()?;
    Some(percent_encoding::percent_decode_str(path).decode_utf8().ok()?.into_owned().into())
}

/// What a connection to SQLite keeps in memory: every service has a few. Pages that are not kept
/// are in the system's cache.
const OF_WRITER: file::Settings = file::Settings { pages: 2_000, statements: 200 };
const OF_READER: file::Settings = file::Settings { pages: 500, statements: 40 };

async fn connect_postgres(
    url: &str,
    schema: &str,
    wanted: DbOptions,
) -> Result<DatabaseConnection, Unexpected> {
    if !schema.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Unexpected::new(format!("{schema:?} is no schema name")));
    }
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(wanted.connections)
        .set_schema_search_path(schema)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |options| {
            let commit = if wanted.durable { "on" } else { "off" };
            options.statement_cache_capacity(256).options([("synchronous_commit", commit)])
        });
    let pool = Database::connect(options).await?;
    let created = pool.execute_unprepared(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await;
    match created {
        // Two replicas that start at once: the loser of the race finds the schema there.
        Err(error) if error.sql_err().is_none() => Err(error.into()),
        _ => Ok(pool),
    }
}

/// Whether the engine rolled the transaction back and a repetition may succeed: a deadlock, a
/// serialisation failure, a lock that was not had in time.
pub(crate) fn is_repeatable(error: &DbErr) -> bool {
    database_code(error).is_some_and(|code| {
        // PostgreSQL's SQLSTATEs; MySQL's 1213 arrives as 40001; SQLite's BUSY family is 5.
        matches!(code.as_str(), "40P01" | "40001" | "55P03")
            || code.parse::<u32>().is_ok_and(|code| code & 0xff == 5)
    })
}

/// Whether the engine itself answered with the error, so that nothing was committed.
pub(crate) fn is_answered(error: &DbErr) -> bool {
    database_code(error).is_some()
}

fn database_code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))
    | DbErr::Conn(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    match &**inner {
        sqlx::Error::Database(error) => Some(error.code().unwrap_or_default().into_owned()),
        _ => None,
    }
}

/// The most rows of one statement. A larger set is several statements of this one shape.
const MOST_ROWS: usize = 128;

/// How many rows (or values) a statement for `count` of them has room for. The text of a statement
/// depends on their number, and sets come in all sizes: so they share a few texts, which stay
/// prepared. Parsing and planning a statement of a hundred rows costs more than running it.
fn shape(count: usize) -> usize {
    let power = count.next_power_of_two();
    // Powers of two, and the middle between each two.
    let middle = power / 4 * 3;
    match count {
        0..=4 => count,
        _ if count > MOST_ROWS => count.next_multiple_of(MOST_ROWS),
        _ if count <= middle => middle,
        _ => power,
    }
}

/// Columns that are compared with a set.
pub trait Among: ColumnTrait {
    /// Whether the column has one of `values`: `IN (…)` of one of a few lengths, reached by
    /// repeating a value, so that the statement stays prepared.
    fn among<V: Into<Value> + Clone>(&self, values: impl IntoIterator<Item = V>) -> Expr {
        let mut values: Vec<V> = values.into_iter().collect();
        if let Some(last) = values.last().cloned() {
            values.resize(shape(values.len()), last);
        }
        self.is_in(values)
    }
}
impl<C: ColumnTrait> Among for C {}

/// Inserts all rows, with a few statements. They have the same columns set.
/// # Errors
/// When a row breaks a constraint; then none of the wave is kept.
pub async fn insert_all<A>(tx: &Tx, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    let Some(first) = rows.first() else { return Ok(()) };
    let has = |column: &<A::Entity as EntityTrait>::Column| !first.get(*column).is_not_set();
    let columns: Vec<_> = <A::Entity as EntityTrait>::Column::iter().filter(has).collect();
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let entity = A::Entity::default();
    let values = rows.into_iter().map(|mut row| {
        let value = |column: &<A::Entity as EntityTrait>::Column| row.take(*column).into_value();
        columns.iter().map(value).collect::<Option<Vec<Value>>>()
    });
    let uneven = || DbErr::Custom(format!("{}: rows of unlike columns", entity.table_name()));
    let values = values.collect::<Option<Vec<_>>>().ok_or_else(uneven)?;
    insert_rows(tx, entity.table_name(), &names, values).await
}

/// Inserts `rows`, each the values of `columns`, into `table`, with a few statements.
/// # Errors
/// When a row breaks a constraint; then none of the wave is kept.
pub async fn insert_rows(
    tx: &Tx,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    if backend == DbBackend::Sqlite {
        return tx.each(&insertion(backend, table, columns, 1), &rows);
    }
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let chunk: Vec<Vec<Value>> = rows.by_ref().take(MOST_ROWS).collect();
        let sql = insertion(backend, table, columns, chunk.len());
        let values = chunk.into_iter().flatten();
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(())
}

fn insertion(backend: DbBackend, table: &str, columns: &[&str], rows: usize) -> String {
    let names = columns.join(", ");
    let values = places(backend, &vec![""; columns.len()], rows);
    format!("INSERT INTO {table} ({names}) VALUES {values}")
}

/// Room for the values of `rows`, each of as many as there are `casts`, which follow those of the
/// first row.
fn places(backend: DbBackend, casts: &[&str], rows: usize) -> String {
    use std::fmt::Write as _;
    let mut sql = String::with_capacity(rows * casts.len() * 8);
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for (column, cast) in casts.iter().enumerate() {
            sql.push_str(if column == 0 { "" } else { ", " });
            if backend == DbBackend::Postgres {
                let cast = if row == 0 { cast } else { "" };
                // Writing to a string cannot fail.
                let _ = write!(sql, "${}{cast}", row * casts.len() + column + 1);
            } else {
                sql.push('?');
            }
        }
        sql.push(')');
    }
    sql
}

/// What a [`SetUpdate`] does to a column.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Adds the value.
    Add(&'static str),
    /// Replaces by the value.
    To(&'static str),
}

/// The type of a value in a [`SetUpdate`], for engines that must be told.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A number.
    Int,
    /// A text.
    Text,
    /// An id.
    Id,
    /// Bytes.
    Bytes,
    /// A truth value.
    Bool,
}

/// Changes many rows, each by values of its own: on servers with one statement.
///
/// ```text
/// SetUpdate::of("stock").key("sku", Kind::Text).change(Change::Add("reserved"), Kind::Int)
///     .run(tx, rows).await?; // rows: Vec<Vec<Value>>, each the key and then the changes
/// ```
pub struct SetUpdate {
    table: &'static str,
    keys: Vec<(&'static str, Kind)>,
    changes: Vec<(Change, Kind)>,
}

impl SetUpdate {
    /// Of the rows of `table`.
    pub const fn of(table: &'static str) -> Self {
        Self { table, keys: Vec::new(), changes: Vec::new() }
    }
    /// Rows are found by `column` (and all other keys).
    #[must_use]
    pub fn key(mut self, column: &'static str, kind: Kind) -> Self {
        self.keys.push((column, kind));
        self
    }
    /// Changes a column.
    #[must_use]
    pub fn change(mut self, change: Change, kind: Kind) -> Self {
        self.changes.push((change, kind));
        self
    }
    /// Runs it for `rows`: each has the keys' values, then the changes', in their order. No two
    /// rows may have the same keys.
    /// # Errors
    /// When a changed row breaks a constraint.
    pub async fn run(&self, tx: &Tx, rows: Vec<Vec<Value>>) -> Result<(), DbErr> {
        let backend = tx.get_database_backend();
        if backend == DbBackend::Sqlite {
            return tx.each(&self.one(), &rows);
        }
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let mut chunk: Vec<Vec<Value>> = rows.by_ref().take(MOST_ROWS).collect();
            if let Some(row) = chunk.last() {
                // A key that is null is no row's.
                let nothing = row.iter().map(Value::as_null).collect();
                chunk.resize(shape(chunk.len()), nothing);
            }
            let sql = self.sql(backend, chunk.len());
            let values = chunk.into_iter().flatten();
            tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        }
        Ok(())
    }

    /// The statement for one row, which SQLite runs for each: it is called where it runs, and a
    /// small one costs less than its share of a large one.
    fn one(&self) -> String {
        let set = self.changes.iter().enumerate().map(|(place, (change, _))| {
            let value = self.keys.len() + place + 1;
            match change {
                Change::Add(column) => format!("{column} = {column} + ?{value}"),
                Change::To(column) => format!("{column} = ?{value}"),
            }
        });
        let found = (self.keys.iter().enumerate())
            .map(|(place, (column, _))| format!("{column} = ?{}", place + 1));
        let (set, found): (Vec<_>, Vec<_>) = (set.collect(), found.collect());
        format!("UPDATE {} SET {} WHERE {}", self.table, set.join(", "), found.join(" AND "))
    }

    fn sql(&self, backend: DbBackend, rows: usize) -> String {
        let table = self.table;
        let names: Vec<String> =
            (0..self.keys.len() + self.changes.len()).map(|i| format!("v{i}")).collect();
        let found: Vec<String> = (self.keys.iter().zip(&names))
            .map(|((column, _), v)| format!("{table}.{column} = v.{v}"))
            .collect();
        let qualified =
            if backend == DbBackend::MySql { format!("{table}.") } else { String::new() };
        let set: Vec<String> = (self.changes.iter().zip(&names[self.keys.len()..]))
            .map(|((change, _), v)| match change {
                Change::Add(column) => format!("{qualified}{column} = {table}.{column} + v.{v}"),
                Change::To(column) => format!("{qualified}{column} = v.{v}"),
            })
            .collect();
        let (found, set) = (found.join(" AND "), set.join(", "));
        if backend == DbBackend::MySql {
            let first: Vec<String> = names.iter().map(|v| format!("? AS {v}")).collect();
            let more = format!(" UNION ALL SELECT {}", vec!["?"; names.len()].join(", "));
            let values = format!("SELECT {}{}", first.join(", "), more.repeat(rows - 1));
            return format!("UPDATE {table} JOIN ({values}) v ON {found} SET {set}");
        }
        let values = self.values(backend, rows);
        let names = names.join(", ");
        format!(
            "WITH v({names}) AS (VALUES {values}) UPDATE {table} SET {set} FROM v WHERE {found}"
        )
    }

    fn values(&self, backend: DbBackend, rows: usize) -> String {
        let kinds = self.keys.iter().map(|(_, k)| k).chain(self.changes.iter().map(|(_, k)| k));
        let casts: Vec<&str> = kinds.map(|kind| kind.postgres_cast()).collect();
        places(backend, &casts, rows)
    }
}

impl Kind {
    const fn postgres_cast(self) -> &'static str {
        match self {
            Self::Int => "::bigint",
            Self::Text => "::text",
            Self::Id => "::uuid",
            Self::Bytes => "::bytea",
            Self::Bool => "::boolean",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_share_a_few_shapes() {
        let shapes: std::collections::BTreeSet<usize> = (0..=MOST_ROWS).map(shape).collect();
        assert!(shapes.len() < 16, "{shapes:?}");
        for count in 0..2_000 {
            assert!(shape(count) >= count, "{count}");
            assert!(shape(count) <= count + count / 2 + 1 || count > MOST_ROWS, "{count}");
        }
        assert_eq!([5, 7, 9, 13, 65, 97].map(shape), [6, 8, 12, 16, 96, 128]);
    }

    #[test]
    fn an_insertion_has_room_for_its_rows() {
        assert_eq!(
            insertion(DbBackend::Sqlite, "stock", &["sku", "on_hand"], 1),
            "INSERT INTO stock (sku, on_hand) VALUES (?, ?)"
        );
        assert_eq!(
            insertion(DbBackend::Postgres, "stock", &["sku", "on_hand"], 2),
            "INSERT INTO stock (sku, on_hand) VALUES ($1, $2), ($3, $4)"
        );
    }

    #[test]
    fn a_set_update_is_one_statement_on_every_server() {
        let update = SetUpdate::of("stock")
            .key("sku", Kind::Text)
            .change(Change::Add("reserved"), Kind::Int)
            .change(Change::To("version"), Kind::Int);
        assert_eq!(
            update.one(),
            "UPDATE stock SET reserved = reserved + ?2, version = ?3 WHERE sku = ?1"
        );
        assert_eq!(
            update.sql(DbBackend::Postgres, 2),
            "WITH v(v0, v1, v2) AS (VALUES ($1::text, $2::bigint, $3::bigint), ($4, $5, $6)) \
             UPDATE stock SET reserved = stock.reserved + v.v1, version = v.v2 FROM v \
             WHERE stock.sku = v.v0"
        );
        assert_eq!(
            update.sql(DbBackend::MySql, 2),
            "UPDATE stock JOIN (SELECT ? AS v0, ? AS v1, ? AS v2 UNION ALL SELECT ?, ?, ?) v \
             ON stock.sku = v.v0 SET stock.reserved = stock.reserved + v.v1, stock.version = v.v2"
        );
    }
}
