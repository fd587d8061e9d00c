//! How long what has ended is kept.

use chrono::TimeDelta;
use claudetools_kernel::{Faults, Result, Timestamp};

/// The longest time that anything may be kept, in days.
pub(crate) const LONGEST_DAYS: i32 = 3650;

/// How long what has ended is kept, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events: how far back the feed can be replayed.
    pub events_days: i32,
    /// Messages, from their sending, with their read marks.
    pub messages_days: i32,
    /// The history of components.
    pub history_days: i32,
    /// Sessions and locks, from their end. A session that died without a word has ended with its last sign of life, once it holds no lock.
    pub ended_days: i32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { events_days: 7, messages_days: 30, history_days: 90, ended_days: 30 }
    }
}

/// What a request says of it.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Retention")]
pub struct RetentionFields {
    pub events_days: Option<i32>,
    pub messages_days: Option<i32>,
    pub history_days: Option<i32>,
    pub ended_days: Option<i32>,
}

impl Retention {
    /// The retention with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: &RetentionFields) -> Result<Self> {
        let mut faults = Faults::default();
        let mut set = |field, given: Option<i32>, kept: &mut i32| {
            if given.is_some_and(|days| !(1..=LONGEST_DAYS).contains(&days)) {
                faults.schema(field, "range", &format!("must be from 1 to {LONGEST_DAYS}"));
            }
            *kept = given.unwrap_or(*kept);
        };
        set("events_days", fields.events_days, &mut self.events_days);
        set("messages_days", fields.messages_days, &mut self.messages_days);
        set("history_days", fields.history_days, &mut self.history_days);
        set("ended_days", fields.ended_days, &mut self.ended_days);
        faults.finish()?;
        Ok(self)
    }

    /// Up to where what has ended goes.
    pub fn bounds(&self, now: Timestamp) -> PruneBounds {
        let before = |days: i32| Some(now.plus(-TimeDelta::days(days.into())));
        PruneBounds {
            events: before(self.events_days),
            messages: before(self.messages_days),
            history: before(self.history_days),
            ended: before(self.ended_days),
        }
    }
}

/// Up to which instants what has ended goes; none where nothing is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PruneBounds {
    /// Events from before this instant.
    pub events: Option<Timestamp>,
    /// Messages sent before it.
    pub messages: Option<Timestamp>,
    /// Entries in the history of components from before it.
    pub history: Option<Timestamp>,
    /// Sessions and locks that ended before it, and sessions without a lock that were last seen before it.
    pub ended: Option<Timestamp>,
}

impl PruneBounds {
    /// These bounds where they are given, the others where they are not.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            events: self.events.or(other.events),
            messages: self.messages.or(other.messages),
            history: self.history.or(other.history),
            ended: self.ended.or(other.ended),
        }
    }
}

/// How much went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Events.
    pub events: u64,
    /// Messages.
    pub messages: u64,
    /// Entries in the history of components.
    pub history: u64,
    /// Locks.
    pub locks: u64,
    /// Sessions.
    pub sessions: u64,
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::contract::at;

    use super::*;

    #[test]
    fn each_kind_has_a_bound_of_its_own_and_what_is_given_goes_before() {
        let fields = RetentionFields { events_days: Some(1), ..RetentionFields::default() };
        let kept = Retention::default().change(&fields).unwrap();
        assert_eq!((kept.events_days, kept.messages_days), (1, 30));
        let bounds = kept.bounds(at(86_400));
        assert_eq!(bounds.events, Some(at(0)));
        let given = PruneBounds { messages: Some(at(5)), ..PruneBounds::default() };
        assert_eq!(given.or(bounds), PruneBounds { messages: Some(at(5)), ..bounds });
    }

    #[test]
    fn nothing_is_kept_for_less_than_a_day_or_for_ever() {
        let fields =
            RetentionFields { events_days: Some(0), ended_days: Some(LONGEST_DAYS + 1), ..RetentionFields::default() };
        let Err(claudetools_kernel::Error::Invalid(faults)) = Retention::default().change(&fields) else {
            panic!("refused")
        };
        let fields: Vec<&str> = faults.list().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["events_days", "ended_days"]);
    }
}
