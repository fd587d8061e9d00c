//! The head: one row that everybody who changes anything locks first.
//!
//! It hands out fencing tokens and event numbers, so both are total orders over all replicas, and it carries the time. **All time in
//! this domain is the database's clock**, read once the head is locked, and never lower than the last time that anybody acted on.

use claudetools_kernel::Timestamp;

use crate::{Event, EventKind, Occurrence};

/// The head as it was locked, with the time at which that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// The last fencing token given; 0 before the first.
    pub last_token: i64,
    /// The number of the last event; 0 before the first.
    pub last_event: i64,
    /// The place in line given last; 0 before the first.
    pub last_ticket: i64,
    /// How many calls stand in line, so that nobody looks for them when there are none.
    pub waiting: i64,
    /// The time: the database's clock after the lock was had, or the time kept in the row if the clock went back since. Saved, it
    /// is the floor below which no later reading falls.
    pub now: Timestamp,
}

impl Head {
    /// The head before anything happened.
    pub const fn new(now: Timestamp) -> Self {
        Self { last_token: 0, last_event: 0, last_ticket: 0, waiting: 0, now }
    }

    /// The next fencing token: one more than the last, or the time in milliseconds if that is more. So a database restored from a
    /// backup, which has forgotten the last tokens, still gives higher ones than were seen before.
    pub fn next_token(&mut self) -> i64 {
        let milliseconds = self.now.micros().div_euclid(1000);
        self.last_token = self.last_token.saturating_add(1).max(milliseconds);
        self.last_token
    }

    /// The next place in line.
    pub const fn next_ticket(&mut self) -> i64 {
        self.last_ticket = self.last_ticket.saturating_add(1);
        self.last_ticket
    }

    /// Numbers an event. The numbers have no gap: an event that is not committed leaves the head as it was.
    pub fn event(&mut self, kind: EventKind, what: Occurrence) -> Event {
        self.last_event = self.last_event.saturating_add(1);
        let Occurrence { project_key, session_id, subject, payload } = what;
        Event { seq: self.last_event, at: self.now, kind, project_key, session_id, subject, payload }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_micros(milliseconds * 1000).unwrap()
    }

    #[test]
    fn tokens_rise_within_a_millisecond_and_jump_to_the_clock_when_it_is_ahead() {
        let mut head = Head::new(at(1_000));
        assert_eq!([head.next_token(), head.next_token()], [1_000, 1_001]);
        head.now = at(5_000);
        assert_eq!(head.next_token(), 5_000);
    }

    #[test]
    fn a_head_restored_from_a_backup_gives_tokens_above_those_given_since() {
        let mut lost = Head { last_token: 9_000, ..Head::new(at(9_100)) };
        let mut restored = Head { last_token: 10, ..Head::new(at(9_500)) };
        assert!(restored.next_token() > lost.next_token());
    }

    #[test]
    fn events_are_numbered_without_a_gap() {
        let mut head = Head::new(at(1));
        let mut next = || head.event(EventKind::SessionUp, Occurrence::default()).seq;
        assert_eq!([next(), next(), next()], [1, 2, 3]);
    }
}
