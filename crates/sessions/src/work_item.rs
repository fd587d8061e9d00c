//! Work items: the single things done or to be done in a session.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use claudetools_kernel::{
    Detail, Direction, Entity, Faults, Id, Keyed, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use o2o::o2o;
use uuid::Uuid;

use crate::{Client, Priority, Session, Tag, session_filter::check_days, tag::tag_names};

/// The most minutes that a work item can take.
const MOST_MINUTES: i32 = 100_000;

enumeration! {
    /// What kind of work it is.
    pub enum WorkItemCategory {
        /// Servers, networks, services.
        Infrastructure = "infrastructure",
        /// Finding out what is wrong.
        Troubleshooting = "troubleshooting",
        /// Setting something up.
        Configuration = "configuration",
        /// Writing software.
        Development = "development",
        /// Keeping something going.
        Maintenance = "maintenance",
        /// Keeping something safe.
        Security = "security",
        /// Writing things down.
        Documentation = "documentation",
        /// Anything else.
        Other = "other",
    }
}

enumeration! {
    /// How far a work item has come.
    pub enum WorkItemStatus {
        /// Not begun.
        Pending = "pending",
        /// Being worked on.
        InProgress = "in_progress",
        /// Done.
        Completed = "completed",
        /// Held up.
        Blocked = "blocked",
        /// Put off.
        Deferred = "deferred",
    }
}

enumeration! {
    /// What work items can be sorted by.
    pub enum WorkItemSort {
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
        /// By title, whatever its case.
        Title = "title",
    }
}

impl SortField for WorkItemSort {
    const DEFAULT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);
}

