//! Texts, ids and bounded numbers in bodies, each with the whole of its schema.
//!
//! The bounds are those of [`claudetools_kernel::text`]; the domain checks them, the schema only tells them. A type tells
//! them because utoipa's derive takes no attribute but the description for a field that is not of a primitive type.

use std::borrow::Cow;

use claudetools_kernel::{Id, text};
use serde::{Deserialize, Deserializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type,
        schema::{AnyOfBuilder, ArrayBuilder, SchemaType},
    },
};
use uuid::Uuid;

use super::{Cross, Wire, WireSchema};

/// A single line that is not blank.
pub(super) const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// A single line that may be blank, which empties the field.
const BLANK_LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// Segments between single slashes, none of them empty, `.` or `..`, nor with a blank at an end.
const RESOURCE: &str = concat!(
    r"^(?!\.\.?(/|$))[^/\s\x00-\x1f\x7f-\x9f]([^/\x00-\x1f\x7f-\x9f]*[^/\s\x00-\x1f\x7f-\x9f])?",
    r"(/(?!\.\.?(/|$))[^/\s\x00-\x1f\x7f-\x9f]([^/\x00-\x1f\x7f-\x9f]*[^/\s\x00-\x1f\x7f-\x9f])?){0,15}$",
);
/// One segment that is not blank, `.` or `..`.
const SEGMENT: &str = r"^(?!\s*\.\.?\s*$)[^/\x00-\x1f\x7f-\x9f]*[^/\s\x00-\x1f\x7f-\x9f][^/\x00-\x1f\x7f-\x9f]*$";
/// Text of any number of lines.
const BLOCK: &str = r"^[^\x00]*$";
/// Text of any number of lines that is not blank.
const FILLED: &str = r"^[^\x00]*[^\s\x00][^\x00]*$";
/// The id of an agent's session.
const SESSION: &str = "^[!-~]+$";
/// The key of a project of coordination.
const COORD_KEY: &str = concat!(
    r"^(?!\s*\.\.?\s*(/|$))[^/\x00-\x1f\x7f-\x9f]*[^/\s\x00-\x1f\x7f-\x9f][^/\x00-\x1f\x7f-\x9f]*",
    r"(/(?!\s*\.\.?\s*$)[^/\x00-\x1f\x7f-\x9f]*[^/\s\x00-\x1f\x7f-\x9f][^/\x00-\x1f\x7f-\x9f]*)?$",
);

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn address(family: KnownFormat) -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(family)))
}

/// Declares a text whose domain type is a plain string.
macro_rules! text_types {
    ($($(#[$meta:meta])* $name:ident = $schema:expr;)+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Deserialize)]
            #[serde(transparent)]
            pub(crate) struct $name(String);

            impl Cross<String> for $name {
                fn cross(self) -> String {
                    self.0
                }
            }

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema.into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(concat!("Inline", stringify!($name)))
                }
            }
        )+
    };
}

