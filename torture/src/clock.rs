//! One clock for the whole record.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::check::Micros;

/// Tells the time as the system did when the run began, and goes on steadily from there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    epoch: Micros,
    begun: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { epoch: micros(epoch.as_micros()), begun: Instant::now() }
    }

    pub(crate) fn now(&self) -> Micros {
        self.epoch + micros(self.begun.elapsed().as_micros())
    }
}

fn micros(of: u128) -> Micros {
    Micros::try_from(of).unwrap_or(Micros::MAX)
}

/// An instant as the API writes it: RFC 3339 in UTC, ending in `Z`.
pub(crate) fn parse(text: &str) -> Option<Micros> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    // Days from civil, by Howard Hinnant: years begin in March, so that the leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_to_the_microsecond() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-03-01T00:00:00Z", 951_868_800_000_000),
            ("2026-11-30T03:53:01.5Z", 1_796_010_781_500_000),
            ("2024-02-29T23:59:59.000001Z", 1_709_251_199_000_001),
        ] {
            assert_eq!(parse(text), Some(micros), "{text}");
        }
        assert_eq!(parse("2026-11-30"), None);
    }
}
