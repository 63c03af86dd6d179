//! Statements of SQLite and what they find, as SeaORM gives and takes them.
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row, ToSql};
use sea_orm::{ProxyRow, Statement, TryGetableMany, Value};
use std::collections::BTreeMap;

/// A row of at most so many columns may be read by their places, too.
const MOST_PLACED: usize = 12;

/// Runs a statement; answers how many rows it changed.
pub(super) fn execute(
    connection: &Connection,
    statement: &Statement,
) -> Result<u64, rusqlite::Error> {
    let changed = prepare(connection, statement)?.raw_execute()?;
    Ok(changed as u64)
}

/// Runs a statement for each of `rows`, the values that it binds.
pub(super) fn execute_each(
    connection: &Connection,
    sql: &str,
    rows: &[Vec<Value>],
) -> Result<(), rusqlite::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut prepared = connection.prepare_cached(sql)?;
    for row in rows {
        bind(&mut prepared, row)?;
        prepared.raw_execute()?;
    }
    Ok(())
}

/// The rows that a query finds, `most` of them at most.
pub(super) fn query(
    connection: &Connection,
    statement: &Statement,
    most: usize,
) -> Result<Vec<ProxyRow>, rusqlite::Error> {
    let mut prepared = prepare(connection, statement)?;
    let (mut columns, mut found) = (None, Vec::new());
    let mut rows = prepared.raw_query();
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        let columns = columns.get_or_insert_with(|| Columns::of(row.as_ref()));
        let value = |(name, column): &(String, Column)| {
            Ok((name.clone(), column.value(row.get_ref(column.place)?)))
        };
        let values: Result<BTreeMap<String, Value>, rusqlite::Error> =
            columns.0.iter().map(value).collect();
        found.push(ProxyRow::new(values?));
    }
    Ok(found)
}

/// A row of an entity that is read by the places of its columns, in the order in which the struct
/// declares them: a tenth of what SeaORM takes, which looks each up by its name in a map. Written
/// by [`by_place!`](crate::by_place!).
pub trait ByPlace: Sized + Send {
    /// The columns.
    const NAMES: &'static [&'static str];
    /// Reads them.
    /// # Errors
    /// When one holds something else.
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error>;
}

/// Has the model of an entity be read by places: `kit::by_place!(Model: id, name)`, with its
/// fields in the order in which they are declared.
#[macro_export]
macro_rules! by_place {
    ($model:ident: $($field:ident),+) => {
        impl $crate::db::ByPlace for $model {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];
            fn read(
                row: &$crate::db::by_place::Row<'_>,
            ) -> Result<Self, $crate::db::by_place::Error> {
                let mut places = 0_usize..;
                let mut next = || places.next().unwrap_or_default();
                Ok(Self { $($field: row.get(next())?),+ })
            }
        }
    };
}

/// The rows that a query for whole models finds.
pub(super) fn models<M: ByPlace>(
    connection: &Connection,
    statement: &Statement,
) -> Result<Vec<M>, rusqlite::Error> {
    let prepared = prepare(connection, statement)?;
    debug_assert_eq!(prepared.column_names(), M::NAMES, "{}", statement.sql);
    read(prepared, M::read)
}

/// What a row of a few columns is read as: `(A,)`, `(A, B)` and so on.
pub trait Tuple: TryGetableMany + Send {
    /// Reads it.
    /// # Errors
    /// When a column holds something else.
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error>;
}
impl<T> Tuple for T
where
    T: TryGetableMany + Send + for<'a> TryFrom<&'a Row<'a>, Error = rusqlite::Error>,
{
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Self::try_from(row)
    }
}

/// The rows that a query for some columns finds.
pub(super) fn tuples<T: Tuple>(
    connection: &Connection,
    statement: &Statement,
) -> Result<Vec<T>, rusqlite::Error> {
    read(prepare(connection, statement)?, T::read)
}

fn read<T>(
    mut prepared: CachedStatement<'_>,
    one: impl Fn(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<Vec<T>, rusqlite::Error> {
    let (mut rows, mut found) = (prepared.raw_query(), Vec::new());
    while let Some(row) = rows.next()? {
        found.push(one(row)?);
    }
    Ok(found)
}

fn prepare<'a>(
    connection: &'a Connection,
    statement: &Statement,
) -> Result<CachedStatement<'a>, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    bind(&mut prepared, statement.values.iter().flat_map(|values| &values.0))?;
    Ok(prepared)
}

