//! Presence: which agents' sessions are there, on which machines, with what.

use chrono::TimeDelta;
use claudetools_kernel::{
    Direction, Entity, Error, Faults, Id, Keyed, Patch, Result, Scope, SortField, SortKey, Timestamp, text,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{lock::session_key, names};

/// How long a session may be silent before it is stale, in minutes.
pub(crate) const SILENCE_MINUTES: i64 = 15;

claudetools_kernel::enumeration! {
    /// Whether a session is there.
    pub enum PresenceState {
        /// It gives signs of life.
        Active = "active",
        /// It has been silent for a quarter of an hour. Its locks live on until their own time ends.
        Stale = "stale",
        /// It has ended.
        Ended = "ended",
    }
}

/// An agent's session that announced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The row's id.
    pub id: Id<Self>,
    /// The session's own id.
    pub session_id: String,
    /// The machine.
    pub machine: Option<String>,
    /// The host name of the machine.
    pub host: Option<String>,
    /// The kind of agent.
    pub agent: Option<String>,
    /// The project it works on.
    pub project_key: Option<String>,
    /// What it does.
    pub task: Option<String>,
    /// Its process.
    pub pid: Option<i64>,
    /// Whether it is there, as far as anybody has marked it.
    pub state: PresenceState,
    /// When it announced itself, for the first time or after it had ended.
    pub started_at: Timestamp,
    /// Its last sign of life.
    pub last_seen_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What a session may say about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PresenceFields {
    /// The machine.
    pub machine: Patch<String>,
    /// The host name of the machine.
    pub host: Patch<String>,
    /// The kind of agent.
    pub agent: Patch<String>,
    /// The project it works on.
    pub project_key: Patch<String>,
    /// What it does.
    pub task: Patch<String>,
    /// Its process.
    pub pid: Patch<i64>,
}

/// Details of the events of a session.
#[derive(Debug, Serialize)]
pub(crate) struct PresenceNote<'a> {
    machine: Option<&'a str>,
    host: Option<&'a str>,
    agent: Option<&'a str>,
    task: Option<&'a str>,
}

impl Presence {
    /// The session as it stands after an announcement. `known` is what was known of it.
    ///
    /// # Errors
    /// All faults of the fields at once.
    pub fn announce(
        id: Id<Self>,
        known: Option<Self>,
        session_id: String,
        fields: PresenceFields,
        now: Timestamp,
    ) -> Result<Self> {
        let mut faults = Faults::default();
        let session_id = session_key(&mut faults, "session_id", session_id).unwrap_or_default();
        let kept = known.filter(|known| known.state != PresenceState::Ended);
        let mut row = kept.unwrap_or(Self {
            id,
            session_id,
            machine: None,
            host: None,
            agent: None,
            project_key: None,
            task: None,
            pid: None,
            state: PresenceState::Active,
            started_at: now,
            last_seen_at: now,
            ended_at: None,
        });
        let PresenceFields { machine, host, agent, project_key, task, pid } = fields;
        for (name, given, kept) in [
            ("machine", machine, &mut row.machine),
            ("host", host, &mut row.host),
            ("agent", agent, &mut row.agent),
            ("task", task, &mut row.task),
        ] {
            text::optional_line(&mut faults, name, given).apply(kept);
        }
        // What others address it by, when they write to a project.
        let project_key = project_key.and_then(|key| names::project_key(&mut faults, "project_key", &key));
        project_key.apply(&mut row.project_key);
        pid.apply(&mut row.pid);
        if row.pid.is_some_and(|pid| pid < 0) {
            faults.schema("pid", "minimum", "must not be negative");
        }
        faults.finish()?;
        Ok(row.seen(now))
    }

    /// The session after a sign of life.
    #[must_use]
    pub fn seen(self, now: Timestamp) -> Self {
        Self { state: PresenceState::Active, last_seen_at: now, ..self }
    }

    /// The session, ended.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Self {
        Self { state: PresenceState::Ended, ended_at: Some(now), ..self }
    }

    /// The last instant of silence at `now`: who was last seen by then is stale.
    pub fn silent_at(now: Timestamp) -> Timestamp {
        now.plus(TimeDelta::minutes(-SILENCE_MINUTES))
    }

    /// The state at `now`, marked or not.
    pub fn state_at(&self, now: Timestamp) -> PresenceState {
        let is_silent = self.last_seen_at <= Self::silent_at(now);
        if self.state == PresenceState::Active && is_silent { PresenceState::Stale } else { self.state }
    }

    pub(crate) fn note(&self) -> PresenceNote<'_> {
        PresenceNote {
            machine: self.machine.as_deref(),
            host: self.host.as_deref(),
            agent: self.agent.as_deref(),
            task: self.task.as_deref(),
        }
    }
}

impl Entity for Presence {
    const TYPE: &'static str = "coord_session";

    fn id(&self) -> Id<Self> {
        self.id
    }
}

/// Which sessions to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PresenceFilter {
    /// Those that are active, or those that are not.
    pub active: Option<bool>,
    /// On this project.
    pub project_key: Option<String>,
}

impl PresenceFilter {
    /// The filter in the form in which keys are kept.
    #[must_use]
    pub fn composed(mut self) -> Self {
        self.project_key = self.project_key.as_deref().map(text::composed);
        self
    }

    /// Whether the filter lets a session through at `now`.
    pub fn admits(&self, row: &Presence, now: Timestamp) -> bool {
        let is_active = row.state_at(now) == PresenceState::Active;
        self.active.is_none_or(|wanted| wanted == is_active)
            && self.project_key.as_ref().is_none_or(|wanted| row.project_key.as_ref() == Some(wanted))
    }
}

claudetools_kernel::enumeration! {
    /// What lists of sessions can be sorted by.
    pub enum PresenceSort {
        /// Its last sign of life.
        LastSeenAt = "last_seen_at",
        /// When it announced itself.
        StartedAt = "started_at",
        /// Its own id.
        SessionId = "session_id",
    }
}

impl SortField for PresenceSort {
    const DEFAULT: (Self, Direction) = (Self::LastSeenAt, Direction::Descending);
}

impl Keyed<PresenceSort> for Presence {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: PresenceSort) -> SortKey {
        match field {
            PresenceSort::LastSeenAt => self.last_seen_at.into(),
            PresenceSort::StartedAt => self.started_at.into(),
            PresenceSort::SessionId => SortKey::Text(self.session_id.clone()),
        }
    }
}

/// Who calls. The network may vouch for a caller, who then may do all but what is an administrator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// Somebody with a token.
    Known(claudetools_kernel::Actor),
    /// Somebody without one, in a network that is trusted.
    Trusted,
}

impl Party {
    /// Refuses unless the caller may do what needs `scope`.
    ///
    /// # Errors
    /// [`Error::Forbidden`], or [`Error::Unauthorized`] when a token would help.
    pub fn require(&self, scope: Scope) -> Result<()> {
        match self {
            Self::Known(actor) => actor.require(scope),
            Self::Trusted if scope == Scope::Admin => {
                Err(Error::Unauthorized("send an access token with msp:admin: Authorization: Bearer <token>"))
            }
            Self::Trusted => Ok(()),
        }
    }

    /// The name of whoever calls, where it is known.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Known(actor) => Some(&actor.subject),
            Self::Trusted => None,
        }
    }
}
