//! How minutes of work become billed hours.

use claudetools_kernel::Hours;

use crate::{BillingRounding, Client};

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
