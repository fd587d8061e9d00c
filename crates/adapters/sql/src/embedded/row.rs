//! Rows become values, column by column, in their order.

use claudetools_kernel::StoreError;
use rusqlite::{Row, types::ValueRef};
use serde::de::{self, DeserializeOwned, Deserializer, SeqAccess, Visitor, value::SeqDeserializer};

/// What a row could not be read for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(pub(super) String);

impl de::Error for Unreadable {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

/// Reads a row, all of it.
pub(super) fn read<T: DeserializeOwned>(row: &Row<'_>) -> Result<T, StoreError> {
    let mut columns = Columns { row, at: 0 };
    let value = T::deserialize(&mut columns).map_err(|error| columns.failure(&error))?;
    // As many columns as the statement has names; one more is an error, and so is one less.
    match row.get_ref(columns.at) {
        Err(rusqlite::Error::InvalidColumnIndex(_)) => Ok(value),
        _ => Err(columns.failure(&Unreadable("there are more columns than fields".to_owned()))),
    }
}

/// The columns of a row that are not read yet.
struct Columns<'r> {
    row: &'r Row<'r>,
    at: usize,
}

impl<'r> Columns<'r> {
    fn next(&mut self) -> Result<ValueRef<'r>, Unreadable> {
        let value = self.row.get_ref(self.at).map_err(|error| Unreadable(error.to_string()))?;
        self.at += 1;
        Ok(value)
    }

    fn failure(&self, error: &Unreadable) -> StoreError {
        StoreError::Database(format!("a row could not be read, near column {}: {error}", self.at))
    }
}

/// Whatever a column holds, whichever type is wanted: the type's own visitor refuses what it cannot be.
impl<'r> Deserializer<'r> for &mut Columns<'r> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.next()? {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(value) => visitor.visit_i64(value),
            ValueRef::Real(value) => visitor.visit_f64(value),
            ValueRef::Text(text) => {
                visitor.visit_str(std::str::from_utf8(text).map_err(|error| Unreadable(error.to_string()))?)
            }
            ValueRef::Blob(bytes) => visitor.visit_bytes(bytes),
        }
    }

    fn deserialize_bool<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.next()? {
            ValueRef::Integer(value) => visitor.visit_bool(value != 0),
            other => Err(Unreadable(format!("a {} is not true or false", other.data_type()))),
        }
    }

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.next()? == ValueRef::Null {
            return visitor.visit_none();
        }
        self.at -= 1;
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    /// A list is a column of bytes.
    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.next()? {
            ValueRef::Blob(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            other => Err(Unreadable(format!("a {} is not bytes", other.data_type()))),
        }
    }

    fn deserialize_tuple<V: Visitor<'r>>(self, fields: usize, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(Fields { columns: self, left: fields })
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(Fields { columns: self, left: fields.len() })
    }

    /// Ids as bytes.
    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'r>>
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple_struct map enum
        identifier ignored_any
    }
}

/// The fields of a struct or tuple: one column each, or several when it is a struct itself.
struct Fields<'a, 'r> {
    columns: &'a mut Columns<'r>,
    left: usize,
}

impl<'r> SeqAccess<'r> for Fields<'_, 'r> {
    type Error = Unreadable;

    fn next_element_seed<T: de::DeserializeSeed<'r>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.columns).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}
