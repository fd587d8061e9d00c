//! Statements and their values.

use claudetools_kernel::StoreError;
use rusqlite::{
    CachedStatement, Connection, ToSql, params_from_iter,
    types::{Null, ToSqlOutput, Value as Native},
};
use sea_orm::{Statement, Value};

use super::{failure::failure, row::read};
use crate::question::Record;

/// Every row of a statement.
pub(crate) fn all<R: Record>(connection: &Connection, statement: &Statement) -> Result<Vec<R>, StoreError> {
    let mut prepared = prepared::<R>(connection, statement)?;
    let mut rows = prepared.query(values(statement)).map_err(failure)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// The first row of a statement.
pub(crate) fn one<R: Record>(connection: &Connection, statement: &Statement) -> Result<Option<R>, StoreError> {
    let mut prepared = prepared::<R>(connection, statement)?;
    let mut rows = prepared.query(values(statement)).map_err(failure)?;
    rows.next().map_err(failure)?.map(read).transpose()
}

/// Runs a statement that changes rows; tells how many.
pub(crate) fn execute(connection: &Connection, statement: &Statement) -> Result<u64, StoreError> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(failure)?;
    let changed = prepared.execute(values(statement)).map_err(failure)?;
    Ok(changed.try_into().unwrap_or(u64::MAX))
}

fn prepared<'c, R: Record>(
    connection: &'c Connection,
    statement: &Statement,
) -> Result<CachedStatement<'c>, StoreError> {
    let prepared = connection.prepare_cached(&statement.sql).map_err(failure)?;
    // Two columns of one type in the wrong order would not be noticed when they are read: whatever suite runs a statement
    // finds that out here.
    #[cfg(debug_assertions)]
    if let Some(fields) = super::fields::of::<R>() {
        assert_eq!(prepared.column_names(), fields, "the columns of the statement and the fields of the type");
    }
    Ok(prepared)
}

fn values(statement: &Statement) -> impl rusqlite::Params + '_ {
    params_from_iter(statement.values.iter().flat_map(|values| &values.0).map(Bound))
}

/// A value as it is stored: ids as their sixteen bytes, days as text, truth as 0 or 1.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        fn of<T: ToSql>(value: Option<&T>) -> rusqlite::Result<ToSqlOutput<'_>> {
            value.map_or_else(|| Ok(Null.into()), ToSql::to_sql)
        }
        match self.0 {
            Value::Bool(value) => of(value.as_ref()),
            Value::TinyInt(value) => of(value.as_ref()),
            Value::SmallInt(value) => of(value.as_ref()),
            Value::Int(value) => of(value.as_ref()),
            Value::BigInt(value) => of(value.as_ref()),
            Value::TinyUnsigned(value) => of(value.as_ref()),
            Value::SmallUnsigned(value) => of(value.as_ref()),
            Value::Unsigned(value) => of(value.as_ref()),
            Value::BigUnsigned(value) => match value.map(i64::try_from).transpose() {
                Ok(value) => Ok(ToSqlOutput::Owned(value.map_or(Native::Null, Native::Integer))),
                Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
            },
            Value::Double(value) => of(value.as_ref()),
            Value::String(value) => of(value.as_ref()),
            Value::Bytes(value) => of(value.as_ref()),
            Value::ChronoDate(value) => of(value.as_ref()),
            Value::Uuid(value) => of(value.as_ref()),
            _ => Err(rusqlite::Error::ToSqlConversionFailure("no column keeps a value of this type".into())),
        }
    }
}
