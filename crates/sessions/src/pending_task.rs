//! Pending tasks: what is still to be done, and what it waits for.

use std::{cmp::Reverse, collections::BTreeSet};

use chrono::NaiveDate;
use claudetools_kernel::{
    Detail, Direction, Entity, Faults, Id, Keyed, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use crate::{Client, Priority, Project, WorkItem};

enumeration! {
    /// How far a task has come.
    pub enum TaskStatus {
        /// Not begun.
        Pending = "pending",
        /// Being worked on.
        InProgress = "in_progress",
        /// Held up.
        Blocked = "blocked",
        /// Done.
        Completed = "completed",
        /// Given up.
        Cancelled = "cancelled",
    }
}

impl TaskStatus {
    /// The statuses of tasks that need no more work.
    pub const CLOSED: [Self; 2] = [Self::Completed, Self::Cancelled];

    /// Whether there is still something to do.
    pub fn is_open(self) -> bool {
        !Self::CLOSED.contains(&self)
    }
}

enumeration! {
    /// What tasks can be sorted by.
    pub enum TaskSort {
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
        /// By title, whatever its case.
        Title = "title",
    }
}

impl SortField for TaskSort {
    const DEFAULT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);
}

/// A pending task. The tasks that it depends on are kept beside it: see [`PendingTaskDetail`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTask {
    /// Its id.
    pub id: Id<Self>,
    /// Whom it is for.
    pub client_id: Option<Id<Client>>,
    /// What it belongs to; a project of the client.
    pub project_id: Option<Id<Project>>,
    /// The work item that it came out of.
    pub work_item_id: Option<Id<WorkItem>>,
    /// The task that it is a part of.
    pub parent_task_id: Option<Id<Self>>,
    /// What is to be done, in one line.
    pub title: String,
    /// What is to be done, at length.
    pub description: Option<String>,
    /// How much it matters.
    pub priority: Priority,
    /// How far it has come.
    pub status: TaskStatus,
    /// What holds it up, in words.
    pub blocked_by: Option<String>,
    /// Who is to do it.
    pub assigned_to: Option<String>,
    /// The day by which it is to be done.
    pub due_date: Option<NaiveDate>,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for PendingTask {
    const TYPE: &'static str = "pending_task";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// A task as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTaskRow {
    /// The task.
    pub task: PendingTask,
    /// The client's name.
    pub client_name: Option<String>,
    /// The project's name.
    pub project_name: Option<String>,
}

/// A task with what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTaskDetail {
    /// The task and the names of what it refers to.
    pub row: PendingTaskRow,
    /// The tasks to be done before it, in the order of their ids.
    pub depends_on: Vec<Id<PendingTask>>,
}

impl Detail for PendingTaskDetail {
    type Of = PendingTask;

    fn entity(&self) -> &PendingTask {
        &self.row.task
    }
}

impl Keyed<TaskSort> for PendingTaskRow {
    fn row_id(&self) -> Uuid {
        self.task.id.uuid()
    }

    fn sort_key(&self, field: TaskSort) -> SortKey {
        match field {
            TaskSort::CreatedAt => self.task.created_at.into(),
            TaskSort::UpdatedAt => self.task.updated_at.into(),
            TaskSort::Title => SortKey::Text(text::fold(&self.task.title)),
        }
    }
}

/// What a request says of a task: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at PendingTask")]
pub struct PendingTaskFields {
    pub client_id: Patch<Id<Client>>,
    pub project_id: Patch<Id<Project>>,
    pub work_item_id: Patch<Id<WorkItem>>,
    pub parent_task_id: Patch<Id<PendingTask>>,
    pub title: Option<String>,
    pub description: Patch<String>,
    pub priority: Option<Priority>,
    pub status: Option<TaskStatus>,
    pub blocked_by: Patch<String>,
    /// The tasks to be done before this one, all of them.
    pub depends_on: Option<Vec<Id<PendingTask>>>,
    pub assigned_to: Patch<String>,
    pub due_date: Patch<NaiveDate>,
}

/// A task whose fields fit, before what they refer to has been looked up.
#[derive(Debug)]
pub struct PendingTaskDraft {
    /// The task as it will be.
    pub(crate) task: PendingTask,
    /// The tasks that it is to depend on; `None` leaves those that it does.
    pub(crate) depends_on: Option<Vec<Id<PendingTask>>>,
    clears_client: bool,
}

