//! Windows of time, and how their counters are read.

use std::time::Duration;

use claudetools_kernel::{Allowance, Timestamp, Verdict};

/// A window that requests of a key are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    Minute,
    Hour,
    DecryptMinute,
    AgentMinute,
}

impl Window {
    /// All of them, by [`Self::index`].
    pub(crate) const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::DecryptMinute, Self::AgentMinute];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// What its counter is called where counters have names.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DecryptMinute => "decrypt",
            Self::AgentMinute => "agent",
        }
    }

    pub(crate) const fn length(self) -> Duration {
        match self {
            Self::Minute | Self::DecryptMinute | Self::AgentMinute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
        }
    }
}

/// A window's counter after a request has been decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) budget: u32,
    pub(crate) used: u32,
    pub(crate) ends: Timestamp,
}

/// What the readings of a class's windows say; `None` when it has none.
///
/// Shown is the window of which the least is left, and among equals the one that ends last: whoever waits for its end does
/// not run into the next.
pub(crate) fn verdict(passed: bool, readings: impl Iterator<Item = Reading>, now: Timestamp) -> Option<Verdict> {
    let left = |reading: &Reading| reading.budget.saturating_sub(reading.used);
    let nearest = readings.min_by_key(|reading| (left(reading), std::cmp::Reverse(reading.ends)))?;
    let micros = nearest.ends.since(now).num_microseconds().unwrap_or(0);
    let allowance = Allowance {
        limit: nearest.budget,
        remaining: left(&nearest),
        resets_at: nearest.ends,
        resets_in_seconds: u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000).max(1),
    };
    Some(if passed { Verdict::Passed(allowance) } else { Verdict::Refused(allowance) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000).unwrap();

    fn reading(budget: u32, used: u32, ends_in_micros: i64) -> Reading {
        Reading { budget, used, ends: Timestamp::from_micros(NOW.micros() + ends_in_micros).unwrap() }
    }

    fn shown(readings: &[Reading]) -> (u32, u32, u64) {
        let verdict = verdict(true, readings.iter().copied(), NOW).unwrap();
        let allowance = verdict.allowance();
        (allowance.limit, allowance.remaining, allowance.resets_in_seconds)
    }

    #[test]
    fn the_window_with_the_least_left_is_shown_and_among_equals_the_one_that_ends_last() {
        let (minute, hour) = (reading(100, 1, 60_000_000), reading(1000, 950, 1_800_000_000));
        assert_eq!(shown(&[minute, hour]), (1000, 50, 1800));
        assert_eq!(shown(&[reading(100, 60, 1_000_000), hour]), (100, 40, 1));
        assert_eq!(shown(&[reading(100, 100, 1), reading(1000, 1000, 2_000_000)]), (1000, 0, 2));
        assert_eq!(verdict(true, [].into_iter(), NOW), None);
    }

    #[test]
    fn a_wait_is_rounded_up_and_never_nothing() {
        assert_eq!(shown(&[reading(1, 1, 59_000_001)]), (1, 0, 60));
        assert_eq!(shown(&[reading(1, 1, 0)]), (1, 0, 1));
        // A budget that was lowered while the window ran.
        assert_eq!(shown(&[reading(1, 9, 1)]), (1, 0, 1));
    }
}
