//! Sessions: pieces of work, with their time and what is billed for it.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use claudetools_kernel::{
    Direction, Entity, Faults, Hours, Id, Patch, Result, SortField, Timestamp, enumeration, text,
};

use crate::{BillingRule, Client, Machine, Project, Tag, tag::tag_names};

/// The longest time from start to end taken, in days: more is a slip of the pen.
const LONGEST_DAYS: i64 = 366;

enumeration! {
    /// How far a session has come.
    pub enum SessionStatus {
        /// Being worked on.
        InProgress = "in_progress",
        /// Done.
        Completed = "completed",
        /// Given up.
        Cancelled = "cancelled",
        /// Waiting.
        OnHold = "on_hold",
    }
}

enumeration! {
    /// What sessions can be sorted by.
    pub enum SessionSort {
        /// By day.
        SessionDate = "session_date",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
        /// By title, whatever its case.
        SessionTitle = "session_title",
    }
}

impl SortField for SessionSort {
    const DEFAULT: (Self, Direction) = (Self::SessionDate, Direction::Descending);
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: Id<Self>,
    /// Whom the work was done for; the project's client when there is a project.
    pub client_id: Option<Id<Client>>,
    /// What the work belongs to.
    pub project_id: Option<Id<Project>>,
    /// Where the work was done.
    pub machine_id: Option<Id<Machine>>,
    /// The day that the work counts for.
    pub session_date: NaiveDate,
    /// When the work began.
    pub start_time: Option<Timestamp>,
    /// When the work ended; never before the start, and always there when the session is completed.
    pub end_time: Option<Timestamp>,
    /// Whole minutes from start to end.
    pub duration_minutes: Option<i64>,
    /// What it was about, in one line.
    pub session_title: String,
    /// Who did the work.
    pub technician: Option<String>,
    /// How far it has come.
    pub status: SessionStatus,
    /// Whether the work is billed.
    pub is_billable: bool,
    /// The hours to bill: as given, else derived; empty while work to be billed has no end.
    pub billable_hours: Option<Hours>,
    /// Whether `billable_hours` were given, so that a change of the times leaves them as they are.
    pub billable_hours_given: bool,
    /// What was done, Markdown.
    pub summary: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// What it is found by.
    pub tags: BTreeSet<Id<Tag>>,
    /// What it was done with, in the order given.
    pub technologies_used: Vec<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Session {
    const TYPE: &'static str = "session";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// What a request says of a session: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Session")]
pub struct SessionFields {
    pub client_id: Patch<Id<Client>>,
    pub project_id: Patch<Id<Project>>,
    pub machine_id: Patch<Id<Machine>>,
    pub session_date: Option<NaiveDate>,
    pub start_time: Patch<Timestamp>,
    pub end_time: Patch<Timestamp>,
    pub session_title: Option<String>,
    pub technician: Patch<String>,
    pub status: Option<SessionStatus>,
    pub is_billable: Option<bool>,
    /// Cleared, the hours are derived again.
    pub billable_hours: Patch<Hours>,
    pub summary: Patch<String>,
    pub notes: Patch<String>,
    /// Names of tags.
    pub tags: Option<Vec<String>>,
    pub technologies_used: Option<Vec<String>>,
}

/// What the derived hours depend on.
type Inputs = (Option<Id<Client>>, Option<i64>, bool, bool);

/// A session whose fields fit, before what they refer to has been looked up.
#[derive(Debug)]
pub struct SessionDraft {
    session: Session,
    tag_names: Option<Vec<String>>,
    clears_client: bool,
    before: Option<Inputs>,
}

impl Session {
    /// A new session by `technician` unless `fields` name another; refused with every fault at once.
    pub fn draft(id: Id<Self>, mut fields: SessionFields, technician: &str, now: Timestamp) -> Result<SessionDraft> {
        let mut faults = Faults::default();
        let required =
            [("session_date", fields.session_date.is_some()), ("session_title", fields.session_title.is_some())];
        faults.require_all(&required);
        if fields.technician == Patch::Keep {
            fields.technician = Patch::Set(technician.to_owned());
        }
        let session = Self {
            id,
            client_id: None,
            project_id: None,
            machine_id: None,
            session_date: fields.session_date.unwrap_or_default(),
            start_time: None,
            end_time: None,
            duration_minutes: None,
            session_title: String::new(),
            technician: None,
            status: SessionStatus::InProgress,
            is_billable: true,
            billable_hours: None,
            billable_hours_given: false,
            summary: None,
            notes: None,
            tags: BTreeSet::new(),
            technologies_used: Vec::new(),
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let draft = SessionDraft { session, tag_names: None, clears_client: false, before: None };
        draft.apply(fields, faults, now)
    }

    /// The session with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: SessionFields, now: Timestamp) -> Result<SessionDraft> {
        let before = Some(self.inputs());
        self.updated_at = now;
        self.revision += 1;
        let clears_client = fields.client_id == Patch::Clear;
        let draft = SessionDraft { session: self, tag_names: None, clears_client, before };
        draft.apply(fields, Faults::default(), now)
    }

    fn apply(&mut self, fields: SessionFields, faults: &mut Faults) {
        fields.client_id.apply(&mut self.client_id);
        fields.project_id.apply(&mut self.project_id);
        fields.machine_id.apply(&mut self.machine_id);
        self.session_date = fields.session_date.unwrap_or(self.session_date);
        text::replace_line(faults, "session_title", fields.session_title, &mut self.session_title);
        text::optional_line(faults, "technician", fields.technician).apply(&mut self.technician);
        self.is_billable = fields.is_billable.unwrap_or(self.is_billable);
        match fields.billable_hours {
            Patch::Keep => {}
            Patch::Clear => self.billable_hours_given = false,
            Patch::Set(hours) => {
                self.billable_hours = Some(hours);
                self.billable_hours_given = true;
            }
        }
        text::optional_block(faults, "summary", fields.summary).apply(&mut self.summary);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
        text::replace_lines(faults, "technologies_used", fields.technologies_used, &mut self.technologies_used);
        fields.start_time.apply(&mut self.start_time);
        fields.end_time.apply(&mut self.end_time);
    }

    /// Takes on a status; completion ends the work now unless it has ended.
    fn enter(&mut self, status: SessionStatus, now: Timestamp, faults: &mut Faults) {
        let was_completed = self.status == SessionStatus::Completed;
        self.status = status;
        if status == SessionStatus::Completed && self.end_time.is_none() {
            if was_completed {
                faults.semantic("end_time", "completed", "must be set while the session is completed");
            } else {
                self.end_time = Some(now);
            }
        }
    }

    fn measure(&mut self, faults: &mut Faults) {
        self.duration_minutes = None;
        let (Some(start), Some(end)) = (self.start_time, self.end_time) else {
            return;
        };
        let worked = end.since(start);
        if worked < TimeDelta::zero() {
            faults.semantic("end_time", "after_start", "must not be before start_time");
        } else if worked > TimeDelta::days(LONGEST_DAYS) {
            faults.semantic("end_time", "max_duration", &format!("must be within {LONGEST_DAYS} days of start_time"));
        } else {
            self.duration_minutes = Some(worked.num_minutes());
        }
    }

    const fn inputs(&self) -> Inputs {
        (self.client_id, self.duration_minutes, self.is_billable, self.billable_hours_given)
    }

    /// The title in the form in which sessions are sorted by it.
    pub fn title_key(&self) -> String {
        text::fold(&self.session_title)
    }

    /// What `q` searches: title, summary, notes.
    pub fn search_key(&self) -> String {
        text::search_key([Some(self.session_title.as_str()), self.summary.as_deref(), self.notes.as_deref()])
    }
}

impl SessionDraft {
    fn apply(mut self, mut fields: SessionFields, mut faults: Faults, now: Timestamp) -> Result<Self> {
        let tags = fields.tags.take();
        self.tag_names = tags.and_then(|names| tag_names(&mut faults, "tags", &names));
        let status = fields.status.unwrap_or(self.session.status);
        self.session.apply(fields, &mut faults);
        self.session.enter(status, now, &mut faults);
        self.session.measure(&mut faults);
        faults.finish()?;
        Ok(self)
    }

    /// The session as far as it is known.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The names of the tags that the session is to bear; `None` leaves those that it has.
    pub fn tag_names(&self) -> Option<&[String]> {
        self.tag_names.as_deref()
    }

    /// Fits the session to its project: without a client it takes the project's, with another it is refused.
    pub fn place(&mut self, project: &Project) -> Result<()> {
        if self.session.client_id.is_none() && !self.clears_client {
            self.session.client_id = Some(project.client_id);
        }
        if self.session.client_id == Some(project.client_id) {
            return Ok(());
        }
        Err(Faults::one_semantic("project_id", "client", "must name a project of the session's client"))
    }

    /// The session that comes of it, with `tags` in place of its own if any are given. Hours that were not given are derived
    /// by `rule` when something they depend on has changed, so that a client's new rule leaves past work alone.
    pub fn finish(self, rule: BillingRule, tags: Option<&[Tag]>) -> Session {
        let mut session = self.session;
        if let Some(tags) = tags {
            session.tags = tags.iter().map(|tag| tag.id).collect();
        }
        if self.before != Some(session.inputs()) && !session.billable_hours_given {
            session.billable_hours = if session.is_billable {
                session.duration_minutes.map(|minutes| rule.hours(minutes))
            } else {
                Some(Hours::default())
            };
        }
        session
    }
}

#[cfg(test)]
mod tests;
