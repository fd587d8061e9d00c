//! Events: what happened, in the order in which it was committed.

use claudetools_kernel::Timestamp;
use serde::Serialize;
use uuid::Uuid;

claudetools_kernel::enumeration! {
    /// What happened.
    pub enum EventKind {
        /// A lock was given to a session.
        LockGranted = "lock.granted",
        /// Its session gave a lock back, or ended.
        LockReleased = "lock.released",
        /// A lock's time ran out.
        LockExpired = "lock.expired",
        /// An administrator took a lock away.
        LockBroken = "lock.broken",
        /// A call began to wait for a lock.
        LockQueued = "lock.queued",
        /// A message was sent.
        MessageNew = "message.new",
        /// A recipient has read a message.
        MessageRead = "message.read",
        /// The state of a component changed.
        ComponentChanged = "component.changed",
        /// A session announced itself.
        SessionUp = "session.up",
        /// A session has given no sign of life for a while.
        SessionStale = "session.stale",
        /// A session ended.
        SessionDown = "session.down",
    }
}

/// What an event tells, before it has its number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occurrence {
    /// The project it belongs to, where there is one.
    pub project_key: Option<String>,
    /// The session it is about, where there is one.
    pub session_id: Option<String>,
    /// The lock, message or component it is about.
    pub subject: Option<Uuid>,
    /// Details, as a JSON object.
    pub payload: String,
}

impl Occurrence {
    /// An occurrence with `details` for its payload, which become a JSON object.
    pub fn new(session_id: Option<&str>, subject: Option<Uuid>, details: &impl Serialize) -> Self {
        // Details are structs of plain fields, which always have a JSON form.
        let payload = serde_json::to_string(details).unwrap_or_else(|_| "{}".to_owned());
        Self { project_key: None, session_id: session_id.map(str::to_owned), subject, payload }
    }

    /// The same, in a project.
    #[must_use]
    pub fn in_project(mut self, project_key: Option<&str>) -> Self {
        self.project_key = project_key.map(str::to_owned);
        self
    }
}

/// An event, numbered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// Its number: gap-free, in the order of the commits ([`crate::Head::event`]).
    pub seq: i64,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The project it belongs to, where there is one.
    pub project_key: Option<String>,
    /// The session it is about, where there is one.
    pub session_id: Option<String>,
    /// The lock, message or component it is about.
    pub subject: Option<Uuid>,
    /// Details, as a JSON object.
    pub payload: String,
}
