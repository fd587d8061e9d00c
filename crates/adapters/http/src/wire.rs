//! How values look in JSON and in the OpenAPI description.
//!
//! Bodies are structs of [`Field`] (may be absent, never null) and [`Nullable`] (null empties it); a create and an update
//! share one. Each field knows by [`Cross`] what it is in the domain. [`Word`] and [`Wire`] lend kernel types a schema.

mod day;
mod secret;
mod secrets;
mod text;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use claudetools_credentials::{FieldSet, SecretField};
use claudetools_identity::AgentType;
use claudetools_infra::inventory as infra;
use claudetools_kernel::{Enumeration, Hours, Id, Money, Patch, Scope, Scopes, Timestamp};
use claudetools_sessions::{Currency, Zone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    __dev::ComposeSchema,
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::SchemaType},
};
use uuid::Uuid;

pub(crate) use day::Day;
pub(crate) use secret::{NamedSecrets, SecretText};
pub(crate) use secrets::SecretsView;
pub(crate) use text::{
    Address, BlankLine, Block, Cidr, ComponentName, CoordKey, CurrencyCode, Email, EntryMinutes, ExitCode, ExternalIds,
    FilledBlock, Fingerprint, IncrementMinutes, InsightPriority, IpText, JsonObject, KeptDays, LeaseSeconds, Line,
    Lines, LockToken, MacAddress, Milliseconds, NamedCommands, PasswordLength, PortNumber, Ports, ProcessId,
    ResourceText, ResourceTexts, RewrapLimit, RotationDays, RuleOrder, SessionText, ShareSeconds, ShareViews, Slug,
    Switch, TagName, TagNames, Thousandths, ThreadName, TtlSeconds, Uid, Uids, VlanNumber, WordCount, WorkMinutes,
    ZoneName,
};

/// A value on its way between JSON and the domain: what a body or a query says becomes the domain's value, and a domain's value
/// what an answer shows. Fields take this way by `#[into(~.cross())]` and `#[from(~.cross())]`, where `~` stands for the field.
pub(crate) trait Cross<T> {
    /// The same value on the other side.
    fn cross(self) -> T;
}

macro_rules! same_on_both_sides {
    ($($type:ty),+) => {
        $(impl Cross<Self> for $type {
            fn cross(self) -> Self { self }
        })+
    };
}
same_on_both_sides!(String, bool, i32, i64, u16, u64, Uuid, BTreeMap<String, String>, serde_json::Value);

impl<T: Cross<U>, U> Cross<Option<U>> for Option<T> {
    fn cross(self) -> Option<U> {
        self.map(T::cross)
    }
}

impl<T: Cross<U>, U> Cross<Vec<U>> for Vec<T> {
    fn cross(self) -> Vec<U> {
        self.into_iter().map(T::cross).collect()
    }
}

impl<K> Cross<Id<K>> for Uuid {
    fn cross(self) -> Id<K> {
        Id::new(self)
    }
}

impl<K> Cross<Uuid> for Id<K> {
    fn cross(self) -> Uuid {
        self.uuid()
    }
}

impl Cross<Vec<Word<Scope>>> for Scopes {
    fn cross(self) -> Vec<Word<Scope>> {
        self.list().cross()
    }
}

/// Types of the domain that answers show as the text they print.
macro_rules! shown_as_text {
    ($($type:ty),+ $(,)?) => {
        $(impl Cross<String> for $type {
            fn cross(self) -> String { self.to_string() }
        })+
    };
}
shown_as_text!(
    AgentType,
    infra::Cidr,
    Currency,
    Zone,
    claudetools_sessions::Fingerprint,
    std::net::IpAddr,
    infra::PortRange,
);

impl Cross<Vec<Word<SecretField>>> for FieldSet {
    fn cross(self) -> Vec<Word<SecretField>> {
        self.list().iter().copied().map(Word).collect()
    }
}

/// A digest, in hexadecimal digits.
impl Cross<String> for [u8; 32] {
    fn cross(self) -> String {
        hex::encode(self)
    }
}

impl Cross<Vec<String>> for BTreeSet<String> {
    fn cross(self) -> Vec<String> {
        self.into_iter().collect()
    }
}

/// Sums of money by currency. They have no bounds, as amounts that are typed in do.
pub(crate) fn amounts(sums: BTreeMap<String, Money>) -> BTreeMap<String, String> {
    sums.into_iter().map(|(currency, sum)| (currency, sum.to_string())).collect()
}

/// The views of several rows.
pub(crate) fn each<T, V: From<T>>(rows: Vec<T>) -> Vec<V> {
    rows.into_iter().map(V::from).collect()
}

/// The view of a row that is shown by itself with nothing more than in lists.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct RowOf<V>(V);

impl<I: infra::Item, V: From<infra::Named<I>>> From<infra::Shown<I>> for RowOf<V> {
    fn from(shown: infra::Shown<I>) -> Self {
        Self(shown.row.into())
    }
}

/// A field of a body that may be absent but never `null`.
#[derive(Debug, Clone)]
pub(crate) struct Field<T>(Option<T>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Cross<D>, D> Cross<Option<D>> for Field<T> {
    fn cross(self) -> Option<D> {
        self.0.cross()
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

impl<T: Cross<D>, D> Cross<Patch<D>> for Nullable<T> {
    fn cross(self) -> Patch<D> {
        self.0.map(T::cross)
    }
}

/// For a field whose absence means the same as `null`.
impl<T: Cross<D>, D> Cross<Option<D>> for Nullable<T> {
    fn cross(self) -> Option<D> {
        if let Patch::Set(value) = self.0 { Some(value.cross()) } else { None }
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

impl<E: Enumeration> Cross<E> for Word<E> {
    fn cross(self) -> E {
        self.0
    }
}

impl<E: Enumeration> Cross<Word<E>> for E {
    fn cross(self) -> Word<E> {
        Word(self)
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

impl<T: WireSchema> Cross<T> for Wire<T> {
    fn cross(self) -> T {
        self.0
    }
}

impl<T: WireSchema> Cross<Wire<T>> for T {
    fn cross(self) -> Wire<T> {
        Wire(self)
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
/// A degree of latitude or longitude.
pub(crate) type DegreesNumber = Wire<infra::Degrees>;
/// An address to look for.
pub(crate) type WantedAddress = Wire<IpAddr>;
/// A scope.
pub(crate) type ScopeWord = Word<Scope>;

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

impl WireSchema for infra::Degrees {
    fn wire_schema() -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Number))
            .minimum(Some(-180.0))
            .maximum(Some(180.0))
            .examples([serde_json::json!(40.7128)])
    }
}

impl WireSchema for IpAddr {
    fn wire_schema() -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some("^[0-9A-Fa-f:.]+$"))
            .examples([serde_json::json!("10.20.0.5")])
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