text_types! {
    /// A single line that is not blank.
    Line = string().min_length(Some(1)).max_length(Some(text::LINE)).pattern(Some(LINE));
    /// A single line; a blank one empties the field.
    BlankLine = string().max_length(Some(text::LINE)).pattern(Some(BLANK_LINE));
    /// Text of any number of lines; blank text empties the field.
    Block = string().max_length(Some(text::BLOCK)).pattern(Some(BLOCK));
    /// Text of any number of lines that is not blank.
    FilledBlock = string().min_length(Some(1)).max_length(Some(text::BLOCK)).pattern(Some(FILLED));
    /// The name of a component.
    ComponentName = string().min_length(Some(1)).max_length(Some(100)).pattern(Some(SEGMENT));
    /// The name of a tag.
    TagName = string().min_length(Some(1)).max_length(Some(100)).pattern(Some(LINE));
    /// A project's name in paths.
    Slug = string().max_length(Some(100)).pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$"));
    /// SHA-256 in hexadecimal digits.
    Fingerprint = string().pattern(Some("^[0-9A-Fa-f]{64}$"));
    /// What a lock is on.
    ResourceText = string().min_length(Some(1)).max_length(Some(400)).pattern(Some(RESOURCE));
    /// The id of an agent's session.
    SessionText = string().min_length(Some(1)).max_length(Some(128)).pattern(Some(SESSION));
    /// A currency code of ISO 4217.
    CurrencyCode = string().pattern(Some("^[A-Z]{3}$"));
    /// The name of a time zone.
    ZoneName = string().min_length(Some(1)).max_length(Some(64)).pattern(Some(r"^[A-Za-z0-9_+\-/]+$"));
    /// An e-mail address.
    Email = string()
        .max_length(Some(254))
        .pattern(Some(r"^[^\s@\x00-\x1f\x7f-\x9f]+@[^\s@\x00-\x1f\x7f-\x9f]+$"));
    /// The key of a project of coordination: one segment or two.
    CoordKey = string().min_length(Some(1)).max_length(Some(200)).pattern(Some(COORD_KEY));
    /// The name of a conversation.
    ThreadName = string().min_length(Some(1)).max_length(Some(128)).pattern(Some(LINE));
    /// An address of IPv4 or IPv6; a blank one empties the field.
    Address = string().max_length(Some(64)).pattern(Some(r"^[0-9A-Fa-f:. ]*$")).examples([serde_json::json!("10.20.0.5")]);
    /// An address to look for.
    IpText = AnyOfBuilder::new().item(address(KnownFormat::Ipv4)).item(address(KnownFormat::Ipv6));
    /// The address of a network card; a blank one empties the field.
    MacAddress = string().max_length(Some(17)).pattern(Some("^[0-9A-Fa-f:.-]*$"));
    /// A network in CIDR notation.
    Cidr = string().min_length(Some(1)).max_length(Some(64)).pattern(Some(r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"));
}

/// An id.
pub(crate) type Uid = Wire<Uuid>;

impl<K> Cross<Id<K>> for Uid {
    fn cross(self) -> Id<K> {
        Id::new(self.0)
    }
}

impl WireSchema for Uuid {
    fn wire_schema() -> ObjectBuilder {
        string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
    }
}

/// A list of at most [`text::ENTRIES`] single lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Lines(Vec<String>);

impl Cross<Vec<String>> for Lines {
    fn cross(self) -> Vec<String> {
        self.0
    }
}

impl PartialSchema for Lines {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Line::schema()).max_items(Some(text::ENTRIES)).into()
    }
}

impl ToSchema for Lines {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineLines")
    }
}

/// A list of at most [`text::ENTRIES`] names of tags.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct TagNames(Vec<String>);

impl Cross<Vec<String>> for TagNames {
    fn cross(self) -> Vec<String> {
        self.0
    }
}

impl PartialSchema for TagNames {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(TagName::schema()).max_items(Some(text::ENTRIES)).into()
    }
}

impl ToSchema for TagNames {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineTagNames")
    }
}

/// A list of at most [`text::ENTRIES`] ids.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Uids(Vec<Uuid>);

impl<K> Cross<Vec<Id<K>>> for Uids {
    fn cross(self) -> Vec<Id<K>> {
        self.0.cross()
    }
}

impl Cross<Vec<Uuid>> for Uids {
    fn cross(self) -> Vec<Uuid> {
        self.0
    }
}

impl PartialSchema for Uids {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Uid::schema()).max_items(Some(text::ENTRIES)).into()
    }
}

impl ToSchema for Uids {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineUids")
    }
}

/// What several locks are on.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct ResourceTexts(Vec<String>);

impl Cross<Vec<String>> for ResourceTexts {
    fn cross(self) -> Vec<String> {
        self.0
    }
}

impl PartialSchema for ResourceTexts {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(ResourceText::schema()).min_items(Some(1)).max_items(Some(32)).into()
    }
}

impl ToSchema for ResourceTexts {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineResourceTexts")
    }
}

/// Any JSON object, which the domain keeps as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct JsonObject(serde_json::Map<String, serde_json::Value>);

impl Cross<String> for JsonObject {
    fn cross(self) -> String {
        serde_json::Value::Object(self.0).to_string()
    }
}

impl PartialSchema for JsonObject {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object)).into()
    }
}

impl ToSchema for JsonObject {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineJsonObject")
    }
}

/// A parameter that may be given without a value, which then means true.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch(bool);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "" | "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(de::Error::custom("it must be true or false")),
        }
    }
}