impl PendingTask {
    /// A new task; refused with every fault of `fields` at once.
    pub fn draft(id: Id<Self>, fields: PendingTaskFields, now: Timestamp) -> Result<PendingTaskDraft> {
        let mut faults = Faults::default();
        faults.require_all(&[("title", fields.title.is_some())]);
        let task = Self {
            id,
            client_id: None,
            project_id: None,
            work_item_id: None,
            parent_task_id: None,
            title: String::new(),
            description: None,
            priority: Priority::Medium,
            status: TaskStatus::Pending,
            blocked_by: None,
            assigned_to: None,
            due_date: None,
            completed_at: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        let draft = task.apply(fields, now, &mut faults);
        faults.finish()?;
        Ok(draft)
    }

    /// The task with `fields` changed; refused with every fault at once.
    pub fn change(self, fields: PendingTaskFields, now: Timestamp) -> Result<PendingTaskDraft> {
        let mut faults = Faults::default();
        let mut draft = self.apply(fields, now, &mut faults);
        faults.finish()?;
        draft.task.updated_at = now;
        draft.task.revision += 1;
        Ok(draft)
    }

    fn apply(mut self, fields: PendingTaskFields, now: Timestamp, faults: &mut Faults) -> PendingTaskDraft {
        let clears_client = fields.client_id == Patch::Clear;
        fields.client_id.apply(&mut self.client_id);
        fields.project_id.apply(&mut self.project_id);
        fields.work_item_id.apply(&mut self.work_item_id);
        fields.parent_task_id.apply(&mut self.parent_task_id);
        text::replace_line(faults, "title", fields.title, &mut self.title);
        text::optional_block(faults, "description", fields.description).apply(&mut self.description);
        self.priority = fields.priority.unwrap_or(self.priority);
        self.enter(fields.status.unwrap_or(self.status), now);
        text::optional_block(faults, "blocked_by", fields.blocked_by).apply(&mut self.blocked_by);
        text::optional_line(faults, "assigned_to", fields.assigned_to).apply(&mut self.assigned_to);
        fields.due_date.apply(&mut self.due_date);
        let depends_on = fields.depends_on.map(|ids| {
            if ids.len() > text::ENTRIES {
                faults.schema("depends_on", "max_items", &format!("must have at most {} entries", text::ENTRIES));
            }
            ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
        });
        PendingTaskDraft { task: self, depends_on, clears_client }
    }

    /// Takes on a status; completion notes its instant, reopening forgets it.
    fn enter(&mut self, status: TaskStatus, now: Timestamp) {
        if status != TaskStatus::Completed {
            self.completed_at = None;
        } else if self.status != TaskStatus::Completed {
            self.completed_at = Some(now);
        }
        self.status = status;
    }

    /// Whether the task should have been done before `today`.
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.status.is_open() && self.due_date.is_some_and(|due| due < today)
    }

    /// What open tasks are ordered by, the most urgent first: overdue, priority, day due (none comes last), id.
    pub fn urgency(&self, today: NaiveDate) -> impl Ord + use<> {
        let due = (self.due_date.is_none(), self.due_date);
        (!self.is_overdue(today), Reverse(self.priority), due, self.id)
    }
}

impl PendingTaskDraft {
    /// Fits the task to its project: without a client it takes the project's, with another it is refused.
    pub fn place(&mut self, project: &Project) -> Result<()> {
        if self.task.client_id.is_none() && !self.clears_client {
            self.task.client_id = Some(project.client_id);
        }
        if self.task.client_id == Some(project.client_id) {
            return Ok(());
        }
        Err(Faults::one_semantic("project_id", "client", "must name a project of the task's client"))
    }

    /// The task that comes of it, and the tasks that it is to depend on, if those were named.
    pub fn finish(self) -> (PendingTask, Option<Vec<Id<PendingTask>>>) {
        (self.task, self.depends_on)
    }
}

/// Which tasks to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at PendingTask")]
pub struct PendingTaskFilter {
    pub client_id: Option<Id<Client>>,
    pub project_id: Option<Id<Project>>,
    pub priority: Option<Priority>,
    pub status: Option<TaskStatus>,
    /// Substring of [`PendingTask::assigned_to`], whatever the case.
    pub assigned_to: Option<String>,
    /// Due on a day before this one; tasks without a day due are left out.
    pub due_before: Option<NaiveDate>,
    /// As [`PendingTask::is_overdue`] says.
    pub overdue: Option<bool>,
}

