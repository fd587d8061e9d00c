//! Projects: what a client's work is gathered under.

use chrono::NaiveDate;
use claudetools_kernel::{
    Detail, Direction, Entity, Faults, Hours, Id, Keyed, Money, Patch, Result, SortField, SortKey, Timestamp,
    enumeration, text,
};
use uuid::Uuid;

use crate::{BillingRule, Client, Priority, slug};

enumeration! {
    /// How far a project has come.
    pub enum ProjectStatus {
        /// Not begun.
        Planned = "planned",
        /// Being worked on.
        Active = "active",
        /// Waiting.
        OnHold = "on_hold",
        /// Done.
        Completed = "completed",
        /// Given up.
        Cancelled = "cancelled",
    }
}

enumeration! {
    /// What projects can be sorted by.
    pub enum ProjectSort {
        /// By name, whatever its case.
        Name = "name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for ProjectSort {
    const DEFAULT: (Self, Direction) = (Self::Name, Direction::Ascending);
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: Id<Self>,
    /// Whom it is done for.
    pub client_id: Id<Client>,
    /// Unique among the client's projects, whatever the case.
    pub name: String,
    /// Its name for paths and file names, unique among the client's projects.
    pub slug: String,
    /// What kind of project it is, in the user's own words.
    pub category: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// How far it has come.
    pub status: ProjectStatus,
    /// How much it matters.
    pub priority: Priority,
    /// The day that work began.
    pub started_on: Option<NaiveDate>,
    /// The day by which it is to be done; not before `started_on`.
    pub due_date: Option<NaiveDate>,
    /// The day that it was done.
    pub completed_on: Option<NaiveDate>,
    /// How long it should take.
    pub estimated_hours: Option<Hours>,
    /// Price of an hour, instead of the client's.
    pub hourly_rate: Option<Money>,
    /// Anything else.
    pub notes: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Project {
    const TYPE: &'static str = "project";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// A project and what its client says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// The project.
    pub project: Project,
    /// The client's name.
    pub client_name: String,
    /// The rule by which the client is billed.
    pub rule: BillingRule,
}

impl ProjectRow {
    /// The project of this client.
    pub fn new(project: Project, client: &Client) -> Self {
        Self { project, client_name: client.name.clone(), rule: client.into() }
    }
}

/// What has been done for a project so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProjectTotals {
    /// How many sessions there were.
    pub sessions: u64,
    /// How many minutes they took together.
    pub minutes: i64,
}

/// A project with what has been done for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectDetail {
    /// The project and its client's name.
    pub row: ProjectRow,
    /// What has been done so far.
    pub totals: ProjectTotals,
}

impl Detail for ProjectDetail {
    type Of = Project;

    fn entity(&self) -> &Project {
        &self.row.project
    }
}

impl Keyed<ProjectSort> for ProjectRow {
    fn row_id(&self) -> Uuid {
        self.project.id.uuid()
    }

    fn sort_key(&self, field: ProjectSort) -> SortKey {
        match field {
            ProjectSort::Name => SortKey::Text(text::fold(&self.project.name)),
            ProjectSort::CreatedAt => self.project.created_at.into(),
            ProjectSort::UpdatedAt => self.project.updated_at.into(),
        }
    }
}

/// What a request says of a project: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Project")]
pub struct ProjectFields {
    pub client_id: Option<Id<Client>>,
    pub name: Option<String>,
    pub slug: Option<String>,
    pub category: Patch<String>,
    pub description: Patch<String>,
    pub status: Option<ProjectStatus>,
    pub priority: Option<Priority>,
    pub started_on: Patch<NaiveDate>,
    pub due_date: Patch<NaiveDate>,
    pub completed_on: Patch<NaiveDate>,
    pub estimated_hours: Patch<Hours>,
    pub hourly_rate: Patch<Money>,
    pub notes: Patch<String>,
}

impl Project {
    /// A new project; refused with every fault of `fields` at once. Without a slug given it has the one that its name
    /// suggests, which the service numbers where it is taken.
    pub fn new(id: Id<Self>, fields: ProjectFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[("client_id", fields.client_id.is_some()), ("name", fields.name.is_some())]);
        let mut project = Self {
            id,
            client_id: fields.client_id.unwrap_or(Id::new(Uuid::nil())),
            name: String::new(),
            slug: String::new(),
            category: None,
            description: None,
            status: ProjectStatus::Active,
            priority: Priority::Medium,
            started_on: None,
            due_date: None,
            completed_on: None,
            estimated_hours: None,
            hourly_rate: None,
            notes: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        project.apply(fields, now, &mut faults);
        faults.finish()?;
        if project.slug.is_empty() {
            project.slug = slug::from_name(&project.name, "project");
        }
        Ok(project)
    }

    /// The project with `fields` changed; refused with every fault at once. A new name leaves the slug as it is: others
    /// have written it down.
    pub fn change(mut self, fields: ProjectFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        self.apply(fields, now, &mut faults);
        faults.finish()?;
        self.updated_at = now;
        self.revision += 1;
        Ok(self)
    }

    fn apply(&mut self, fields: ProjectFields, now: Timestamp, faults: &mut Faults) {
        self.client_id = fields.client_id.unwrap_or(self.client_id);
        text::replace_line(faults, "name", fields.name, &mut self.name);
        if let Some(slug) = fields.slug.and_then(|slug| slug::given(faults, "slug", slug)) {
            self.slug = slug;
        }
        text::optional_line(faults, "category", fields.category).apply(&mut self.category);
        text::optional_block(faults, "description", fields.description).apply(&mut self.description);
        self.priority = fields.priority.unwrap_or(self.priority);
        fields.estimated_hours.apply(&mut self.estimated_hours);
        fields.hourly_rate.apply(&mut self.hourly_rate);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);

