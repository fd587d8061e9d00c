//! Timers: time that is being worked right now.

use chrono::{NaiveDate, TimeDelta};
use claudetools_kernel::{
    Detail, Direction, Entity, Error, Faults, Id, Keyed, Money, Patch, Result, SortField, SortKey, Timestamp,
    enumeration, text,
};
use uuid::Uuid;

use super::{BillableTimeFields, Span, entry::LONGEST_DAYS};
use crate::{Client, Project, Session, WorkItem};

enumeration! {
    /// What timers can be sorted by.
    pub enum TimerSort {
        /// By when they were started.
        StartedAt = "started_at",
    }
}

impl SortField for TimerSort {
    const DEFAULT: (Self, Direction) = (Self::StartedAt, Direction::Ascending);
}

/// A timer. It runs unless it is paused, and becomes an entry of billable time when it is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Its id.
    pub id: Id<Self>,
    /// Whom the work is done for.
    pub client_id: Id<Client>,
    /// A project of the client.
    pub project_id: Option<Id<Project>>,
    /// The session that the work is part of.
    pub session_id: Option<Id<Session>>,
    /// The work item that it goes into.
    pub work_item_id: Option<Id<WorkItem>>,
    /// Who works; of one technician one timer runs at a time.
    pub technician: String,
    /// What is done.
    pub description: Option<String>,
    /// Whether it will be billed.
    pub is_billable: bool,
    /// Price of an hour, instead of the project's and the client's.
    pub hourly_rate: Option<Money>,
    /// When it was started.
    pub started_at: Timestamp,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// How long the pauses that are over took, in microseconds.
    pub paused_micros: i64,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Timer {
    const TYPE: &'static str = "timer";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// What a request says of a timer to start.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Timer")]
pub struct TimerFields {
    pub client_id: Option<Id<Client>>,
    pub project_id: Patch<Id<Project>>,
    pub session_id: Patch<Id<Session>>,
    pub work_item_id: Patch<Id<WorkItem>>,
    pub technician: Option<String>,
    pub description: Patch<String>,
    pub is_billable: Option<bool>,
    pub hourly_rate: Patch<Money>,
}

impl Timer {
    /// A timer that `technician`, unless `fields` name another, starts now; refused with every fault at once.
    pub fn start(id: Id<Self>, fields: TimerFields, technician: &str, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[("client_id", fields.client_id.is_some())]);
        let mut timer = Self {
            id,
            client_id: fields.client_id.unwrap_or(Id::new(Uuid::nil())),
            project_id: fields.project_id.value().copied(),
            session_id: fields.session_id.value().copied(),
            work_item_id: fields.work_item_id.value().copied(),
            technician: technician.to_owned(),
            description: None,
            is_billable: fields.is_billable.unwrap_or(true),
            hourly_rate: fields.hourly_rate.value().copied(),
            started_at: now,
            paused_at: None,
            paused_micros: 0,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        text::replace_line(&mut faults, "technician", fields.technician, &mut timer.technician);
        text::optional_block(&mut faults, "description", fields.description).apply(&mut timer.description);
        faults.finish()?;
        Ok(timer)
    }

    /// The timer, paused.
    pub fn pause(mut self, now: Timestamp) -> Result<Self> {
        if self.paused_at.is_some() {
            return Err(Error::Conflict("the timer is paused already".to_owned()));
        }
        // A clock that was put back must not make a pause before the start.
        self.paused_at = Some(now.max(self.started_at));
        Ok(self.touched(now))
    }

    /// The timer, running again.
    pub fn resume(mut self, now: Timestamp) -> Result<Self> {
        let Some(paused_at) = self.paused_at.take() else {
            return Err(Error::Conflict("the timer is not paused".to_owned()));
        };
        self.paused_micros += now.since(paused_at).num_microseconds().unwrap_or_default().max(0);
        Ok(self.touched(now))
    }

    fn touched(mut self, now: Timestamp) -> Self {
        self.updated_at = now;
        self.revision += 1;
        self
    }

    /// When work on it ended, were it stopped now: at the last pause, if it is paused.
    pub fn end(&self, now: Timestamp) -> Timestamp {
        self.paused_at.unwrap_or(now).max(self.started_at)
    }

    /// Whole minutes worked by now.
    pub fn minutes(&self, now: Timestamp) -> i64 {
        let worked = self.end(now).since(self.started_at) - TimeDelta::microseconds(self.paused_micros);
        worked.num_minutes().max(0)
    }

    /// What the entry says that it becomes when it is stopped now, of which the client's calendar shows `day` at its start.
    pub fn entry(&self, day: NaiveDate, now: Timestamp) -> Result<BillableTimeFields> {
        if self.end(now).since(self.started_at) > TimeDelta::days(LONGEST_DAYS) {
            return Err(Error::Conflict(format!(
                "the timer was started more than {LONGEST_DAYS} days ago; remove it and enter the time by hand"
            )));
        }
        Ok(BillableTimeFields {
            client_id: Some(self.client_id),
            project_id: self.project_id.into(),
            session_id: self.session_id.into(),
            work_item_id: self.work_item_id.into(),
            technician: Some(self.technician.clone()),
            entry_date: Some(day),
            start_time: Patch::Set(self.started_at),
            end_time: Patch::Set(self.end(now)),
            minutes: Some(self.minutes(now)),
            description: self.description.clone().into(),
            is_billable: Some(self.is_billable),
            hourly_rate: self.hourly_rate.into(),
            is_billed: None,
            invoice_ref: Patch::Keep,
        })
    }

    /// The stretch of the technician's time that it takes up: without an end while it runs.
    pub const fn span(&self) -> Span {
        Span { start: self.started_at, end: self.paused_at }
    }

    /// The technician in the form in which timers are found and compared by it.
    pub fn technician_key(&self) -> String {
        text::fold(&self.technician)
    }

    /// What is unique among timers: the technician, while it runs.
    pub fn running_key(&self) -> Option<String> {
        self.paused_at.is_none().then(|| self.technician_key())
    }
}

/// A timer with the names of what it refers to, at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerRow {
    /// The timer.
    pub timer: Timer,
    /// The client's name.
    pub client_name: String,
    /// The project's name.
    pub project_name: Option<String>,
    /// Whole minutes worked by now; storage leaves it at 0.
    pub minutes: i64,
}

impl TimerRow {
    /// The row as it stands now.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.minutes = self.timer.minutes(now);
        self
    }
}

impl Detail for TimerRow {
    type Of = Timer;

    fn entity(&self) -> &Timer {
        &self.timer
    }
}

impl Keyed<TimerSort> for TimerRow {
    fn row_id(&self) -> Uuid {
        self.timer.id.uuid()
    }

    fn sort_key(&self, _: TimerSort) -> SortKey {
        self.timer.started_at.into()
    }
}

/// Which timers to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
pub struct TimerFilter {
    /// Those for a client.
    pub client_id: Option<Id<Client>>,
    /// Substring of the technician.
    pub technician: Option<String>,
    /// Whether they run, or are paused.
    pub is_running: Option<bool>,
}

impl TimerFilter {
    /// Whether `timer` is to be listed.
    pub fn admits(&self, timer: &Timer) -> bool {
        self.client_id.is_none_or(|wanted| wanted == timer.client_id)
            && self.technician.as_deref().is_none_or(|part| timer.technician_key().contains(&text::fold(part)))
            && self.is_running.is_none_or(|wanted| wanted == timer.paused_at.is_none())
    }
}
