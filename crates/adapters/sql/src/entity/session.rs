//! Sessions.

use std::collections::BTreeSet;

use claudetools_kernel::{StoreError, text};
use claudetools_sessions::{Session, SessionRow};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "sessions")]
#[from_ref(Session)]
#[owned_try_into(Session, StoreError| vars(row: {RowReader::new("sessions", @.id)}))]
#[ghosts(tags: {BTreeSet::new()}, technologies_used: {Vec::new()})]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) machine_id: Option<Uuid>,
    pub(crate) session_date: Date,
    pub(crate) start_time: Option<i64>,
    pub(crate) end_time: Option<i64>,
    pub(crate) duration_minutes: Option<i64>,
    pub(crate) session_title: String,
    /// The title folded, which the list can be sorted by.
    #[ghost(@.title_key())]
    pub(crate) title_key: String,
    pub(crate) technician: Option<String>,
    /// The technician folded, which the list is filtered by.
    #[ghost(@.technician.as_deref().map(text::fold))]
    pub(crate) technician_key: Option<String>,
    pub(crate) status: Word,
    pub(crate) is_billable: bool,
    /// Hundredths of an hour.
    pub(crate) billable_hours: Option<i64>,
    pub(crate) billable_hours_given: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) summary: Option<String>,
    pub(crate) notes: Option<String>,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
    #[sea_orm(belongs_to = "super::project::Entity", from = "Column::ProjectId", to = "super::project::Column::Id")]
    Project,
    #[sea_orm(belongs_to = "super::machine::Entity", from = "Column::MachineId", to = "super::machine::Column::Id")]
    Machine,
}

impl ActiveModelBehavior for ActiveModel {}

/// A session and the names of what it refers to.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    pub(crate) session: Model,
    pub(crate) client_name: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) machine_hostname: Option<String>,
    /// How many commands were run in it.
    pub(crate) commands: i64,
    /// How many entries of time it has.
    pub(crate) entries: i64,
}

/// What lies around a session in other tables, in one statement for all of it: of its work items all columns, of its tags no
/// title and no status, of what it used no id either.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Part {
    /// When a work item was made, or the place of what was used.
    pub(crate) place: i64,
    pub(crate) id: Option<Uuid>,
    /// The category of a work item, or the name.
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) status: Option<Word>,
}

/// The columns of a list row.
#[derive(Debug, DerivePartialModel, Deserialize, o2o)]
#[sea_orm(entity = "Entity")]
#[owned_try_into(SessionRow, StoreError| vars(row: {RowReader::new("sessions", @.id)}))]
pub(crate) struct ListRow {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    id: Uuid,
    client_id: Option<Uuid>,
    #[sea_orm(from_expr = "super::client::Column::Name")]
    client_name: Option<String>,
    project_id: Option<Uuid>,
    #[sea_orm(from_expr = "super::project::Column::Name")]
    project_name: Option<String>,
    session_date: Date,
    duration_minutes: Option<i64>,
    billable_hours: Option<i64>,
    session_title: String,
    summary: Option<String>,
    status: Word,
    is_billable: bool,
    created_at: i64,
    updated_at: i64,
}
