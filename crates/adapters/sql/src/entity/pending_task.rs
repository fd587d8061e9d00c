//! Pending tasks.

use claudetools_kernel::{StoreError, text};
use claudetools_sessions::{PendingTask, PendingTaskRow};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "pending_tasks")]
#[from_ref(PendingTask)]
#[owned_try_into(PendingTask, StoreError| vars(row: {RowReader::new("pending_tasks", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) work_item_id: Option<Uuid>,
    pub(crate) parent_task_id: Option<Uuid>,
    pub(crate) title: String,
    /// The title folded: what the list is sorted by.
    #[ghost(text::fold(&@.title))]
    pub(crate) title_key: String,
    pub(crate) priority: Word,
    pub(crate) status: Word,
    pub(crate) assigned_to: Option<String>,
    /// The assignee folded.
    #[ghost(@.assigned_to.as_deref().map(text::fold))]
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
#[derive(Debug, FromQueryResult, Deserialize, o2o)]
#[owned_try_into(PendingTaskRow, StoreError)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    #[into(~.try_into()?)]
    task: Model,
    client_name: Option<String>,
    project_name: Option<String>,
}
