//! Work items.

use std::collections::BTreeSet;

use claudetools_kernel::{Id, StoreError, Timestamp};
use claudetools_sessions::{SessionWorkItem, WorkItem, WorkItemRow};
use sea_orm::{FromQueryResult, entity::prelude::*};

use crate::row::{RowReader, to_json};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "work_items")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) session_id: Uuid,
    /// The session's.
    pub(crate) client_id: Option<Uuid>,
    /// The session's.
    pub(crate) session_date: Date,
    pub(crate) category: String,
    pub(crate) title: String,
    /// The title folded, which the list can be sorted by.
    pub(crate) title_key: String,
    pub(crate) status: String,
    pub(crate) priority: String,
    pub(crate) is_billable: bool,
    pub(crate) estimated_minutes: Option<i32>,
    pub(crate) actual_minutes: Option<i32>,
    pub(crate) completed_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) description: Option<String>,
    pub(crate) affected_systems: String,
    pub(crate) technologies_used: String,
    /// What `q` searches, folded.
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::session::Entity", from = "Column::SessionId", to = "super::session::Column::Id")]
    Session,
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
}

impl ActiveModelBehavior for ActiveModel {}

impl From<&WorkItem> for Model {
    fn from(item: &WorkItem) -> Self {
        Self {
            id: item.id.uuid(),
            session_id: item.session_id.uuid(),
            client_id: item.client_id.map(Id::uuid),
            session_date: item.session_date,
            category: item.category.to_string(),
            title: item.title.clone(),
            title_key: item.title_key(),
            status: item.status.to_string(),
            priority: item.priority.to_string(),
            is_billable: item.is_billable,
            estimated_minutes: item.estimated_minutes,
            actual_minutes: item.actual_minutes,
            completed_at: item.completed_at.map(Timestamp::micros),
            created_at: item.created_at.micros(),
            updated_at: item.updated_at.micros(),
            revision: item.revision,
            description: item.description.clone(),
            affected_systems: to_json(&item.affected_systems),
            technologies_used: to_json(&item.technologies_used),
            search_key: item.search_key(),
        }
    }
}

/// A work item but for its tags, which lie in a table of their own.
impl TryFrom<Model> for WorkItem {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("work_items", row.id);
        Ok(Self {
            id: Id::new(row.id),
            session_id: Id::new(row.session_id),
            client_id: row.client_id.map(Id::new),
            session_date: row.session_date,
            category: reader.word("category", &row.category)?,
            title: row.title,
            description: row.description,
            status: reader.word("status", &row.status)?,
            priority: reader.word("priority", &row.priority)?,
            is_billable: row.is_billable,
            estimated_minutes: row.estimated_minutes,
            actual_minutes: row.actual_minutes,
            affected_systems: reader.json("affected_systems", &row.affected_systems)?,
            technologies_used: reader.json("technologies_used", &row.technologies_used)?,
            tags: BTreeSet::new(),
            completed_at: reader.optional_instant("completed_at", row.completed_at)?,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            revision: row.revision,
        })
    }
}

/// A work item and the names of what it refers to.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    pub(crate) item: Model,
    pub(crate) session_title: Option<String>,
    pub(crate) client_name: Option<String>,
}

/// The columns of a list row.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ListRow {
    id: Uuid,
    session_id: Uuid,
    session_title: Option<String>,
    session_date: Date,
    client_id: Option<Uuid>,
    client_name: Option<String>,
    category: String,
    title: String,
    status: String,
    priority: String,
    is_billable: bool,
    estimated_minutes: Option<i32>,
    actual_minutes: Option<i32>,
    completed_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<ListRow> for WorkItemRow {
    type Error = StoreError;

    fn try_from(row: ListRow) -> Result<Self, StoreError> {
        let reader = RowReader::new("work_items", row.id);
        Ok(Self {
            id: Id::new(row.id),
            session_id: Id::new(row.session_id),
            session_title: reader.value("session_id", row.session_title)?,
            session_date: row.session_date,
            client_id: row.client_id.map(Id::new),
            client_name: row.client_name,
            category: reader.word("category", &row.category)?,
            title: row.title,
            status: reader.word("status", &row.status)?,
            priority: reader.word("priority", &row.priority)?,
            is_billable: row.is_billable,
            estimated_minutes: row.estimated_minutes,
            actual_minutes: row.actual_minutes,
            completed_at: reader.optional_instant("completed_at", row.completed_at)?,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
        })
    }
}

/// The columns that a session shows of its work items.
#[derive(Debug, FromQueryResult)]
pub(crate) struct SessionItem {
    id: Uuid,
    category: String,
    title: String,
    status: String,
}

impl TryFrom<SessionItem> for SessionWorkItem {
    type Error = StoreError;

    fn try_from(row: SessionItem) -> Result<Self, StoreError> {
        let reader = RowReader::new("work_items", row.id);
        Ok(Self {
            id: Id::new(row.id),
            category: reader.word("category", &row.category)?,
            title: row.title,
            status: reader.word("status", &row.status)?,
        })
    }
}
