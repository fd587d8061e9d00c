//! Instants, as precise as every engine can keep them.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in UTC, cut to microseconds so that what a create answers is what every later read returns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z: what RFC 3339 can spell with four digits.
const EARLIEST: i64 = -62_135_596_800_000_000;
const LATEST: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// From microseconds since 1970-01-01T00:00:00Z; `None` outside the years 1 to 9999.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros >= EARLIEST && micros <= LATEST { Some(Self(micros)) } else { None }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From a date and time in UTC, cut to microseconds; `None` outside the years 1 to 9999.
    pub const fn from_datetime(value: DateTime<Utc>) -> Option<Self> {
        Self::from_micros(value.timestamp_micros())
    }

    /// The same instant as a date and time in UTC.
    pub fn datetime(self) -> DateTime<Utc> {
        // The range is checked on construction and lies well inside chrono's.
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// The calendar day in UTC.
    pub fn date(self) -> NaiveDate {
        self.datetime().date_naive()
    }

    /// The first instant of a day in UTC, held within the representable years.
    pub fn midnight(day: NaiveDate) -> Self {
        let micros = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
        Self(micros.clamp(EARLIEST, LATEST))
    }

    /// This instant moved by `delta`, held within the representable years.
    #[must_use]
    pub fn plus(self, delta: TimeDelta) -> Self {
        let micros = delta.num_microseconds().unwrap_or(if delta > TimeDelta::zero() { i64::MAX } else { i64::MIN });
        Self(self.0.saturating_add(micros).clamp(EARLIEST, LATEST))
    }

    /// The time from `earlier` to this instant, negative when `earlier` lies behind it.
    pub const fn since(self, earlier: Self) -> TimeDelta {
        TimeDelta::microseconds(self.0 - earlier.0)
    }

    /// Reads RFC 3339 with any offset. The message of a failure tells the form wanted.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "must be an RFC 3339 instant such as 2026-01-16T10:00:00Z";
        let parsed = DateTime::parse_from_rfc3339(text).map_err(|_| WANTED)?;
        Self::from_datetime(parsed.with_timezone(&Utc)).ok_or(WANTED)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The time of day, from outside.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_converted_to_utc_and_nanoseconds_are_cut() {
        let at = Timestamp::parse("2026-01-16T12:00:00.123456789+02:00").unwrap();
        assert_eq!(at.to_string(), "2026-01-16T10:00:00.123456Z");
        assert_eq!(Timestamp::from_micros(at.micros()), Some(at));
    }

    #[test]
    fn moving_beyond_the_representable_years_stops_at_their_edge() {
        let last = Timestamp::from_micros(LATEST).unwrap();
        assert_eq!(last.plus(TimeDelta::days(1)), last);
        assert!(last.to_string().starts_with("9999-12-31"));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["", "2026-01-16", "2026-01-16T10:00:00", "2026-02-30T10:00:00Z", "now"] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
