//! Time zones, and instants rounded on the clock on the wall.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use claudetools_kernel::Timestamp;

/// How far from an instant the next multiple of an increment can lie, in minutes: a day, and what a clock may be put back by.
const FARTHEST: i64 = 1_440 + 180;

/// A time zone of the IANA database, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// The zone of this name, as the database spells it: `Asia/Kathmandu`.
    pub fn parse(name: &str) -> Option<Self> {
        name.trim().parse().ok().map(Self)
    }

    /// The day that it is there.
    pub fn day(self, at: Timestamp) -> NaiveDate {
        self.local(at).date()
    }

    /// The beginning of the minute that the clock shows.
    pub fn minute(self, at: Timestamp) -> Timestamp {
        let local = self.local(at);
        let into = TimeDelta::seconds(local.second().into()) + TimeDelta::nanoseconds(local.nanosecond().into());
        at.plus(-into)
    }

    /// The last instant, not after the minute of `at`, at which the clock showed a multiple of `increment` minutes since midnight,
    /// or was put past one.
    pub fn down(self, at: Timestamp, increment: u32) -> Timestamp {
        self.boundary(at, increment, -1)
    }

    /// The first such instant that is not before the minute of `at`.
    pub fn up(self, at: Timestamp, increment: u32) -> Timestamp {
        self.boundary(at, increment, 1)
    }

    /// The nearer of both, the later when they are as near.
    pub fn nearest(self, at: Timestamp, increment: u32) -> Timestamp {
        let (at, down, up) = (self.minute(at), self.down(at, increment), self.up(at, increment));
        if at.since(down) < up.since(at) { down } else { up }
    }

    fn local(self, at: Timestamp) -> NaiveDateTime {
        at.datetime().with_timezone(&self.0).naive_local()
    }

    fn boundary(self, at: Timestamp, increment: u32, step: i64) -> Timestamp {
        let (from, increment) = (self.minute(at), increment.max(1));
        let mut walk = (0..=FARTHEST).map(|minutes| from.plus(TimeDelta::minutes(step * minutes)));
        walk.find(|at| self.is_boundary(*at, increment)).unwrap_or(from)
    }

    /// A clock that is put forward may never show the multiple itself; one that is put back shows it twice.
    fn is_boundary(self, at: Timestamp, increment: u32) -> bool {
        let cell = |local: NaiveDateTime| (local.date(), minute_of_day(local) / increment);
        let (now, before) = (self.local(at), self.local(at.plus(TimeDelta::minutes(-1))));
        minute_of_day(now).is_multiple_of(increment) || cell(now) != cell(before)
    }
}

fn minute_of_day(local: NaiveDateTime) -> u32 {
    local.hour() * 60 + local.minute()
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// An instant, an increment, and the multiples before and after it.
    fn holds(zone: &str, cases: &[(&str, u32, &str, &str)]) {
        let zone = Zone::parse(zone).unwrap();
        for (given, increment, down, up) in cases {
            let (given, offset) = (at(given), *increment);
            assert_eq!(
                (zone.down(given, offset), zone.up(given, offset)),
                (at(down), at(up)),
                "{given} by {increment}"
            );
        }
    }

    #[test]
    fn hours_begin_where_the_local_clock_says_so_even_a_quarter_past_those_of_utc() {
        let cases = [
            ("2026-03-02T09:07:31+05:45", 60, "2026-03-02T09:00:00+05:45", "2026-03-02T10:00:00+05:45"),
            ("2026-03-02T09:00:59+05:45", 30, "2026-03-02T09:00:00+05:45", "2026-03-02T09:00:00+05:45"),
            ("2026-03-02T23:50:00+05:45", 60, "2026-03-02T23:00:00+05:45", "2026-03-03T00:00:00+05:45"),
            ("2026-03-02T23:50:00+05:45", 50, "2026-03-02T23:20:00+05:45", "2026-03-03T00:00:00+05:45"),
        ];
        holds("Asia/Kathmandu", &cases);
        assert_eq!(Zone::parse("Asia/Kathmandu").unwrap().day(at("2026-03-01T18:15:00Z")).to_string(), "2026-03-02");
    }

    #[test]
    fn a_clock_that_is_put_forward_ends_an_increment_where_it_leaps_past_its_end() {
        // 2026-10-04 02:00 becomes 03:00.
        let cases = [
            ("2026-10-04T01:40:00+09:30", 30, "2026-10-04T01:30:00+09:30", "2026-10-04T03:00:00+10:30"),
            ("2026-10-04T03:10:00+10:30", 60, "2026-10-04T03:00:00+10:30", "2026-10-04T04:00:00+10:30"),
            ("2026-10-04T03:10:00+10:30", 120, "2026-10-04T03:00:00+10:30", "2026-10-04T04:00:00+10:30"),
        ];
        holds("Australia/Adelaide", &cases);
    }

    #[test]
    fn a_clock_that_is_put_back_shows_its_multiples_twice() {
        // 2026-04-05 03:00 becomes 02:00.
        let cases = [
            ("2026-04-05T02:20:00+10:30", 60, "2026-04-05T02:00:00+10:30", "2026-04-05T02:00:00+09:30"),
            ("2026-04-05T02:20:00+09:30", 60, "2026-04-05T02:00:00+09:30", "2026-04-05T03:00:00+09:30"),
            ("2026-04-05T02:50:00+10:30", 30, "2026-04-05T02:30:00+10:30", "2026-04-05T02:00:00+09:30"),
        ];
        holds("Australia/Adelaide", &cases);
    }

    #[test]
    fn the_nearest_multiple_is_the_later_of_two_as_near() {
        let zone = Zone::parse("Asia/Kathmandu").unwrap();
        for (given, nearest) in [("09:07:59", "09:00:00"), ("09:15:00", "09:30:00"), ("09:20:00", "09:30:00")] {
            let on = |time: &str| at(&format!("2026-03-02T{time}+05:45"));
            assert_eq!(zone.nearest(on(given), 30), on(nearest), "{given}");
        }
    }

    #[test]
    fn what_the_database_does_not_know_is_no_zone() {
        for name in ["", "Kathmandu", "asia/kathmandu", "UTC+5", "+05:45"] {
            assert_eq!(Zone::parse(name), None, "{name}");
        }
        assert_eq!(Zone::parse(" Europe/Berlin ").map(|zone| zone.to_string()).as_deref(), Some("Europe/Berlin"));
    }

    #[test]
    fn the_edges_of_time_are_no_trap() {
        let zone = Zone::parse("Pacific/Kiritimati").unwrap();
        for edge in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
            let (edge, day) = (at(edge), 1_440);
            assert!(zone.down(edge, day) <= edge && zone.up(edge, day) <= at("9999-12-31T23:59:59.999999Z"));
        }
    }
}
