//! Sessions: pieces of work, with their time and what is billed for it.

use std::collections::{BTreeSet, HashSet};

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
        if let Some(title) = fields.session_title.and_then(|title| text::line(faults, "session_title", &title, text::LINE)) {
            self.session_title = title;
        }
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
        let used = fields.technologies_used.and_then(|used| text::lines(faults, "technologies_used", &used));
        if let Some(used) = used {
            self.technologies_used = used;
        }
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
        let (Some(start), Some(end)) = (self.start_time, self.end_time) else { return };
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

/// Which sessions to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Session")]
pub struct SessionFilter {
    pub client_id: Option<Id<Client>>,
    pub project_id: Option<Id<Project>>,
    pub machine_id: Option<Id<Machine>>,
    /// Substring of the technician.
    pub technician: Option<String>,
    /// The first day to list.
    pub date_from: Option<NaiveDate>,
    /// The last day to list.
    pub date_to: Option<NaiveDate>,
    pub is_billable: Option<bool>,
    pub status: Option<SessionStatus>,
    /// The name of a tag, whatever its case.
    pub tag: Option<String>,
    /// One of the technologies used, whatever its case.
    pub technology: Option<String>,
    /// Substring of [`Session::search_key`].
    pub q: Option<String>,
}

impl SessionFilter {
    /// Refuses a range of days that ends before it begins.
    pub fn check(&self) -> Result<()> {
        check_days(self.date_from, self.date_to)
    }

    /// Whether `session`, which bears tags of the names in `tags`, is to be listed.
    pub fn admits(&self, session: &Session, tags: &HashSet<String>) -> bool {
        let technician = session.technician.as_deref().map(text::fold);
        self.client_id.is_none_or(|wanted| Some(wanted) == session.client_id)
            && self.project_id.is_none_or(|wanted| Some(wanted) == session.project_id)
            && self.machine_id.is_none_or(|wanted| Some(wanted) == session.machine_id)
            && self.technician.as_deref().is_none_or(|part| technician.is_some_and(|name| name.contains(&text::fold(part))))
            && self.date_from.is_none_or(|first| first <= session.session_date)
            && self.date_to.is_none_or(|last| session.session_date <= last)
            && self.is_billable.is_none_or(|wanted| wanted == session.is_billable)
            && self.status.is_none_or(|wanted| wanted == session.status)
            && self.tag.as_deref().is_none_or(|tag| tags.contains(&text::fold(tag.trim())))
            && self.technology.as_deref().is_none_or(|wanted| {
                session.technologies_used.iter().any(|used| text::fold(used) == text::fold(wanted.trim()))
            })
            && self.q.as_deref().is_none_or(|q| session.search_key().contains(&text::fold(q)))
    }
}

