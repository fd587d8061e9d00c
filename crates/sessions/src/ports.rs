//! What this domain needs of a storage, beyond what [`Records`] says of every kind of row. Each method is one statement (or a
//! fixed few); rules live in the services. `list` returns rows in the order of the request, ties broken by id in the same
//! direction.

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Id, Page, PageRequest, Records, Timestamp, Transaction};

pub use claudetools_kernel::Stored;

pub use crate::billable_time::ports::{
    BillableTimeRepository, ClosingRepository, TimeBlockRepository, TimerRepository,
};

use crate::{
    Client, ClientAsset, ClientFilter, ClientSort, CountedTag, Fingerprint, Machine, MachineFilter, MachineSort,
    PendingTask, PendingTaskFilter, PendingTaskRow, Project, ProjectFilter, ProjectRow, ProjectSort, ProjectTotals,
    Session, SessionDetail, SessionFilter, SessionRow, SessionSort, Tag, TagFilter, TagSort, TagUsage, TaskLink,
    TaskSort, WorkItem, WorkItemDetail, WorkItemFilter, WorkItemRow, WorkItemSort,
};

/// A transaction over everything this domain stores.
pub trait SessionsTx: Transaction {
    /// The clients.
    fn clients(&mut self) -> &mut dyn ClientRepository;
    /// The machines.
    fn machines(&mut self) -> &mut dyn MachineRepository;
    /// The tags.
    fn tags(&mut self) -> &mut dyn TagRepository;
    /// The projects.
    fn projects(&mut self) -> &mut dyn ProjectRepository;
    /// The sessions.
    fn sessions(&mut self) -> &mut dyn SessionRepository;
    /// The work items.
    fn work_items(&mut self) -> &mut dyn WorkItemRepository;
    /// The pending tasks.
    fn pending_tasks(&mut self) -> &mut dyn PendingTaskRepository;
    /// The entries of billable time.
    fn billable_time(&mut self) -> &mut dyn BillableTimeRepository;
    /// The timers.
    fn timers(&mut self) -> &mut dyn TimerRepository;
    /// The closings of periods.
    fn closings(&mut self) -> &mut dyn ClosingRepository;
    /// The blocks of hours.
    fn time_blocks(&mut self) -> &mut dyn TimeBlockRepository;
}

/// Where clients are kept.
#[async_trait]
pub trait ClientRepository: Records<Client> {
    /// The client with this name, in the form of [`claudetools_kernel::text::fold`].
    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Client>>>;
    /// What equipment the client has, by host name, at most so many. It is kept by another domain.
    async fn equipment(&mut self, client: Id<Client>, limit: u32) -> Stored<Vec<ClientAsset>>;
    /// A page of clients.
    async fn list(&mut self, filter: &ClientFilter, page: &PageRequest<ClientSort>) -> Stored<Page<Client>>;
}

/// Where tags are kept. `remove` takes a tag off everything; nothing refers to one so that it has to stay.
#[async_trait]
pub trait TagRepository: Records<Tag> {
    /// The tag with this id and the number of its uses.
    async fn counted(&mut self, id: Id<Tag>) -> Stored<Option<CountedTag>>;
    /// The tag with this name, in the form of [`claudetools_kernel::text::fold`].
    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Tag>>>;
    /// The tags with these names, which are folded and may repeat; those that do not exist are left out. In no order.
    async fn by_names(&mut self, folded: &[String]) -> Stored<Vec<Tag>>;
    /// A page of tags with the numbers of their uses.
    async fn list(&mut self, filter: &TagFilter, page: &PageRequest<TagSort>) -> Stored<Page<CountedTag>>;
    /// What bears the tag.
    async fn usage(&mut self, id: Id<Tag>) -> Stored<TagUsage>;
}

/// Where projects are kept.
#[async_trait]
pub trait ProjectRepository: Records<Project> {
    /// The project with this id, its client's name and rule.
    async fn row(&mut self, id: Id<Project>) -> Stored<Option<ProjectRow>>;
    /// The client's project with this name, in the form of [`claudetools_kernel::text::fold`].
    async fn by_name(&mut self, client: Id<Client>, folded: &str) -> Stored<Option<Id<Project>>>;
    /// The client's project with this slug.
    async fn by_slug(&mut self, client: Id<Client>, slug: &str) -> Stored<Option<Id<Project>>>;
    /// The slugs of the client's projects that begin with `prefix`, in no order.
    async fn slugs(&mut self, client: Id<Client>, prefix: &str) -> Stored<Vec<String>>;
    /// A page of projects.
    async fn list(&mut self, filter: &ProjectFilter, page: &PageRequest<ProjectSort>) -> Stored<Page<ProjectRow>>;
    /// What has been done for the project; nothing for one that does not exist.
    async fn totals(&mut self, id: Id<Project>) -> Stored<ProjectTotals>;
}

