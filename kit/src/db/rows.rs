//! Statements of SQLite and what they find, as SeaORM gives and takes them.
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};
use sea_orm::{ProxyRow, Statement, Value};
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

/// The rows that a query finds, `most` of them at most.
pub(super) fn query(
    connection: &Connection,
    statement: &Statement,
    most: usize,
) -> Result<Vec<ProxyRow>, rusqlite::Error> {
    let mut prepared = prepare(connection, statement)?;
    let columns = columns(&prepared);
    let mut found = Vec::new();
    let mut rows = prepared.raw_query();
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        let values: Result<Vec<Value>, rusqlite::Error> = (columns.iter().enumerate())
            .map(|(place, column)| Ok(column.value(row.get_ref(place)?)))
            .collect();
        found.push(named(&columns, values?));
    }
    Ok(found)
}

fn prepare<'a>(
    connection: &'a Connection,
    statement: &Statement,
) -> Result<CachedStatement<'a>, rusqlite::Error> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    for (place, value) in statement.values.iter().flat_map(|values| &values.0).enumerate() {
        prepared.raw_bind_parameter(place + 1, Bound(value))?;
    }
    Ok(prepared)
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

/// A column of an answer.
struct Column {
    name: String,
    numbers: Numbers,
}

/// What the numbers of a column are.
enum Numbers {
    /// Numbers.
    Wide,
    /// Truth values.
    Truth,
}

fn columns(prepared: &CachedStatement<'_>) -> Vec<Column> {
    let of = |column: rusqlite::Column<'_>| Column {
        name: column.name().to_owned(),
        numbers: match column.decl_type() {
            Some("BOOLEAN") => Numbers::Truth,
            _ => Numbers::Wide,
        },
    };
    prepared.columns().into_iter().map(of).collect()
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

/// A row as SeaORM reads it: by the names of the columns, or by their places, which it takes from
/// the order of the names. So places come first, under names that sort before all others.
fn named(columns: &[Column], values: Vec<Value>) -> ProxyRow {
    let sorted = columns.is_sorted_by(|one, next| one.name < next.name);
    let mut row = BTreeMap::new();
    if !sorted && columns.len() <= MOST_PLACED {
        let places = ('\0'..).map(|place| format!("\0{place}"));
        row.extend(places.zip(values.iter().cloned()));
    }
    row.extend(columns.iter().map(|column| column.name.clone()).zip(values));
    ProxyRow::new(row)
}
