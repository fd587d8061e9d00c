//! How minutes of work become billed hours.

use claudetools_kernel::{Hours, Timestamp};

use crate::{BillingRounding, Client, Zone};

/// The rule by which a client is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillingRule {
    /// Minutes that billing counts in, at least 1.
    pub increment_minutes: i32,
    /// How minutes are rounded to increments.
    pub rounding: BillingRounding,
}

impl Default for BillingRule {
    /// The rule of a new client, which also holds for work without a client.
    fn default() -> Self {
        Self { increment_minutes: 15, rounding: BillingRounding::Up }
    }
}

impl From<&Client> for BillingRule {
    fn from(client: &Client) -> Self {
        Self { increment_minutes: client.billing_increment_minutes, rounding: client.billing_rounding }
    }
}

impl BillingRule {
    /// The minutes to bill for `minutes` of work, which are not negative.
    pub fn round(self, minutes: i64) -> i64 {
        let increment = i64::from(self.increment_minutes.max(1));
        let full = minutes.div_euclid(increment) * increment;
        let rest = minutes - full;
        match self.rounding {
            BillingRounding::None => minutes,
            BillingRounding::Up if rest > 0 => full + increment,
            BillingRounding::Nearest if rest * 2 >= increment => full + increment,
            BillingRounding::Up | BillingRounding::Nearest => full,
        }
    }

    /// The minutes to bill for work from `start` to `end`, `breaks` minutes of which were none. Start and end are rounded on the
    /// clock of `zone`, which billing reads to the minute: outwards by `up`, each to what is nearer by `nearest`. The breaks are
    /// taken off, and what is left is rounded once more. Where not a whole minute was worked there is nothing to bill, whatever the
    /// clock showed.
    pub fn round_between(self, zone: Zone, start: Timestamp, end: Timestamp, breaks: i64) -> i64 {
        if end.since(start).num_minutes() <= breaks {
            return 0;
        }
        let increment = self.increment_minutes.max(1).unsigned_abs();
        let (start, end) = match self.rounding {
            BillingRounding::None => (start, end),
            BillingRounding::Up => (zone.down(start, increment), zone.up(end, increment)),
            BillingRounding::Nearest => (zone.nearest(start, increment), zone.nearest(end, increment)),
        };
        self.round((end.since(start).num_minutes() - breaks).max(0))
    }