impl Cross<bool> for Switch {
    fn cross(self) -> bool {
        self.0
    }
}

impl PartialSchema for Switch {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean)).into()
    }
}

impl ToSchema for Switch {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineSwitch")
    }
}

/// Ids that other systems gave a row, by system.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct ExternalIds(std::collections::BTreeMap<String, String>);

impl Cross<std::collections::BTreeMap<String, String>> for ExternalIds {
    fn cross(self) -> std::collections::BTreeMap<String, String> {
        self.0
    }
}

impl PartialSchema for ExternalIds {
    fn schema() -> RefOr<Schema> {
        let system = string().min_length(Some(1)).max_length(Some(64)).pattern(Some(LINE));
        ObjectBuilder::new()
            .property_names(Some(Schema::Object(system.build())))
            .additional_properties(Some(Line::schema()))
            .max_properties(Some(text::ENTRIES))
            .into()
    }
}

impl ToSchema for ExternalIds {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineExternalIds")
    }
}

/// Commands by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct NamedCommands(std::collections::BTreeMap<String, String>);

impl Cross<std::collections::BTreeMap<String, String>> for NamedCommands {
    fn cross(self) -> std::collections::BTreeMap<String, String> {
        self.0
    }
}

impl PartialSchema for NamedCommands {
    fn schema() -> RefOr<Schema> {
        let name = string().min_length(Some(1)).max_length(Some(64)).pattern(Some(LINE));
        ObjectBuilder::new()
            .property_names(Some(Schema::Object(name.build())))
            .additional_properties(Some(string().max_length(Some(4096)).pattern(Some(BLOCK))))
            .max_properties(Some(text::ENTRIES))
            .into()
    }
}

impl ToSchema for NamedCommands {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineNamedCommands")
    }
}

/// A port, as a number or as text, or a range of ports. For fields that may be empty.
#[derive(Debug, Clone)]
pub(crate) struct Ports(String);

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            serde_json::Value::String(text) => Ok(Self(text)),
            _ => Err(de::Error::custom("it must be a port such as 443, or two with a dash such as \"8000-8100\"")),
        }
    }
}

impl Cross<String> for Ports {
    fn cross(self) -> String {
        self.0
    }
}

impl PartialSchema for Ports {
    fn schema() -> RefOr<Schema> {
        let kinds = vec![Type::String, Type::Integer, Type::Null];
        string().schema_type(SchemaType::Array(kinds)).pattern(Some("^ *[0-9]* *(- *[0-9]+ *)?$")).into()
    }
}

impl ToSchema for Ports {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlinePorts")
    }
}

/// A whole number from `LEAST` to `MOST`. Bodies name it through an alias.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounded<const LEAST: i32, const MOST: i32>(i32);

impl<'de, const LEAST: i32, const MOST: i32> Deserialize<'de> for Bounded<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // JSON has one kind of number: 15.0 is the integer 15 (JSON Schema, section 6.1.1).
        let number = f64::deserialize(deserializer)?;
        let is_whole = number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
        #[expect(clippy::cast_possible_truncation, reason = "whole and within range")]
        let whole = is_whole.then_some(Self(number as i32));
        // Within i32 the domain checks the bounds, which then stand among all other faults.
        whole.ok_or_else(|| de::Error::custom(format!("it must be a whole number from {LEAST} to {MOST}")))
    }
}

impl<const LEAST: i32, const MOST: i32> Cross<i32> for Bounded<LEAST, MOST> {
    fn cross(self) -> i32 {
        self.0
    }
}

impl<const LEAST: i32, const MOST: i32> Cross<i64> for Bounded<LEAST, MOST> {
    fn cross(self) -> i64 {
        self.0.into()
    }
}

impl<const LEAST: i32, const MOST: i32> PartialSchema for Bounded<LEAST, MOST> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(LEAST))
            .maximum(Some(MOST))
            .into()
    }
}

impl<const LEAST: i32, const MOST: i32> ToSchema for Bounded<LEAST, MOST> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("InlineInteger{LEAST}To{MOST}"))
    }
}

/// The fencing token of a lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockToken(i64);

