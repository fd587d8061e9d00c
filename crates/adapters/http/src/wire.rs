//! How values look in JSON and in the OpenAPI description.
//!
//! Bodies are structs of [`Field`] (may be absent, never null) and [`Nullable`] (null empties it); a create and an update
//! share one. [`Word`] and [`Wire`] lend kernel types a schema.

mod day;
mod secret;
mod text;

use std::{borrow::Cow, collections::BTreeMap};

use claudetools_kernel::{Enumeration, Hours, Money, Patch, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    __dev::ComposeSchema,
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::SchemaType},
};
use uuid::Uuid;

pub(crate) use day::Day;
pub(crate) use secret::SecretText;
pub(crate) use text::{
    BlankLine, Block, Cidr, CurrencyCode, Email, ExternalIds, Fingerprint, IncrementMinutes, Line, Lines, Slug,
    TagName, TagNames, TtlSeconds, Uid, Uids, WorkMinutes,
};

/// A value in the form of JSON, and what the domain makes of it.
pub(crate) trait FromWire {
    /// The domain's type.
    type Domain;
    /// The domain's value.
    fn into_domain(self) -> Self::Domain;
}

macro_rules! same_on_both_sides {
    ($($type:ty),+) => {
        $(impl FromWire for $type {
            type Domain = Self;
            fn into_domain(self) -> Self { self }
        })+
    };
}
same_on_both_sides!(
    String,
    bool,
    i32,
    Uuid,
    Vec<String>,
    Vec<Uuid>,
    BTreeMap<String, String>,
    chrono::NaiveDate,
    serde_json::Value
);

/// A field of a body that may be absent but never `null`.
#[derive(Debug, Clone)]
pub(crate) struct Field<T>(Option<T>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: FromWire> Field<T> {
    /// The value, if one was given.
    pub(crate) fn get(self) -> Option<T::Domain> {
        self.0.map(T::into_domain)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<T>::deserialize(deserializer)? {
            Some(value) => Ok(Self(Some(value))),
            None => Err(de::Error::custom("it may not be null")),
        }
    }
}

/// A field of a body that may be absent, and that `null` empties.
#[derive(Debug, Clone)]
pub(crate) struct Nullable<T>(Patch<T>);

impl<T> Default for Nullable<T> {
    fn default() -> Self {
        Self(Patch::Keep)
    }
}

impl<T: FromWire> Nullable<T> {
    /// What the request says of the field.
    pub(crate) fn get(self) -> Patch<T::Domain> {
        self.0.map(T::into_domain)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<T>::deserialize(deserializer)?.map_or(Patch::Clear, Patch::Set)))
    }
}

/// Bodies are never sent; the description wants a form for the default of a field, and takes this one out again.
impl<T> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

/// As for [`Field`].
impl<T> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

// The trait that utoipa's derive asks of a generic type; `PartialSchema` follows from it.
impl<T: PartialSchema> ComposeSchema for Field<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        T::schema()
    }
}

impl<T: ToSchema> ToSchema for Field<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Inline{}", T::name()))
    }
}

impl<T: PartialSchema> ComposeSchema for Nullable<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(inner) = &mut schema {
            let kind = match inner {
                Schema::Object(object) => Some(&mut object.schema_type),
                Schema::Array(array) => Some(&mut array.schema_type),
                _ => None,
            };
            if let Some(kind) = kind
                && let SchemaType::Type(only) = kind
            {
                *kind = SchemaType::Array(vec![only.clone(), Type::Null]);
            }
            if let Schema::Object(object) = inner
                && let Some(words) = &mut object.enum_values
            {
                words.push(serde_json::Value::Null);
            }
        }
        schema
    }
}

impl<T: ToSchema> ToSchema for Nullable<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("InlineNullable{}", T::name()))
    }
}

/// A word of a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<E>(pub(crate) E);

impl<E> FromWire for Word<E> {
    type Domain = E;
    fn into_domain(self) -> E {
        self.0
    }
}

impl<E> FromWire for Vec<Word<E>> {
    type Domain = Vec<E>;
    fn into_domain(self) -> Vec<E> {
        self.into_iter().map(|word| word.0).collect()
    }
}

impl<E: Enumeration> Serialize for Word<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de, E: Enumeration> Deserialize<'de> for Word<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Cow::<'de, str>::deserialize(deserializer)?;
        E::parse(&word).map(Self).ok_or_else(|| de::Error::custom(E::wanted()))
    }
}

impl<E: Enumeration> ComposeSchema for Word<E> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let words = E::ALL.iter().map(|value| value.as_str());
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(words)).into()
    }
}

impl<E: Enumeration> ToSchema for Word<E> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Inline{}", short_name::<E>()))
    }
}

/// A kernel type that is its own JSON form and only lacks a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Wire<T>(pub(crate) T);

impl<T> FromWire for Wire<T> {
    type Domain = T;
    fn into_domain(self) -> T {
        self.0
    }
}

/// An instant: RFC 3339.
///
/// These aliases are what bodies and views name: utoipa's derive wants a schema of every type argument it can see.
pub(crate) type Instant = Wire<Timestamp>;
/// An amount of money: a decimal string.
pub(crate) type Amount = Wire<Money>;
/// Working time: a decimal number of hours.
pub(crate) type HoursNumber = Wire<Hours>;

/// The schema of a kernel type.
pub(crate) trait WireSchema {
    fn wire_schema() -> ObjectBuilder;
}

impl WireSchema for Timestamp {
    fn wire_schema() -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([serde_json::json!("2026-01-16T10:00:00Z")])
    }
}

impl WireSchema for Money {
    fn wire_schema() -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some(r"^[0-9]{1,8}(\.[0-9]{1,4})?$"))
            .examples([serde_json::json!("125.00")])
    }
}

impl WireSchema for Hours {
    fn wire_schema() -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Number))
            .minimum(Some(0.0))
            .maximum(Some(1_000_000.0))
            .multiple_of(Some(0.01))
            .examples([serde_json::json!(3.5)])
    }
}

impl<T: WireSchema> PartialSchema for Wire<T> {
    fn schema() -> RefOr<Schema> {
        T::wire_schema().into()
    }
}

impl<T: WireSchema> ToSchema for Wire<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Inline{}", short_name::<T>()))
    }
}

fn short_name<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().unwrap_or_default()
}
