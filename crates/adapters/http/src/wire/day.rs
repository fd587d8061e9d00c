//! Calendar days in bodies, queries and answers.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::SchemaType},
};

use super::Cross;

/// The length of `YYYY-MM-DD`.
const LENGTH: usize = 10;

/// A calendar day of the years 1 to 9999: `YYYY-MM-DD` and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Day(pub(crate) NaiveDate);

impl Cross<NaiveDate> for Day {
    fn cross(self) -> NaiveDate {
        self.0
    }
}

impl Cross<Day> for NaiveDate {
    fn cross(self) -> Day {
        Day(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        // chrono alone would also take `2026-1-5`, `+2026-1-05` and years of any length.
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|day| day.year() > 0);
        day.filter(|_| text.len() == LENGTH && text.starts_with(|first: char| first.is_ascii_digit()))
            .map(Self)
            .ok_or_else(|| de::Error::custom("must be a date such as 2026-01-16"))
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .examples([serde_json::json!("2026-01-16")])
            .into()
    }
}

impl ToSchema for Day {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("InlineDay")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_four_two_and_two_digits() {
        let read =
            |text: &str| serde_json::from_value::<Day>(serde_json::json!(text)).ok().map(|day| day.0.to_string());
        assert_eq!(read("2024-02-29").as_deref(), Some("2024-02-29"));
        for bad in [
            "2026-02-29",
            "2026-1-05",
            "26-01-05",
            "+2026-1-05",
            "12026-1-05",
            "0000-01-01",
            "2026-01-16T00:00:00Z",
            "",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