/// Where machines are kept. `save` leaves the last sighting as it is, which [`Self::touch`] alone moves.
#[async_trait]
pub trait MachineRepository: Records<Machine> {
    /// The machine with this fingerprint.
    async fn by_fingerprint(&mut self, fingerprint: &Fingerprint) -> Stored<Option<Machine>>;
    /// Moves the machine's last sighting forward to `at`, never back, and changes nothing else; tells whether there is such a
    /// machine.
    async fn touch(&mut self, id: Id<Machine>, at: Timestamp) -> Stored<bool>;
    /// A page of machines.
    async fn list(&mut self, filter: &MachineFilter, page: &PageRequest<MachineSort>) -> Stored<Page<Machine>>;
}

/// Where sessions are kept, with their tags and technologies.
#[async_trait]
pub trait SessionRepository: Records<Session> {
    /// The session with this id and everything that is known of it.
    async fn detail(&mut self, id: Id<Session>) -> Stored<Option<SessionDetail>>;
    /// A page of sessions.
    async fn list(&mut self, filter: &SessionFilter, page: &PageRequest<SessionSort>) -> Stored<Page<SessionRow>>;
}

/// Where work items are kept, with their tags.
#[async_trait]
pub trait WorkItemRepository: Records<WorkItem> {
    /// The work item with this id and the names of what it refers to.
    async fn detail(&mut self, id: Id<WorkItem>) -> Stored<Option<WorkItemDetail>>;
    /// A page of work items.
    async fn list(&mut self, filter: &WorkItemFilter, page: &PageRequest<WorkItemSort>) -> Stored<Page<WorkItemRow>>;
    /// The client's work items that are not completed, the youngest first, at most so many.
    async fn open_of(&mut self, client: Id<Client>, limit: u32) -> Stored<Vec<WorkItemRow>>;
    /// Gives the work items of `session` its client and day; their revisions stay, for nothing of their own has changed.
    async fn follow(&mut self, session: &Session) -> Stored<()>;
}

/// Where pending tasks are kept, with what they depend on: nothing at first, and `save` leaves it as it is.
#[async_trait]
pub trait PendingTaskRepository: Records<PendingTask> {
    /// Holds off everybody else who would change parents or dependencies until this transaction ends, so that two changes
    /// cannot close a circle that neither sees. To be called before the transaction reads anything: what it reads then is
    /// what the one before has committed. Does nothing where only one transaction writes at a time; elsewhere it locks one
    /// row that all of them lock.
    async fn lock_graph(&mut self) -> Stored<()>;
    /// Lets the task depend on these, which are not repeated, and on no others.
    async fn depend(&mut self, id: Id<PendingTask>, on: &[Id<PendingTask>]) -> Stored<()>;
    /// The task with this id and the names of what it refers to.
    async fn row(&mut self, id: Id<PendingTask>) -> Stored<Option<PendingTaskRow>>;
    /// The tasks that the task depends on, in the order of their ids.
    async fn dependencies(&mut self, id: Id<PendingTask>) -> Stored<Vec<Id<PendingTask>>>;
    /// Those of these tasks that exist, in no order.
    async fn known(&mut self, ids: &[Id<PendingTask>]) -> Stored<Vec<Id<PendingTask>>>;
    /// The tasks that these refer to by `link`, in no order; one that several refer to may be repeated.
    async fn targets(&mut self, link: TaskLink, of: &[Id<PendingTask>]) -> Stored<Vec<Id<PendingTask>>>;
    /// A page of tasks, as of this day.
    async fn list(
        &mut self,
        filter: &PendingTaskFilter,
        today: NaiveDate,
        page: &PageRequest<TaskSort>,
    ) -> Stored<Page<PendingTaskRow>>;
    /// The client's open tasks in the order of [`PendingTask::urgency`], at most so many.
    async fn open_of(&mut self, client: Id<Client>, today: NaiveDate, limit: u32) -> Stored<Vec<PendingTaskRow>>;
}
