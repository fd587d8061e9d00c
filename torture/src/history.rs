//! The record of a run: every call with when it began and ended and what it was told.

use std::cell::{Cell, RefCell};

use crate::check::{Micros, Violation, fence::Checked, messages::Sent};

/// A lock as an answer tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) resource: String,
    pub(crate) token: i64,
    pub(crate) granted_at: Micros,
    pub(crate) expires_at: Micros,
    /// The time of the database at which the answer was decided.
    pub(crate) decided_at: Option<Micros>,
}

/// What a call for locks was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// 201.
    New(Vec<Grant>),
    /// 200: it had them.
    Again(Vec<Grant>),
    /// 409, with the ids of what is in the way.
    Refused { blocking: Vec<String>, is_deadlock: bool },
    /// Nobody answered.
    Unknown,
}

/// What a renewal was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Renewed {
    Until(Grant),
    Gone,
    Unknown,
}

/// What a release, or a break, was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Now,
    Before,
    Unknown,
}

/// What was asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Acquire { resources: Vec<String>, exclusive: bool, ttl: Micros, outcome: Acquired },
    Renew { id: String, ttl: Micros, outcome: Renewed },
    End { id: String, outcome: Ended },
}

/// A call with all its repeats: a client that does not know what came of a call asks again, under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) session: String,
    /// When it was sent for the first time.
    pub(crate) called: Micros,
    /// When the last answer came.
    pub(crate) returned: Micros,
    /// Whether an attempt before the last may have done something.
    pub(crate) unsure: bool,
    pub(crate) what: What,
}

/// All that is recorded while a run lasts.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) entries: RefCell<Vec<Entry>>,
    pub(crate) fences: RefCell<Vec<Checked>>,
    pub(crate) sent: RefCell<Vec<Sent>>,
    /// What is wrong already without any check: an answer that must not be given.
    pub(crate) faults: RefCell<Vec<Violation>>,
    /// Answers, whatever they say.
    pub(crate) answers: Cell<u64>,
    /// Attempts of which nobody knows what came of them.
    pub(crate) unknown: Cell<u64>,
    /// 503s.
    pub(crate) unavailable: Cell<u64>,
    /// Refusals because of a circle of waits.
    pub(crate) deadlocks: Cell<u64>,
}

impl Record {
    pub(crate) fn add(&self, entry: Entry) {
        self.entries.borrow_mut().push(entry);
    }

    /// Notes an answer that must not be given. The same fault again and again is one.
    pub(crate) fn fault(&self, what: String) {
        let mut faults = self.faults.borrow_mut();
        if faults.len() < 1_000 {
            faults.push(Violation::new("answers", what));
        }
    }
}

/// One more.
pub(crate) fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}