/// A work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// Its id.
    pub id: Id<Self>,
    /// The session that it belongs to.
    pub session_id: Id<Session>,
    /// The session's client.
    pub client_id: Option<Id<Client>>,
    /// The session's day.
    pub session_date: NaiveDate,
    /// What kind of work it is.
    pub category: WorkItemCategory,
    /// What is done, in one line.
    pub title: String,
    /// What is done, at length.
    pub description: Option<String>,
    /// How far it has come.
    pub status: WorkItemStatus,
    /// How much it matters.
    pub priority: Priority,
    /// Whether it is billed.
    pub is_billable: bool,
    /// How long it should take.
    pub estimated_minutes: Option<i32>,
    /// How long it took.
    pub actual_minutes: Option<i32>,
    /// What it was done to.
    pub affected_systems: Vec<String>,
    /// What it was done with.
    pub technologies_used: Vec<String>,
    /// What it is found by.
    pub tags: BTreeSet<Id<Tag>>,
    /// When it was completed; empty unless it is.
    pub completed_at: Option<Timestamp>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for WorkItem {
    const TYPE: &'static str = "work_item";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// What a request says of a work item: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at WorkItem")]
pub struct WorkItemFields {
    pub session_id: Option<Id<Session>>,
    pub category: Option<WorkItemCategory>,
    pub title: Option<String>,
    pub description: Patch<String>,
    pub status: Option<WorkItemStatus>,
    pub priority: Option<Priority>,
    pub is_billable: Option<bool>,
    pub estimated_minutes: Patch<i32>,
    pub actual_minutes: Patch<i32>,
    pub affected_systems: Option<Vec<String>>,
    pub technologies_used: Option<Vec<String>>,
    /// Names of tags.
    pub tags: Option<Vec<String>>,
}

/// A work item whose fields fit, before what they refer to has been looked up.
#[derive(Debug)]
pub struct WorkItemDraft {
    item: WorkItem,
    tag_names: Option<Vec<String>>,
}

impl WorkItem {
    /// A new work item; refused with every fault of `fields` at once.
    pub fn draft(id: Id<Self>, fields: WorkItemFields, now: Timestamp) -> Result<WorkItemDraft> {
        let mut faults = Faults::default();
        faults.require_all(&[
            ("session_id", fields.session_id.is_some()),
            ("category", fields.category.is_some()),
            ("title", fields.title.is_some()),
        ]);
        let item = Self {
            id,
            session_id: fields.session_id.unwrap_or(Id::new(Uuid::nil())),
            client_id: None,
            session_date: NaiveDate::default(),
            category: WorkItemCategory::Other,
            title: String::new(),
            description: None,
            status: WorkItemStatus::Pending,
            priority: Priority::Medium,
            is_billable: true,
            estimated_minutes: None,
            actual_minutes: None,
            affected_systems: Vec::new(),
            technologies_used: Vec::new(),
            tags: BTreeSet::new(),
            completed_at: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        item.apply(fields, faults, now)
    }

    /// The work item with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: WorkItemFields, now: Timestamp) -> Result<WorkItemDraft> {
        self.updated_at = now;
        self.revision += 1;
        self.apply(fields, Faults::default(), now)
    }

    fn apply(mut self, fields: WorkItemFields, mut faults: Faults, now: Timestamp) -> Result<WorkItemDraft> {
        let noted = &mut faults;
        self.session_id = fields.session_id.unwrap_or(self.session_id);
        self.category = fields.category.unwrap_or(self.category);
        text::replace_line(noted, "title", fields.title, &mut self.title);
        text::optional_block(noted, "description", fields.description).apply(&mut self.description);
        self.enter(fields.status.unwrap_or(self.status), now);
        self.priority = fields.priority.unwrap_or(self.priority);
        self.is_billable = fields.is_billable.unwrap_or(self.is_billable);
        minutes(noted, "estimated_minutes", fields.estimated_minutes).apply(&mut self.estimated_minutes);
        minutes(noted, "actual_minutes", fields.actual_minutes).apply(&mut self.actual_minutes);
        text::replace_lines(noted, "affected_systems", fields.affected_systems, &mut self.affected_systems);
        text::replace_lines(noted, "technologies_used", fields.technologies_used, &mut self.technologies_used);
        let tag_names = fields.tags.and_then(|names| tag_names(noted, "tags", &names));
        faults.finish()?;
        Ok(WorkItemDraft { item: self, tag_names })
    }

    /// Takes on a status; completion notes when, reopening forgets it.
    fn enter(&mut self, status: WorkItemStatus, now: Timestamp) {
        self.status = status;
        self.completed_at = (status == WorkItemStatus::Completed).then(|| self.completed_at.unwrap_or(now));
    }

    /// The title in the form in which work items are sorted by it.
    pub fn title_key(&self) -> String {
        text::fold(&self.title)
    }

    /// What `q` searches: title, description, affected systems.
    pub fn search_key(&self) -> String {
        let systems = self.affected_systems.iter().map(|system| Some(system.as_str()));
        text::search_key([Some(self.title.as_str()), self.description.as_deref()].into_iter().chain(systems))
    }
}

fn minutes(faults: &mut Faults, field: &str, given: Patch<i32>) -> Patch<i32> {
    given.and_then(|minutes| {
        let fits = (0..=MOST_MINUTES).contains(&minutes);
        if !fits {
            faults.schema(field, "range", &format!("must be from 0 to {MOST_MINUTES}"));
        }
        fits.then_some(minutes)
    })
}

impl WorkItemDraft {
    /// The session that the work item is to belong to.
    pub const fn session_id(&self) -> Id<Session> {
        self.item.session_id
    }

    /// The names of the tags that the work item is to bear; `None` leaves those that it has.
    pub fn tag_names(&self) -> Option<&[String]> {
        self.tag_names.as_deref()
    }

    /// The work item that comes of it, in `session`, with `tags` in place of its own if any are given.
    pub fn finish(self, session: &Session, tags: Option<&[Tag]>) -> WorkItem {
        let mut item = self.item;
        item.session_id = session.id;
        item.client_id = session.client_id;
        item.session_date = session.session_date;
        if let Some(tags) = tags {
            item.tags = tags.iter().map(|tag| tag.id).collect();
        }
        item
    }
}

/// A work item as lists show it: less its texts at length and its lists.
#[derive(Debug, Clone, PartialEq, Eq, o2o)]
#[from_ref(WorkItem)]
#[expect(missing_docs, reason = "each field is described at WorkItem")]
pub struct WorkItemRow {
    #[o2o(repeat)]
    #[from(~.clone())]
    pub id: Id<WorkItem>,
    pub session_id: Id<Session>,
    /// The session's title.
    #[ghost({String::new()})]
    pub session_title: String,
    pub session_date: NaiveDate,
    pub client_id: Option<Id<Client>>,
    /// The client's name.
    #[ghost({None})]
    pub client_name: Option<String>,
    pub category: WorkItemCategory,
    pub title: String,
    pub status: WorkItemStatus,
    pub priority: Priority,
    pub is_billable: bool,
    pub estimated_minutes: Option<i32>,
    pub actual_minutes: Option<i32>,
    pub completed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl WorkItemRow {
    /// The row of `item`, whose session has this title and whose client this name.
    pub fn new(item: &WorkItem, session_title: String, client_name: Option<String>) -> Self {
        Self { session_title, client_name, ..Self::from(item) }
    }
}

impl Keyed<WorkItemSort> for WorkItemRow {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: WorkItemSort) -> SortKey {
        match field {
            WorkItemSort::CreatedAt => self.created_at.into(),
            WorkItemSort::UpdatedAt => self.updated_at.into(),
            WorkItemSort::Title => SortKey::Text(text::fold(&self.title)),
        }
    }
}

/// A work item with the names of what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItemDetail {
    /// The work item.
    pub item: WorkItem,
    /// The session's title.
    pub session_title: String,
    /// The client's name.
    pub client_name: Option<String>,
    /// The names of its tags, in their order.
    pub tags: Vec<String>,
}