        let says_when = fields.started_on.value().is_some() || fields.completed_on.value().is_some();
        fields.started_on.apply(&mut self.started_on);
        fields.due_date.apply(&mut self.due_date);
        self.enter(fields.status.unwrap_or(self.status), now);
        fields.completed_on.apply(&mut self.completed_on);
        if is_before(self.due_date, self.started_on) {
            faults.semantic("due_date", "after_start", "must not lie before started_on");
        }
        // Not held against a day that was set by itself: a project may be completed before its announced start.
        if says_when && is_before(self.completed_on, self.started_on) {
            faults.semantic("completed_on", "after_start", "must not lie before started_on");
        }
    }

    /// Takes on a status; completion notes its day unless there is one, reopening forgets it.
    fn enter(&mut self, status: ProjectStatus, now: Timestamp) {
        let was_completed = self.status == ProjectStatus::Completed;
        let is_completed = status == ProjectStatus::Completed;
        if is_completed && !was_completed {
            self.completed_on.get_or_insert(now.date());
        } else if was_completed && !is_completed {
            self.completed_on = None;
        }
        self.status = status;
    }

    /// What `q` searches: name, slug, category, description, notes.
    pub fn search_key(&self) -> String {
        text::search_key([
            Some(self.name.as_str()),
            Some(self.slug.as_str()),
            self.category.as_deref(),
            self.description.as_deref(),
            self.notes.as_deref(),
        ])
    }
}

fn is_before(day: Option<NaiveDate>, other: Option<NaiveDate>) -> bool {
    matches!((day, other), (Some(day), Some(other)) if day < other)
}

/// Which projects to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Project")]
pub struct ProjectFilter {
    pub client_id: Option<Id<Client>>,
    pub status: Option<ProjectStatus>,
    /// Substring of [`Project::search_key`].
    pub q: Option<String>,
}

impl ProjectFilter {
    /// Whether `project` is to be listed.
    pub fn admits(&self, project: &Project) -> bool {
        self.client_id.is_none_or(|wanted| wanted == project.client_id)
            && self.status.is_none_or(|wanted| wanted == project.status)
            && self.q.as_deref().is_none_or(|q| project.search_key().contains(&text::fold(q)))
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Error;

    use super::*;

    /// 2026-01-16 in UTC.
    fn now() -> Timestamp {
        Timestamp::parse("2026-01-16T23:59:59Z").unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn project(fields: ProjectFields) -> Result<Project> {
        let client = Id::new(Uuid::from_u128(7));
        Project::new(Id::new(Uuid::from_u128(1)), ProjectFields { client_id: Some(client), ..fields }, now())
    }

    fn named() -> ProjectFields {
        ProjectFields { name: Some("Office Move".to_owned()), ..ProjectFields::default() }
    }

    fn to(status: ProjectStatus) -> ProjectFields {
        ProjectFields { status: Some(status), ..ProjectFields::default() }
    }

    #[test]
    fn a_project_starts_active_of_medium_priority_with_a_slug_of_its_name() {
        let project = project(named()).unwrap();
        assert_eq!((project.status, project.priority), (ProjectStatus::Active, Priority::Medium));
        assert_eq!(project.slug, "office-move");
        let renamed = project.change(ProjectFields { name: Some("New".to_owned()), ..ProjectFields::default() }, now());
        assert_eq!(renamed.unwrap().slug, "office-move", "a new name leaves the slug");
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let fields = ProjectFields { slug: Some("No Slug".to_owned()), ..ProjectFields::default() };
        let Err(Error::Invalid(faults)) = Project::new(Id::new(Uuid::nil()), fields, now()) else { panic!("refused") };
        let fields: Vec<&str> = faults.list().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["client_id", "name", "slug"]);
    }

    #[test]
    fn completion_notes_its_day_unless_one_is_given_and_reopening_forgets_it() {
        let done = project(named()).unwrap().change(to(ProjectStatus::Completed), now()).unwrap();
        assert_eq!(done.completed_on, Some(day("2026-01-16")));
        assert_eq!(done.change(to(ProjectStatus::Active), now()).unwrap().completed_on, None);

        let told = ProjectFields { completed_on: Patch::Set(day("2026-01-10")), ..to(ProjectStatus::Completed) };
        let done = project(named()).unwrap().change(told, now()).unwrap();
        assert_eq!(done.completed_on, Some(day("2026-01-10")));
        let again = done.change(to(ProjectStatus::Completed), now()).unwrap();
        assert_eq!(again.completed_on, Some(day("2026-01-10")), "completing what is completed changes nothing");
    }

    #[test]
    fn neither_the_due_day_nor_the_day_of_completion_lies_before_the_start() {
        let dates = ProjectFields {
            started_on: Patch::Set(day("2026-02-02")),
            due_date: Patch::Set(day("2026-02-01")),
            completed_on: Patch::Set(day("2026-02-01")),
            ..named()
        };
        let Err(Error::Invalid(faults)) = project(dates) else { panic!("refused") };
        assert!(faults.list().iter().all(|fault| fault.semantic), "422, not 400");
        assert_eq!(faults.list().len(), 2);

        let early = project(ProjectFields { started_on: Patch::Set(day("2026-02-02")), ..named() }).unwrap();
        assert!(early.change(to(ProjectStatus::Completed), now()).is_ok(), "done before its announced start");
    }
}
