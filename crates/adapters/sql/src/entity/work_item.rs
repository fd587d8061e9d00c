//! Work items.

use std::collections::BTreeSet;

use claudetools_kernel::StoreError;
use claudetools_sessions::{SessionWorkItem, WorkItem, WorkItemRow};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "work_items")]
#[from_ref(WorkItem)]
#[owned_try_into(WorkItem, StoreError| vars(row: {RowReader::new("work_items", @.id)}))]
#[ghosts(tags: {BTreeSet::new()})]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) session_id: Uuid,
    /// The session's.
    pub(crate) client_id: Option<Uuid>,
    /// The session's.
    pub(crate) session_date: Date,
    pub(crate) category: Word,
    pub(crate) title: String,
    /// The title folded, which the list can be sorted by.
    #[ghost(@.title_key())]
    pub(crate) title_key: String,
    pub(crate) status: Word,
    pub(crate) priority: Word,
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
    #[ghost(@.search_key())]
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

/// A work item and the names of what it refers to.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    pub(crate) item: Model,
    pub(crate) session_title: Option<String>,
    pub(crate) client_name: Option<String>,
}

/// The columns of a list row.
#[derive(Debug, DerivePartialModel, Deserialize, o2o)]
#[sea_orm(entity = "Entity")]
#[owned_try_into(WorkItemRow, StoreError| vars(row: {RowReader::new("work_items", @.id)}))]
pub(crate) struct ListRow {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    id: Uuid,
    session_id: Uuid,
    #[sea_orm(from_expr = "super::session::Column::SessionTitle")]
    #[into(row.value("session_id", ~)?)]
    session_title: Option<String>,
    session_date: Date,
    client_id: Option<Uuid>,
    #[sea_orm(from_expr = "super::client::Column::Name")]
    client_name: Option<String>,
    category: Word,
    title: String,
    status: Word,
    priority: Word,
    is_billable: bool,
    estimated_minutes: Option<i32>,
    actual_minutes: Option<i32>,
    completed_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

/// What a session shows of its work items.
#[derive(Debug, o2o)]
#[owned_try_into(SessionWorkItem, StoreError| vars(row: {RowReader::new("work_items", @.id)}))]
pub(crate) struct SessionItem {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) category: Word,
    pub(crate) title: String,
    pub(crate) status: Word,
}
