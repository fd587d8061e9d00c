//! Reading a row back. A row that no use case could have written is an error that names table, column and id.

use claudetools_kernel::{Enumeration, StoreError, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// The row being read, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowReader {
    table: &'static str,
    id: Uuid,
}

impl RowReader {
    pub(crate) const fn new(table: &'static str, id: Uuid) -> Self {
        Self { table, id }
    }

    /// The error of a value that does not fit its column.
    pub(crate) fn corrupt(&self, column: &'static str, problem: &str) -> StoreError {
        StoreError::Corrupt { table: self.table, column, problem: format!("{}: {problem}", self.id) }
    }

    /// An instant out of microseconds.
    pub(crate) fn instant(&self, column: &'static str, micros: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_micros(micros).ok_or_else(|| self.corrupt(column, "not an instant of the years 1 to 9999"))
    }

    /// An instant that may be absent.
    pub(crate) fn optional_instant(
        &self,
        column: &'static str,
        micros: Option<i64>,
    ) -> Result<Option<Timestamp>, StoreError> {
        micros.map(|micros| self.instant(column, micros)).transpose()
    }

    /// A word of a closed set.
    pub(crate) fn word<E: Enumeration>(&self, column: &'static str, word: &str) -> Result<E, StoreError> {
        E::parse(word).ok_or_else(|| self.corrupt(column, "not a known word"))
    }

    /// A value that is kept as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, &error.to_string()))
    }

    /// A value that its own constructor must accept.
    pub(crate) fn value<T>(&self, column: &'static str, parsed: Option<T>) -> Result<T, StoreError> {
        parsed.ok_or_else(|| self.corrupt(column, "not a valid value"))
    }
}

/// A list or map as JSON. Lists and maps of text always have a JSON form.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
