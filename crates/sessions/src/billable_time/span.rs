//! Stretches of time, and whether they meet.

use claudetools_kernel::Timestamp;

/// A stretch of time from its start up to, and without, its end; without an end it goes on for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub start: Timestamp,
    /// The first instant behind it.
    pub end: Option<Timestamp>,
}

impl Span {
    /// Whether both share an instant. What ends where another begins does not meet it, and what ends where it begins meets nothing.
    pub fn overlaps(self, other: Self) -> bool {
        let before = |start: Timestamp, end: Option<Timestamp>| end.is_none_or(|end| start < end);
        before(self.start, self.end)
            && before(other.start, other.end)
            && before(self.start, other.end)
            && before(other.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: i64, end: Option<i64>) -> Span {
        let at = |minute: i64| Timestamp::from_micros(minute * 60_000_000).unwrap();
        Span { start: at(start), end: end.map(at) }
    }

    /// The minutes of a stretch, counted out.
    fn minutes(start: i64, end: Option<i64>) -> std::ops::Range<i64> {
        start..end.unwrap_or(1_000)
    }

    fn stretch() -> impl Strategy<Value = (i64, Option<i64>)> {
        (0_i64..50, prop::option::of(0_i64..20))
            .prop_map(|(start, length)| (start, length.map(|length| start + length)))
    }

    proptest! {
        #[test]
        fn two_stretches_overlap_exactly_when_they_share_a_minute(a in stretch(), b in stretch()) {
            let shared = minutes(a.0, a.1).any(|minute| minutes(b.0, b.1).contains(&minute));
            prop_assert_eq!(span(a.0, a.1).overlaps(span(b.0, b.1)), shared);
            prop_assert_eq!(span(b.0, b.1).overlaps(span(a.0, a.1)), shared, "whichever is asked");
        }

        #[test]
        fn what_runs_overlaps_everything_that_ends_after_its_start(start in 0_i64..50, a in stretch()) {
            let expected = a.1.is_none_or(|end| end > start && end > a.0);
            prop_assert_eq!(span(start, None).overlaps(span(a.0, a.1)), expected);
        }
    }
}