    /// The hours to bill for `minutes` of work.
    pub fn hours(self, minutes: i64) -> Hours {
        Hours::from_minutes(self.round(minutes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn rule(increment_minutes: i32, rounding: BillingRounding) -> BillingRule {
        BillingRule { increment_minutes, rounding }
    }

    #[test]
    fn examples_of_each_rule() {
        for (rule, minutes, billed) in [
            (rule(15, BillingRounding::Up), 0, 0),
            (rule(15, BillingRounding::Up), 1, 15),
            (rule(15, BillingRounding::Up), 15, 15),
            (rule(15, BillingRounding::Up), 16, 30),
            (rule(15, BillingRounding::Nearest), 7, 0),
            (rule(15, BillingRounding::Nearest), 8, 15),
            (rule(6, BillingRounding::Nearest), 3, 6),
            (rule(30, BillingRounding::None), 17, 17),
        ] {
            assert_eq!(rule.round(minutes), billed, "{rule:?} of {minutes}");
        }
    }

    #[test]
    fn three_and_a_half_hours_are_three_and_a_half_hours() {
        assert_eq!(BillingRule::default().hours(210), Hours::from_hundredths(350));
    }

    fn between(zone: &str, rule: BillingRule, start: &str, end: &str, breaks: i64) -> i64 {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        rule.round_between(Zone::parse(zone).unwrap(), at(start), at(end), breaks)
    }

    #[test]
    fn start_and_end_are_rounded_on_the_clients_clock() {
        let kathmandu = |rule, start: &str, end: &str, breaks| {
            let on = |time: &str| format!("2026-03-02T{time}:00+05:45");
            between("Asia/Kathmandu", rule, &on(start), &on(end), breaks)
        };
        for (rule, start, end, breaks, billed) in [
            (rule(60, BillingRounding::Up), "09:00", "09:47", 0, 60),
            (rule(60, BillingRounding::Up), "09:00", "10:00", 0, 60),
            (rule(15, BillingRounding::Up), "09:07", "09:52", 0, 60),
            (rule(15, BillingRounding::Up), "09:07", "09:52", 1, 60),
            (rule(15, BillingRounding::Up), "09:07", "09:52", 20, 45),
            (rule(15, BillingRounding::Nearest), "09:07", "09:52", 0, 45),
            (rule(15, BillingRounding::Nearest), "09:01", "09:05", 0, 0),
            (rule(15, BillingRounding::None), "09:07", "09:52", 5, 40),
            (rule(15, BillingRounding::Up), "09:07", "09:07", 0, 0),
            (rule(15, BillingRounding::Up), "09:07", "09:21", 14, 0),
            (rule(15, BillingRounding::Up), "09:07", "09:21", 13, 30),
        ] {
            assert_eq!(kathmandu(rule, start, end, breaks), billed, "{rule:?} {start} to {end} less {breaks}");
        }
    }

    #[test]
    fn what_the_clock_leaps_over_is_not_billed_and_what_it_shows_twice_is() {
        let up = rule(30, BillingRounding::Up);
        let spring = between("Australia/Adelaide", up, "2026-10-04T01:30:00+09:30", "2026-10-04T03:30:00+10:30", 0);
        assert_eq!(spring, 60, "02:00 to 03:00 was not there");
        let autumn = between("Australia/Adelaide", up, "2026-04-05T01:30:00+10:30", "2026-04-05T03:30:00+09:30", 0);
        assert_eq!(autumn, 180, "02:00 to 03:00 was there twice");
        let within = between("Australia/Adelaide", up, "2026-04-05T02:30:00+10:30", "2026-04-05T02:30:00+09:30", 0);
        assert_eq!(within, 60, "from 02:30 to 02:30");
    }

    /// Durations up to a century, increments as clients may have them.
    fn work() -> impl Strategy<Value = (i64, i32)> {
        (0_i64..52_560_000, 1_i32..=1440)
    }

    proptest! {
        #[test]
        fn up_never_bills_less_than_was_worked_nor_a_whole_increment_more((minutes, increment) in work()) {
            let billed = rule(increment, BillingRounding::Up).round(minutes);
            prop_assert!(billed >= minutes && billed - minutes < i64::from(increment));
        }

        #[test]
        fn up_and_nearest_bill_whole_increments((minutes, increment) in work()) {
            for rounding in [BillingRounding::Up, BillingRounding::Nearest] {
                prop_assert_eq!(rule(increment, rounding).round(minutes) % i64::from(increment), 0);
            }
        }

        #[test]
        fn nearest_is_off_by_half_an_increment_at_the_most((minutes, increment) in work()) {
            let billed = rule(increment, BillingRounding::Nearest).round(minutes);
            prop_assert!((billed - minutes).abs() * 2 <= i64::from(increment));
        }

        #[test]
        fn on_the_wall_up_bills_whole_increments_and_never_less_than_was_worked(
            start in 0_i64..3_000_000_000, worked in 0_i64..100_000, breaks in 0_i64..600, increment in 1_i32..=240,
            zone in prop::sample::select(vec!["UTC", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns"]),
        ) {
            let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
            let breaks = breaks.min(worked / 60);
            let rule = rule(increment, BillingRounding::Up);
            let billed = rule.round_between(Zone::parse(zone).unwrap(), at(start), at(start + worked), breaks);
            prop_assert_eq!(billed % i64::from(increment), 0);
            prop_assert!(billed >= worked / 60 - breaks);
        }

        #[test]
        fn on_the_wall_less_than_a_minute_of_work_is_not_billed(
            start in 0_i64..3_000_000_000, breaks in 0_i64..600, seconds in 0_i64..60, increment in 1_i32..=240,
        ) {
            let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
            let zone = Zone::parse("Australia/Adelaide").unwrap();
            for rounding in [BillingRounding::Up, BillingRounding::Nearest, BillingRounding::None] {
                let end = at(start + breaks * 60 + seconds);
                prop_assert_eq!(rule(increment, rounding).round_between(zone, at(start), end, breaks), 0);
            }
        }

        #[test]
        fn none_bills_what_was_worked((minutes, increment) in work()) {
            prop_assert_eq!(rule(increment, BillingRounding::None).round(minutes), minutes);
        }

        #[test]
        fn longer_work_is_never_billed_less((minutes, increment) in work(), more in 0_i64..10_000) {
            for rounding in [BillingRounding::Up, BillingRounding::Nearest, BillingRounding::None] {
                let rule = rule(increment, rounding);
                prop_assert!(rule.round(minutes + more) >= rule.round(minutes));
            }
        }
    }
}
