//! Sessions as they are read: with the names of what they refer to.

use chrono::NaiveDate;
use claudetools_kernel::{Detail, Hours, Id, Keyed, SortKey, Timestamp, text};
use o2o::o2o;
use uuid::Uuid;

use crate::{
    BillableTime, Client, Project, Session, SessionSort, SessionStatus, WorkItem, WorkItemCategory, WorkItemStatus,
};

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, o2o)]
#[from_ref(Session)]
#[expect(missing_docs, reason = "each field is described at Session")]
pub struct SessionRow {
    #[o2o(repeat)]
    #[from(~.clone())]
    pub id: Id<Session>,
    pub client_id: Option<Id<Client>>,
    /// The client's name.
    #[ghost({None})]
    pub client_name: Option<String>,
    pub project_id: Option<Id<Project>>,
    /// The project's name.
    #[ghost({None})]
    pub project_name: Option<String>,
    pub session_date: NaiveDate,
    pub duration_minutes: Option<i64>,
    pub billable_hours: Option<Hours>,
    pub session_title: String,
    pub summary: Option<String>,
    pub status: SessionStatus,
    pub is_billable: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl SessionRow {
    /// The row of `session`, whose client and project have these names.
    pub fn new(session: &Session, client_name: Option<String>, project_name: Option<String>) -> Self {
        Self { client_name, project_name, ..Self::from(session) }
    }
}

impl Keyed<SessionSort> for SessionRow {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: SessionSort) -> SortKey {
        match field {
            SessionSort::SessionDate => SortKey::Date(self.session_date),
            SessionSort::CreatedAt => self.created_at.into(),
            SessionSort::UpdatedAt => self.updated_at.into(),
            SessionSort::SessionTitle => SortKey::Text(text::fold(&self.session_title)),
        }
    }
}

/// A session with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDetail {
    /// The session.
    pub session: Session,
    /// The client's name.
    pub client_name: Option<String>,
    /// The project's name.
    pub project_name: Option<String>,
    /// The machine's name in its network.
    pub machine_hostname: Option<String>,
    /// The names of its tags, in their order.
    pub tags: Vec<String>,
    /// Its work items, the oldest first.
    pub work_items: Vec<SessionWorkItem>,
    /// How many commands were run in it.
    pub commands: i64,
    /// The time entered for it, in the order of its days and then of the ids.
    pub billable_time: Vec<BillableTime>,
}

impl Detail for SessionDetail {
    type Of = Session;

    fn entity(&self) -> &Session {
        &self.session
    }
}

/// A work item as its session shows it.
#[derive(Debug, Clone, PartialEq, Eq, o2o)]
#[from_ref(WorkItem)]
#[expect(missing_docs, reason = "each field is described at WorkItem")]
pub struct SessionWorkItem {
    #[o2o(repeat)]
    #[from(~.clone())]
    pub id: Id<WorkItem>,
    pub category: WorkItemCategory,
    pub title: String,
    pub status: WorkItemStatus,
}