impl<'de> Deserialize<'de> for LockToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        // As with other whole numbers, 365.0 is 365; above 2^53 a fraction cannot be told from a whole number any more.
        let float = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0);
        #[expect(clippy::cast_possible_truncation, reason = "whole and within range")]
        let whole = number.as_i64().or_else(|| float().map(|float| float as i64));
        whole.map(Self).ok_or_else(|| de::Error::custom("it must be a whole number"))
    }
}

impl Cross<i64> for LockToken {
    fn cross(self) -> i64 {
        self.0
    }
}

impl PartialSchema for LockToken {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(i64::MAX))
            .into()
    }
}

impl ToSchema for LockToken {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineLockToken")
    }
}

/// Days that something is kept.
pub(crate) type KeptDays = Bounded<1, 3650>;
/// How long a lock lives.
pub(crate) type LeaseSeconds = Bounded<10, 86_400>;
/// The id of a process.
pub(crate) type ProcessId = Bounded<0, { i32::MAX }>;
/// Minutes that billing counts in.
pub(crate) type IncrementMinutes = Bounded<1, 1440>;
/// A TCP or UDP port.
pub(crate) type PortNumber = Bounded<1, 65_535>;
/// The tag of a VLAN.
pub(crate) type VlanNumber = Bounded<1, 4094>;
/// The place of a firewall rule.
pub(crate) type RuleOrder = Bounded<0, 1_000_000>;
/// Days between two rotations.
pub(crate) type RotationDays = Bounded<1, 3650>;
/// How long a one-time link lives.
pub(crate) type ShareSeconds = Bounded<1, 2_592_000>;
/// How often a one-time link can be opened.
pub(crate) type ShareViews = Bounded<1, 100>;
/// How long a password may be asked for.
pub(crate) type PasswordLength = Bounded<8, 256>;
/// How many words a passphrase may be asked for.
pub(crate) type WordCount = Bounded<3, 20>;
/// How many versions one call wraps anew.
pub(crate) type RewrapLimit = Bounded<1, 10_000>;
/// How long an agent's token lives.
pub(crate) type TtlSeconds = Bounded<1, 3600>;
/// Minutes of an entry of billable time.
pub(crate) type EntryMinutes = Bounded<0, 44_640>;
/// What a process ended with.
pub(crate) type ExitCode = Bounded<{ i32::MIN }, { i32::MAX }>;
/// How long something ran.
pub(crate) type Milliseconds = Bounded<0, { i32::MAX }>;
/// How much an insight matters.
pub(crate) type InsightPriority = Bounded<1, 10>;

/// A share of one with three places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thousandths(i32);

impl<'de> Deserialize<'de> for Thousandths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let thousandths = (f64::deserialize(deserializer)? * 1000.0).round();
        #[expect(clippy::cast_possible_truncation, reason = "held within bounds that the domain refuses")]
        Ok(Self(thousandths.clamp(-1.0, 1001.0) as i32))
    }
}

impl serde::Serialize for Thousandths {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1000.0)
    }
}

impl Cross<i32> for Thousandths {
    fn cross(self) -> i32 {
        self.0
    }
}

impl Cross<Thousandths> for i32 {
    fn cross(self) -> Thousandths {
        Thousandths(self)
    }
}

impl PartialSchema for Thousandths {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Number))
            .minimum(Some(0.0))
            .maximum(Some(1.0))
            .examples([serde_json::json!(0.566)])
            .into()
    }
}

impl ToSchema for Thousandths {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineThousandths")
    }
}

/// Minutes of work.
pub(crate) type WorkMinutes = Bounded<0, 100_000>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point_but_not_with_a_fraction() {
        let read = |text: &str| serde_json::from_str::<IncrementMinutes>(text).map(Cross::<i32>::cross).ok();
        assert_eq!((read("15"), read("15.0"), read("1.5e1")), (Some(15), Some(15), Some(15)));
        for text in ["15.5", "1e10", "\"15\"", "true", "null"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_schemas_tell_the_bounds_of_the_domain() {
        let line = serde_json::to_value(Line::schema()).unwrap();
        assert_eq!((line["minLength"].as_u64(), line["maxLength"].as_u64()), (Some(1), Some(255)));
        assert_eq!(serde_json::to_value(Uid::schema()).unwrap()["format"], "uuid");
        assert_eq!(serde_json::to_value(WorkMinutes::schema()).unwrap()["maximum"], 100_000);
    }
}
