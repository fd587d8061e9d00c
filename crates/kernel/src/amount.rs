//! Exact amounts: hours in hundredths, money in ten-thousandths. Never a binary float.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Working time in hundredths of an hour; a JSON number with at most two places (`3.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hours(i64);

impl Hours {
    /// From hundredths of an hour.
    pub const fn from_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// From whole minutes, rounded half up to a hundredth.
    pub const fn from_minutes(minutes: i64) -> Self {
        Self((minutes * 100 + 30).div_euclid(60))
    }

    /// In hundredths of an hour.
    pub const fn hundredths(self) -> i64 {
        self.0
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "hundredths of hours stay far below 2^53")]
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WANTED: &str = "must be a number of hours from 0 to 1000000 with at most two decimal places";
        let hours = f64::deserialize(deserializer)?;
        let hundredths = (hours * 100.0).round();
        // A double holds two places of up to 10^6 with an error far below this.
        if !(0.0..=1_000_000.0).contains(&hours) || (hours * 100.0 - hundredths).abs() > 1e-6 {
            return Err(de::Error::custom(WANTED));
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        Ok(Self(hundredths as i64))
    }
}

/// An amount of money in ten-thousandths of the currency's unit; a JSON string (`"125.00"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

/// Ten-thousandths in one unit of a currency.
const UNIT: i64 = 10_000;
/// The largest amount taken: 99,999,999.9999 units.
const LARGEST: i64 = 999_999_999_999;

impl Money {
    /// From ten-thousandths of the currency's unit.
    pub const fn from_ten_thousandths(value: i64) -> Self {
        Self(value)
    }

    /// In ten-thousandths of the currency's unit.
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// What so many minutes cost when an hour costs this, rounded half up to a ten-thousandth; `None` beyond the largest
    /// amount taken. Neither is negative.
    pub fn of_minutes(self, minutes: i64) -> Option<Self> {
        let doubled = i128::from(self.0) * i128::from(minutes) * 2;
        let price = i64::try_from((doubled + 60).div_euclid(120)).ok()?;
        (price <= LARGEST).then_some(Self(price))
    }

    /// Both amounts together, held at what can be stored.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Reads a non-negative decimal with at most four places.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str =
            "must be a decimal string such as \"125.00\", from 0 to 99999999.9999 with at most four places";
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(places) || places.len() > 4 || whole.len() > 12 {
            return Err(WANTED);
        }
        let whole: i64 = whole.parse().map_err(|_| WANTED)?;
        let places: i64 = format!("{places:0<4}").parse().map_err(|_| WANTED)?;
        let value = whole * UNIT + places;
        if value > LARGEST { Err(WANTED) } else { Ok(Self(value)) }
    }
}

impl fmt::Display for Money {
    /// At least two places, more only where they are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, places) = (self.0.abs() / UNIT, self.0.abs() % UNIT);
        let places = format!("{places:04}");
        let shown = places.trim_end_matches('0');
        write!(f, "{sign}{whole}.{shown:0<2}")
    }
}
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_prints_at_least_two_places_and_reads_back_unchanged() {
        for (text, shown) in
            [("125", "125.00"), ("125.5", "125.50"), ("0.0001", "0.0001"), ("99999999.9999", "99999999.9999")]
        {
            let money = Money::parse(text).unwrap();
            assert_eq!(money.to_string(), shown);
            assert_eq!(Money::parse(shown), Ok(money));
        }
    }

    #[test]
    fn money_refuses_what_is_not_an_exact_amount() {
        for text in ["", ".5", "1.", "-1", "1e3", "1.00001", "100000000", "1,5", " 1", "9999999999999"] {
            assert!(Money::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn minutes_cost_their_part_of_an_hour_to_the_nearest_ten_thousandth() {
        let cost = |rate: &str, minutes| Money::parse(rate).unwrap().of_minutes(minutes).map(|money| money.to_string());
        for (rate, minutes, price) in [
            ("125", 30, "62.50"),
            ("99.99", 15, "24.9975"),
            ("100", 20, "33.3333"),
            ("0.0001", 30, "0.0001"),
            ("100", 0, "0.00"),
        ] {
            assert_eq!(cost(rate, minutes).as_deref(), Some(price), "{rate} for {minutes}");
        }
        assert_eq!(cost("99999999", 61), None, "beyond the largest amount");
    }

    #[test]
    fn minutes_become_hundredths_of_an_hour_rounded_half_up() {
        for (minutes, hundredths) in [(0, 0), (15, 25), (20, 33), (210, 350), (1, 2), (3, 5)] {
            assert_eq!(Hours::from_minutes(minutes).hundredths(), hundredths, "{minutes}");
        }
    }
}
