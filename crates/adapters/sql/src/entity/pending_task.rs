//! Pending tasks.

use claudetools_kernel::{Id, StoreError, text};
use claudetools_sessions::{PendingTask, PendingTaskRow};
use sea_orm::{FromQueryResult, entity::prelude::*};

use crate::row::RowReader;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_tasks")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) work_item_id: Option<Uuid>,
    pub(crate) parent_task_id: Option<Uuid>,
    pub(crate) title: String,
    /// The title folded: what the list is sorted by.
    pub(crate) title_key: String,
    pub(crate) priority: String,
    pub(crate) status: String,
    pub(crate) assigned_to: Option<String>,
    /// The assignee folded.
    pub(crate) assigned_key: Option<String>,
    pub(crate) due_date: Option<Date>,
    pub(crate) completed_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) description: Option<String>,
    pub(crate) blocked_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
    #[sea_orm(belongs_to = "super::project::Entity", from = "Column::ProjectId", to = "super::project::Column::Id")]
    Project,
}

impl ActiveModelBehavior for ActiveModel {}

/// A task and the names of its client and project.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    task: Model,
    client_name: Option<String>,
    project_name: Option<String>,
}

impl From<&PendingTask> for Model {
    fn from(task: &PendingTask) -> Self {
        Self {
            id: task.id.uuid(),
            client_id: task.client_id.map(Id::uuid),
            project_id: task.project_id.map(Id::uuid),
            work_item_id: task.work_item_id.map(Id::uuid),
            parent_task_id: task.parent_task_id.map(Id::uuid),
            title: task.title.clone(),
            title_key: text::fold(&task.title),
            priority: task.priority.to_string(),
            status: task.status.to_string(),
            assigned_to: task.assigned_to.clone(),
            assigned_key: task.assigned_to.as_deref().map(text::fold),
            due_date: task.due_date,
            completed_at: task.completed_at.map(claudetools_kernel::Timestamp::micros),
            created_at: task.created_at.micros(),
            updated_at: task.updated_at.micros(),
            revision: task.revision,
            description: task.description.clone(),
            blocked_by: task.blocked_by.clone(),
        }
    }
}

impl TryFrom<Model> for PendingTask {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("pending_tasks", row.id);
        Ok(Self {
            id: Id::new(row.id),
            client_id: row.client_id.map(Id::new),
            project_id: row.project_id.map(Id::new),
            work_item_id: row.work_item_id.map(Id::new),
            parent_task_id: row.parent_task_id.map(Id::new),
            title: row.title,
            description: row.description,
            priority: reader.word("priority", &row.priority)?,
            status: reader.word("status", &row.status)?,
            blocked_by: row.blocked_by,
            assigned_to: row.assigned_to,
            due_date: row.due_date,
            completed_at: reader.optional_instant("completed_at", row.completed_at)?,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            revision: row.revision,
        })
    }
}

impl TryFrom<Joined> for PendingTaskRow {
    type Error = StoreError;

    fn try_from(row: Joined) -> Result<Self, StoreError> {
        Ok(Self { task: row.task.try_into()?, client_name: row.client_name, project_name: row.project_name })
    }
}
