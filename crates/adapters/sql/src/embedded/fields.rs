//! The names of a type's fields, for the check that they stand in the order of a statement's columns.

use serde::{
    de::{DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use super::row::Unreadable;

/// The fields of a struct, those of a struct inside it in its place; `None` of what has no names, as a tuple.
pub(crate) fn of<T: DeserializeOwned>() -> Option<Vec<&'static str>> {
    let mut names = Names { found: Vec::new(), current: None };
    T::deserialize(&mut names).ok()?;
    names.found.into_iter().collect()
}

/// Gives each field some value of its type, and notes its name.
struct Names {
    found: Vec<Option<&'static str>>,
    current: Option<&'static str>,
}

macro_rules! some_value {
    ($($method:ident $visit:ident($value:expr);)+) => {
        $(fn $method<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Unreadable> {
            self.found.push(self.current);
            visitor.$visit($value)
        })+
    };
}

impl Deserializer<'static> for &mut Names {
    type Error = Unreadable;

    some_value! {
        deserialize_bool visit_bool(false);
        deserialize_i16 visit_i16(0);
        deserialize_i32 visit_i32(0);
        deserialize_i64 visit_i64(0);
        deserialize_str visit_str("2000-01-01");
        deserialize_string visit_str("2000-01-01");
        deserialize_bytes visit_bytes(&[0; 16]);
        deserialize_byte_buf visit_bytes(&[0; 16]);
    }

    fn deserialize_any<V: Visitor<'static>>(self, _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable("no field of a row has this type".to_owned()))
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.found.push(self.current);
        visitor.visit_none()
    }

    fn deserialize_seq<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.found.push(self.current);
        visitor.visit_seq(Fields { names: self, left: &[] })
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_seq(Fields { names: self, left: fields })
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        <V: Visitor<'static>>
        i8 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct tuple tuple_struct map enum identifier ignored_any
    }
}

struct Fields<'a> {
    names: &'a mut Names,
    left: &'static [&'static str],
}

impl SeqAccess<'static> for Fields<'_> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'static>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        let Some((name, left)) = self.left.split_first() else { return Ok(None) };
        self.left = left;
        self.names.current = Some(name);
        seed.deserialize(&mut *self.names).map(Some)
    }
}