/// Refuses a range of days that ends before it begins.
pub(crate) fn check_days(first: Option<NaiveDate>, last: Option<NaiveDate>) -> Result<()> {
    match (first, last) {
        (Some(first), Some(last)) if first > last => {
            Err(Faults::one_semantic("date_to", "after_date_from", "must not be before date_from"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Error;
    use uuid::Uuid;

    use super::*;
    use crate::ProjectFields;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(&format!("2026-01-16T{text}:00Z")).unwrap()
    }

    fn least() -> SessionFields {
        let (title, day) = (Some("Printers".to_owned()), "2026-01-16".parse().ok());
        SessionFields { session_title: title, session_date: day, ..SessionFields::default() }
    }

    fn worked(from: &str, to: &str) -> SessionFields {
        SessionFields { start_time: Patch::Set(at(from)), end_time: Patch::Set(at(to)), ..least() }
    }

    fn draft(fields: SessionFields) -> Result<SessionDraft> {
        Session::draft(Id::new(Uuid::from_u128(1)), fields, "jo@example.com", at("12:00"))
    }

    fn session(fields: SessionFields) -> Session {
        draft(fields).unwrap().finish(BillingRule::default(), None)
    }

    fn change(session: &Session, fields: SessionFields) -> Result<Session> {
        let draft = session.clone().change(fields, at("18:00"))?;
        Ok(draft.finish(BillingRule::default(), None))
    }

    fn to(status: SessionStatus) -> SessionFields {
        SessionFields { status: Some(status), ..SessionFields::default() }
    }

    fn faults<T: std::fmt::Debug>(refused: Result<T>) -> Vec<(String, bool)> {
        let Err(Error::Invalid(faults)) = refused else { panic!("not refused: {refused:?}") };
        faults.list().iter().map(|fault| (fault.field.clone(), fault.semantic)).collect()
    }

    #[test]
    fn a_session_is_billable_work_in_progress_of_the_caller_unless_told_otherwise() {
        let session = session(least());
        assert_eq!((session.status, session.is_billable), (SessionStatus::InProgress, true));
        assert_eq!(session.technician.as_deref(), Some("jo@example.com"));
        assert_eq!((session.duration_minutes, session.billable_hours), (None, None), "no end, no hours");
        let nobody = SessionFields { technician: Patch::Clear, ..least() };
        assert_eq!(self::session(nobody).technician, None);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let fields = SessionFields { tags: Some(vec![String::new()]), ..worked("12:00", "11:00") };
        let fields = SessionFields { session_title: None, summary: Patch::Set("\0".to_owned()), ..fields };
        let named = faults(draft(fields));
        let named: Vec<(&str, bool)> = named.iter().map(|(field, semantic)| (field.as_str(), *semantic)).collect();
        assert_eq!(named, [("session_title", false), ("tags[0]", false), ("summary", false), ("end_time", true)]);
    }

    #[test]
    fn minutes_are_whole_and_hours_follow_the_rule_of_the_client() {
        let fields = SessionFields { end_time: Patch::Set(at("10:50").plus(TimeDelta::seconds(59))), ..worked("09:00", "10:00") };
        let rule = BillingRule { increment_minutes: 60, ..BillingRule::default() };
        let session = draft(fields).unwrap().finish(rule, None);
        assert_eq!((session.duration_minutes, session.billable_hours), (Some(110), Some(Hours::from_hundredths(200))));
    }

    #[test]
    fn hours_given_stay_until_they_are_cleared() {
        let given = SessionFields { billable_hours: Patch::Set(Hours::from_hundredths(42)), ..worked("09:00", "10:00") };
        let given = session(given);
        let longer = SessionFields { end_time: Patch::Set(at("11:00")), ..SessionFields::default() };
        let longer = change(&given, longer).unwrap();
        assert_eq!(longer.billable_hours, Some(Hours::from_hundredths(42)));
        let cleared = SessionFields { billable_hours: Patch::Clear, ..SessionFields::default() };
        assert_eq!(change(&longer, cleared).unwrap().billable_hours, Some(Hours::from_hundredths(200)));
    }

    #[test]
    fn work_that_is_not_billable_has_no_hours_to_bill() {
        let session = session(worked("09:00", "10:00"));
        let free = SessionFields { is_billable: Some(false), ..SessionFields::default() };
        assert_eq!(change(&session, free).unwrap().billable_hours, Some(Hours::default()));
    }

    #[test]
    fn a_new_rule_of_the_client_leaves_past_hours_alone() {
        let session = session(worked("09:00", "10:10"));
        let rule = BillingRule { increment_minutes: 60, ..BillingRule::default() };
        let noted = SessionFields { notes: Patch::Set("x".to_owned()), ..SessionFields::default() };
        let noted = session.clone().change(noted, at("18:00")).unwrap().finish(rule, None);
        assert_eq!(noted.billable_hours, session.billable_hours);
    }

    #[test]
    fn completion_ends_the_work_now_unless_it_has_ended() {
        let open = session(SessionFields { start_time: Patch::Set(at("09:00")), ..least() });
        let done = change(&open, to(SessionStatus::Completed)).unwrap();
        assert_eq!((done.end_time, done.duration_minutes), (Some(at("18:00")), Some(540)));
        let ended = session(SessionFields { status: Some(SessionStatus::Completed), ..worked("09:00", "10:00") });
        assert_eq!(ended.end_time, Some(at("10:00")));

        let later = session(SessionFields { start_time: Patch::Set(at("19:00")), ..least() });
        assert_eq!(faults(change(&later, to(SessionStatus::Completed))), [("end_time".to_owned(), true)]);
        let endless = SessionFields { end_time: Patch::Clear, ..SessionFields::default() };
        assert_eq!(faults(change(&done, endless)), [("end_time".to_owned(), true)], "while it is completed");
    }

    #[test]
    fn an_end_a_year_and_more_after_the_start_is_refused() {
        let late = SessionFields { end_time: Patch::Set(at("09:01").plus(TimeDelta::days(366))), ..worked("09:00", "10:00") };
        assert_eq!(faults(draft(late)), [("end_time".to_owned(), true)]);
    }

    #[test]
    fn the_client_is_the_projects_unless_another_is_named() {
        let acme = Id::new(Uuid::from_u128(7));
        let fields = ProjectFields { client_id: Some(acme), name: Some("Move".to_owned()), ..ProjectFields::default() };
        let project = Project::new(Id::new(Uuid::from_u128(2)), fields, at("08:00")).unwrap();
        let place = |client_id| {
            let mut draft = draft(SessionFields { client_id, project_id: Patch::Set(project.id), ..least() }).unwrap();
            draft.place(&project).map(|()| draft)
        };
        let session = place(Patch::Keep).unwrap().finish(BillingRule::default(), None);
        assert_eq!(session.client_id, Some(acme));
        assert_eq!(faults(place(Patch::Set(Id::new(Uuid::from_u128(8))))), [("project_id".to_owned(), true)]);

        let cleared = SessionFields { client_id: Patch::Clear, ..SessionFields::default() };
        let mut draft = session.change(cleared, at("18:00")).unwrap();
        assert!(draft.place(&project).is_err(), "a session cannot drop its client and keep the project");
    }

    #[test]
    fn a_range_of_days_that_ends_before_it_begins_is_refused() {
        let (first, last) = ("2026-02-02".parse().ok(), "2026-02-01".parse().ok());
        let filter = SessionFilter { date_from: first, date_to: last, ..SessionFilter::default() };
        assert_eq!(faults(filter.check()), [("date_to".to_owned(), true)]);
    }
}
