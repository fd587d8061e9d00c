//! The feed: every reader sees every event once and in order, wherever and however often it reconnects, and all see the same.

use std::collections::BTreeMap;

use super::Violation;

/// What one reader was given, in the order in which it came: number and content (or a digest of it) of each event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) reader: String,
    pub(crate) events: Vec<(i64, u64)>,
}

/// Checks readers that have all read from the first event up to the one numbered `last`.
pub(crate) fn check(readers: &[Seen], last: i64) -> Vec<Violation> {
    let mut faults = Vec::new();
    let mut contents = BTreeMap::new();
    for Seen { reader, events } in readers {
        let mut expected = 1;
        for (seq, content) in events {
            if *seq != expected {
                let what = format!("{reader} was given event {seq} where {expected} comes");
                faults.push(Violation::new("feed", what));
            }
            expected = seq + 1;
            if contents.entry(*seq).or_insert(*content) != content {
                faults.push(Violation::new("feed", format!("{reader} was given another event {seq} than others")));
            }
        }
        if expected <= last {
            let what = format!("{reader} was given nothing behind {}, though there are {last}", expected - 1);
            faults.push(Violation::new("feed", what));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(readers: &[&[(i64, u64)]]) -> usize {
        let seen = readers.iter().map(|events| Seen { reader: String::new(), events: events.to_vec() });
        check(&seen.collect::<Vec<_>>(), 3).len()
    }

    #[test]
    fn every_reader_sees_every_event_once_in_order_and_the_same() {
        let right: &[(i64, u64)] = &[(1, 10), (2, 20), (3, 30)];
        assert_eq!(faults(&[right, right]), 0);
        assert_eq!(faults(&[right, &[(1, 10), (3, 30)]]), 1, "one is missing");
        assert_eq!(faults(&[&[(1, 10), (2, 20), (2, 20), (3, 30)]]), 1, "one came twice");
        assert_eq!(faults(&[&[(2, 20), (1, 10), (3, 30)]]), 3, "out of order");
        assert_eq!(faults(&[&[(1, 10), (2, 20)]]), 1, "the last is missing");
        assert_eq!(faults(&[right, &[(1, 10), (2, 21), (3, 30)]]), 1, "another content");
    }
}
