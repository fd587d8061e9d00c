//! How rows and the domain's values become each other.
//!
//! An entity's model derives both ways by `o2o`: `#[from_ref(Client)]` for writing, `#[owned_try_into(Client, StoreError)]` for
//! reading. Its first column says for all of them that they pass through [`Keeps`]:
//!
//! ```text
//! #[o2o(repeat)]
//! #[from(Keeps::keep(&~))]
//! #[into(row.read(stringify!(~), ~)?)]
//! ```
//!
//! where `~` stands for the field and `@` for the whole value. A column that the domain's type lacks is a `#[ghost(…)]`, made of
//! the value when it is written and passed over when it is read. A row that no use case could have written is an error that
//! names table, column and id.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use claudetools_credentials::FieldSet;
use claudetools_infra::inventory::{Cidr, Degrees, PortRange};
use claudetools_kernel::{Enumeration, Hours, Id, Money, Scopes, StoreError, Timestamp};
use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// A column's value that keeps a `T` of the domain.
pub(crate) trait Keeps<T>: Sized {
    /// What is written.
    fn keep(value: &T) -> Self;

    /// What was kept; the error says what is wrong with it.
    fn read(self) -> Result<T, String>;
}

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

    /// The error of a value that does not fit its column, which may be named as a field of the model: `self.status`.
    pub(crate) fn corrupt(&self, column: &'static str, problem: &str) -> StoreError {
        let column = column.strip_prefix("self.").unwrap_or(column);
        StoreError::Corrupt { table: self.table, column, problem: format!("{}: {problem}", self.id) }
    }

    /// What a column keeps.
    pub(crate) fn read<C: Keeps<T>, T>(&self, column: &'static str, value: C) -> Result<T, StoreError> {
        value.read().map_err(|problem| self.corrupt(column, &problem))
    }

    /// A value that its own constructor must accept.
    pub(crate) fn value<T>(&self, column: &'static str, parsed: Option<T>) -> Result<T, StoreError> {
        parsed.ok_or_else(|| self.corrupt(column, "not a valid value"))
    }
}

/// Text that is a word of a closed set.
#[derive(Debug, Clone, PartialEq, Eq, DeriveValueType, Deserialize)]
pub(crate) struct Word(pub(crate) String);

impl<E: Enumeration> Keeps<E> for Word {
    fn keep(value: &E) -> Self {
        Self(value.as_str().to_owned())
    }

    fn read(self) -> Result<E, String> {
        E::parse(&self.0).ok_or_else(|| "not a known word".to_owned())
    }
}

/// Scopes are kept as the highest of them.
impl Keeps<Scopes> for String {
    fn keep(value: &Scopes) -> Self {
        value.highest().to_string()
    }

    fn read(self) -> Result<Scopes, String> {
        Word(self).read().map(Scopes::up_to)
    }
}

macro_rules! kept_as_it_is {
    ($($type:ty),+) => {
        $(impl Keeps<$type> for $type {
            fn keep(value: &$type) -> Self { value.clone() }
            fn read(self) -> Result<$type, String> { Ok(self) }
        })+
    };
}
kept_as_it_is!(String, bool, i32, i64, Uuid, NaiveDate, Vec<u8>);

impl<C: Keeps<T>, T> Keeps<Option<T>> for Option<C> {
    fn keep(value: &Option<T>) -> Self {
        value.as_ref().map(C::keep)
    }

    fn read(self) -> Result<Option<T>, String> {
        self.map(C::read).transpose()
    }
}

impl<K> Keeps<Id<K>> for Uuid {
    fn keep(value: &Id<K>) -> Self {
        value.uuid()
    }

    fn read(self) -> Result<Id<K>, String> {
        Ok(Id::new(self))
    }
}

/// Microseconds since 1970.
impl Keeps<Timestamp> for i64 {
    fn keep(value: &Timestamp) -> Self {
        value.micros()
    }

    fn read(self) -> Result<Timestamp, String> {
        Timestamp::from_micros(self).ok_or_else(|| "not an instant of the years 1 to 9999".to_owned())
    }
}

/// Ten-thousandths of a unit of the currency.
impl Keeps<Money> for i64 {
    fn keep(value: &Money) -> Self {
        value.ten_thousandths()
    }

    fn read(self) -> Result<Money, String> {
        Ok(Money::from_ten_thousandths(self))
    }
}

/// Hundredths of an hour.
impl Keeps<Hours> for i64 {
    fn keep(value: &Hours) -> Self {
        value.hundredths()
    }

    fn read(self) -> Result<Hours, String> {
        Ok(Hours::from_hundredths(self))
    }
}

/// A digest.
impl Keeps<[u8; 32]> for Vec<u8> {
    fn keep(value: &[u8; 32]) -> Self {
        value.to_vec()
    }

    fn read(self) -> Result<[u8; 32], String> {
        self.try_into().map_err(|_| "not a valid value".to_owned())
    }
}

/// The names of secret fields.
impl Keeps<FieldSet> for String {
    fn keep(value: &FieldSet) -> Self {
        value.to_string()
    }

    fn read(self) -> Result<FieldSet, String> {
        FieldSet::parse(&self).ok_or_else(|| "not a list of secret fields".to_owned())
    }
}

/// What prints itself as the text that it is read from.
macro_rules! kept_as_text {
    ($($type:ty),+) => {
        $(impl Keeps<$type> for String {
            fn keep(value: &$type) -> Self { value.to_string() }
            fn read(self) -> Result<$type, String> {
                <$type>::parse(&self).ok_or_else(|| "not a valid value".to_owned())
            }
        })+
    };
}
kept_as_text!(Cidr, PortRange);

/// Ten-millionths of a degree.
impl Keeps<Degrees> for i64 {
    fn keep(value: &Degrees) -> Self {
        value.ten_millionths()
    }

    fn read(self) -> Result<Degrees, String> {
        Ok(Degrees::from_ten_millionths(self))
    }
}

/// A list as JSON.
impl<T: Serialize + DeserializeOwned> Keeps<Vec<T>> for String {
    fn keep(value: &Vec<T>) -> Self {
        to_json(value)
    }

    fn read(self) -> Result<Vec<T>, String> {
        serde_json::from_str(&self).map_err(|error| error.to_string())
    }
}

/// A map as JSON.
impl Keeps<BTreeMap<String, String>> for String {
    fn keep(value: &BTreeMap<String, String>) -> Self {
        to_json(value)
    }

    fn read(self) -> Result<BTreeMap<String, String>, String> {
        serde_json::from_str(&self).map_err(|error| error.to_string())
    }
}

/// Lists and maps of text always have a JSON form.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