impl PendingTaskFilter {
    /// Whether `task` is to be listed on this day.
    pub fn admits(&self, task: &PendingTask, today: NaiveDate) -> bool {
        let assigned = || task.assigned_to.as_deref().map(text::fold).unwrap_or_default();
        self.client_id.is_none_or(|wanted| Some(wanted) == task.client_id)
            && self.project_id.is_none_or(|wanted| Some(wanted) == task.project_id)
            && self.priority.is_none_or(|wanted| wanted == task.priority)
            && self.status.is_none_or(|wanted| wanted == task.status)
            && self
                .assigned_to
                .as_deref()
                .is_none_or(|part| task.assigned_to.is_some() && assigned().contains(&text::fold(part)))
            && self.due_before.is_none_or(|day| task.due_date.is_some_and(|due| due < day))
            && self.overdue.is_none_or(|wanted| wanted == task.is_overdue(today))
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Error;

    use super::*;
    use crate::ProjectFields;

    /// 2026-01-16 in UTC.
    fn now() -> Timestamp {
        Timestamp::parse("2026-01-16T12:00:00Z").unwrap()
    }

    fn id<K>(n: u128) -> Id<K> {
        Id::new(Uuid::from_u128(n))
    }

    fn titled() -> PendingTaskFields {
        PendingTaskFields { title: Some("Order switches".to_owned()), ..PendingTaskFields::default() }
    }

    fn draft(fields: PendingTaskFields) -> PendingTaskDraft {
        PendingTask::draft(id(1), fields, now()).unwrap()
    }

    fn to(status: TaskStatus) -> PendingTaskFields {
        PendingTaskFields { status: Some(status), ..PendingTaskFields::default() }
    }

    fn project_of(client: u128) -> Project {
        let fields =
            ProjectFields { client_id: Some(id(client)), name: Some("Move".to_owned()), ..ProjectFields::default() };
        Project::new(id(9), fields, now()).unwrap()
    }

    #[test]
    fn completion_notes_its_instant_and_reopening_forgets_it() {
        let done = draft(titled()).task.change(to(TaskStatus::Completed), now()).unwrap().task;
        assert_eq!(done.completed_at, Some(now()));
        let later = now().plus(chrono::TimeDelta::hours(1));
        let again = done.change(to(TaskStatus::Completed), later).unwrap().task;
        assert_eq!(again.completed_at, Some(now()), "completing what is completed changes nothing");
        assert_eq!(again.change(to(TaskStatus::Cancelled), later).unwrap().task.completed_at, None);
    }

    #[test]
    fn a_task_takes_the_client_of_its_project_but_no_other() {
        let mut without = draft(titled());
        without.place(&project_of(7)).unwrap();
        assert_eq!(without.task.client_id, Some(id(7)));

        for client_id in [Patch::Set(id(8)), Patch::Clear] {
            let mut with = draft(PendingTaskFields { client_id, ..titled() });
            let Err(Error::Invalid(faults)) = with.place(&project_of(7)) else { panic!("refused") };
            assert!(faults.list().iter().all(|fault| fault.semantic && fault.field == "project_id"));
        }
    }

    #[test]
    fn repeated_dependencies_count_once_and_there_are_at_most_a_hundred() {
        let some = draft(PendingTaskFields { depends_on: Some(vec![id(3), id(2), id(3)]), ..titled() });
        assert_eq!(some.depends_on, Some(vec![id(2), id(3)]));
        let many = Some((2..103).map(id).collect());
        assert!(PendingTask::draft(id(1), PendingTaskFields { depends_on: many, ..titled() }, now()).is_err());
    }

    #[test]
    fn what_is_overdue_comes_first_then_what_matters_then_what_is_due_soon() {
        let today = now().date();
        let task = |n, priority, due: Option<&str>| {
            let due_date = due.map(|day| day.parse().unwrap()).into();
            let fields = PendingTaskFields { priority: Some(priority), due_date, ..titled() };
            PendingTask::draft(id(n), fields, now()).unwrap().task
        };
        let mut tasks = [
            task(1, Priority::Low, None),
            task(2, Priority::Critical, Some("2026-01-16")),
            task(3, Priority::Low, Some("2026-01-15")),
            task(4, Priority::Critical, Some("2026-01-17")),
            task(5, Priority::Critical, None),
            task(6, Priority::High, Some("2026-01-01")),
        ];
        tasks.sort_by_cached_key(|task| task.urgency(today));
        let order: Vec<u128> = tasks.iter().map(|task| task.id.uuid().as_u128()).collect();
        assert_eq!(order, [6, 3, 2, 4, 5, 1], "a task is not overdue on the day itself");
    }
}