fn bind<'a>(
    prepared: &mut CachedStatement<'_>,
    values: impl IntoIterator<Item = &'a Value>,
) -> Result<(), rusqlite::Error> {
    for (place, value) in values.into_iter().enumerate() {
        prepared.raw_bind_parameter(place + 1, Bound(value))?;
    }
    Ok(())
}

/// A value on its way into a statement.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, rusqlite::Error> {
        let number = |number: Option<i64>| number.map_or(ValueRef::Null, ValueRef::Integer);
        let float = |number: Option<f64>| number.map_or(ValueRef::Null, ValueRef::Real);
        let bound = match self.0 {
            Value::Bool(value) => number(value.map(i64::from)),
            Value::TinyInt(value) => number(value.map(i64::from)),
            Value::SmallInt(value) => number(value.map(i64::from)),
            Value::Int(value) => number(value.map(i64::from)),
            Value::BigInt(value) => number(*value),
            Value::TinyUnsigned(value) => number(value.map(i64::from)),
            Value::SmallUnsigned(value) => number(value.map(i64::from)),
            Value::Unsigned(value) => number(value.map(i64::from)),
            Value::BigUnsigned(value) => match value.map(i64::try_from).transpose() {
                Ok(value) => number(value),
                Err(error) => return Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
            },
            Value::Float(value) => float(value.map(f64::from)),
            Value::Double(value) => float(*value),
            Value::String(value) => {
                value.as_ref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
            }
            Value::Bytes(value) => {
                value.as_ref().map_or(ValueRef::Null, |bytes| ValueRef::Blob(bytes))
            }
            Value::Uuid(value) => {
                value.as_ref().map_or(ValueRef::Null, |id| ValueRef::Blob(id.as_bytes()))
            }
            other => {
                let unknown = format!("SQLite is given no {other:?}");
                return Err(rusqlite::Error::ToSqlConversionFailure(unknown.into()));
            }
        };
        Ok(ToSqlOutput::Borrowed(bound))
    }
}

/// The columns of an answer, by the names under which SeaORM finds them, in their order.
///
/// It reads them by their names, or by their places, which it takes from the order of the names.
/// So places come first, under names that sort before all others.
struct Columns(Vec<(String, Column)>);

/// A column of an answer.
#[derive(Clone, Copy)]
struct Column {
    place: usize,
    numbers: Numbers,
}

/// What the numbers of a column are.
#[derive(Clone, Copy)]
enum Numbers {
    /// Numbers.
    Wide,
    /// Truth values.
    Truth,
}

impl Columns {
    fn of(prepared: &rusqlite::Statement<'_>) -> Self {
        let one = |(place, column): (usize, rusqlite::Column<'_>)| {
            let numbers = match column.decl_type() {
                Some("BOOLEAN") => Numbers::Truth,
                _ => Numbers::Wide,
            };
            (column.name().to_owned(), Column { place, numbers })
        };
        let mut all: Vec<(String, Column)> =
            prepared.columns().into_iter().enumerate().map(one).collect();
        if !all.is_sorted_by(|(one, _), (next, _)| one < next) && all.len() <= MOST_PLACED {
            let places: Vec<_> = ('\0'..)
                .zip(&all)
                .map(|(place, (_, column))| (format!("\0{place}"), *column))
                .collect();
            all.extend(places);
        }
        // A map is made faster from what is in order.
        all.sort_unstable_by(|(one, _), (next, _)| one.cmp(next));
        Self(all)
    }
}

impl Column {
    /// What it holds. Sixteen bytes are an id: no column of bytes has as many
    /// ([`crate::migrate`]).
    fn value(&self, held: ValueRef<'_>) -> Value {
        match held {
            ValueRef::Null => Value::BigInt(None),
            ValueRef::Integer(number) => match self.numbers {
                Numbers::Wide => Value::BigInt(Some(number)),
                Numbers::Truth => Value::Bool(Some(number != 0)),
            },
            ValueRef::Real(number) => Value::Double(Some(number)),
            ValueRef::Text(text) => Value::String(Some(String::from_utf8_lossy(text).into_owned())),
            ValueRef::Blob(bytes) => match uuid::Uuid::from_slice(bytes) {
                Ok(id) => Value::Uuid(Some(id)),
                Err(_) => Value::Bytes(Some(bytes.to_vec())),
            },
        }
    }
}
