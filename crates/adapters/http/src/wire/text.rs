//! Texts, ids and bounded numbers in bodies, each with the whole of its schema.
//!
//! The bounds are those of [`claudetools_kernel::text`]; the domain checks them, the schema only tells them. A type tells
//! them because utoipa's derive takes no attribute but the description for a field that is not of a primitive type.

use std::borrow::Cow;

use claudetools_kernel::text;
use serde::Deserialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type,
        schema::{ArrayBuilder, SchemaType},
    },
};
use uuid::Uuid;

use super::{FromWire, Wire, WireSchema};

/// A single line that is not blank.
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// A single line that may be blank, which empties the field.
const BLANK_LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// Text of any number of lines.
const BLOCK: &str = r"^[^\x00]*$";

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

/// Declares a text whose domain type is a plain string.
macro_rules! text_types {
    ($($(#[$meta:meta])* $name:ident = $schema:expr;)+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Deserialize)]
            #[serde(transparent)]
            pub(crate) struct $name(String);

            impl FromWire for $name {
                type Domain = String;
                fn into_domain(self) -> String {
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
    /// The name of a tag.
    TagName = string().min_length(Some(1)).max_length(Some(100)).pattern(Some(LINE));
    /// A project's name in paths.
    Slug = string().max_length(Some(100)).pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$"));
    /// SHA-256 in hexadecimal digits.
    Fingerprint = string().pattern(Some("^[0-9A-Fa-f]{64}$"));
    /// A currency code of ISO 4217.
    CurrencyCode = string().pattern(Some("^[A-Z]{3}$"));
    /// An e-mail address.
    Email = string()
        .max_length(Some(254))
        .pattern(Some(r"^[^\s@\x00-\x1f\x7f-\x9f]+@[^\s@\x00-\x1f\x7f-\x9f]+$"));
    /// A network in CIDR notation.
    Cidr = string().min_length(Some(1)).max_length(Some(64)).pattern(Some(r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"));
}

/// An id.
pub(crate) type Uid = Wire<Uuid>;

impl WireSchema for Uuid {
    fn wire_schema() -> ObjectBuilder {
        string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
    }
}

/// A list of at most [`text::ENTRIES`] single lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Lines(Vec<String>);

impl FromWire for Lines {
    type Domain = Vec<String>;
    fn into_domain(self) -> Vec<String> {
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

impl FromWire for TagNames {
    type Domain = Vec<String>;
    fn into_domain(self) -> Vec<String> {
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

impl FromWire for Uids {
    type Domain = Vec<Uuid>;
    fn into_domain(self) -> Vec<Uuid> {
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

/// Ids that other systems gave a row, by system.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct ExternalIds(std::collections::BTreeMap<String, String>);

impl FromWire for ExternalIds {
    type Domain = std::collections::BTreeMap<String, String>;
    fn into_domain(self) -> Self::Domain {
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

/// A whole number from `LEAST` to `MOST`. Bodies name it through an alias.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct Bounded<const LEAST: i32, const MOST: i32>(i32);

impl<const LEAST: i32, const MOST: i32> FromWire for Bounded<LEAST, MOST> {
    type Domain = i32;
    fn into_domain(self) -> i32 {
        self.0
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

/// Minutes that billing counts in.
pub(crate) type IncrementMinutes = Bounded<1, 1440>;
/// Minutes of work.
pub(crate) type WorkMinutes = Bounded<0, 100_000>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_tell_the_bounds_of_the_domain() {
        let line = serde_json::to_value(Line::schema()).unwrap();
        assert_eq!((line["minLength"].as_u64(), line["maxLength"].as_u64()), (Some(1), Some(255)));
        assert_eq!(serde_json::to_value(Uid::schema()).unwrap()["format"], "uuid");
        assert_eq!(serde_json::to_value(WorkMinutes::schema()).unwrap()["maximum"], 100_000);
    }
}