impl Detail for WorkItemDetail {
    type Of = WorkItem;

    fn entity(&self) -> &WorkItem {
        &self.item
    }
}

/// Which work items to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at WorkItem")]
pub struct WorkItemFilter {
    pub session_id: Option<Id<Session>>,
    pub client_id: Option<Id<Client>>,
    pub category: Option<WorkItemCategory>,
    pub status: Option<WorkItemStatus>,
    pub priority: Option<Priority>,
    pub is_billable: Option<bool>,
    /// The first day of sessions whose work items to list.
    pub date_from: Option<NaiveDate>,
    /// The last day of sessions whose work items to list.
    pub date_to: Option<NaiveDate>,
    /// Substring of [`WorkItem::search_key`].
    pub q: Option<String>,
}

impl WorkItemFilter {
    /// Refuses a range of days that ends before it begins.
    pub fn check(&self) -> Result<()> {
        check_days(self.date_from, self.date_to)
    }

    /// Whether `item` is to be listed.
    pub fn admits(&self, item: &WorkItem) -> bool {
        self.session_id.is_none_or(|wanted| wanted == item.session_id)
            && self.client_id.is_none_or(|wanted| Some(wanted) == item.client_id)
            && self.category.is_none_or(|wanted| wanted == item.category)
            && self.status.is_none_or(|wanted| wanted == item.status)
            && self.priority.is_none_or(|wanted| wanted == item.priority)
            && self.is_billable.is_none_or(|wanted| wanted == item.is_billable)
            && self.date_from.is_none_or(|first| first <= item.session_date)
            && self.date_to.is_none_or(|last| item.session_date <= last)
            && self.q.as_deref().is_none_or(|q| item.search_key().contains(&text::fold(q)))
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Error;

    use super::*;

    fn now(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn least() -> WorkItemFields {
        WorkItemFields {
            session_id: Some(Id::new(Uuid::from_u128(2))),
            category: Some(WorkItemCategory::Other),
            title: Some("Label cables".to_owned()),
            ..WorkItemFields::default()
        }
    }

    fn draft(fields: WorkItemFields) -> Result<WorkItemDraft> {
        WorkItem::draft(Id::new(Uuid::from_u128(1)), fields, now(1))
    }

    fn to(status: WorkItemStatus) -> WorkItemFields {
        WorkItemFields { status: Some(status), ..WorkItemFields::default() }
    }

    #[test]
    fn a_work_item_starts_pending_billable_and_of_medium_priority() {
        let item = draft(least()).unwrap().item;
        let expected = (WorkItemStatus::Pending, Priority::Medium, true, None);
        assert_eq!((item.status, item.priority, item.is_billable, item.completed_at), expected);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let fields = WorkItemFields {
            title: None,
            estimated_minutes: Patch::Set(-1),
            actual_minutes: Patch::Set(MOST_MINUTES + 1),
            tags: Some(vec!["x".repeat(101)]),
            ..least()
        };
        let Err(Error::Invalid(faults)) = draft(fields) else { panic!("refused") };
        let fields: Vec<&str> = faults.list().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["title", "estimated_minutes", "actual_minutes", "tags[0]"]);
    }

    #[test]
    fn completion_notes_when_and_reopening_forgets_it() {
        let done = draft(least()).unwrap().item.change(to(WorkItemStatus::Completed), now(5)).unwrap().item;
        assert_eq!(done.completed_at, Some(now(5)));
        let again = done.change(to(WorkItemStatus::Completed), now(9)).unwrap().item;
        assert_eq!(again.completed_at, Some(now(5)), "completing what is completed changes nothing");
        assert_eq!(again.change(to(WorkItemStatus::Blocked), now(9)).unwrap().item.completed_at, None);
    }
}
