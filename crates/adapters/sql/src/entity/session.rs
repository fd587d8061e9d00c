//! Sessions.

use claudetools_kernel::{Hours, Id, StoreError, Timestamp, text};
use claudetools_sessions::{Session, SessionRow};
use sea_orm::{FromQueryResult, entity::prelude::*};

use crate::row::RowReader;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
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
    pub(crate) title_key: String,
    pub(crate) technician: Option<String>,
    /// The technician folded, which the list is filtered by.
    pub(crate) technician_key: Option<String>,
    pub(crate) status: String,
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

impl From<&Session> for Model {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.uuid(),
            client_id: session.client_id.map(Id::uuid),
            project_id: session.project_id.map(Id::uuid),
            machine_id: session.machine_id.map(Id::uuid),
            session_date: session.session_date,
            start_time: session.start_time.map(Timestamp::micros),
            end_time: session.end_time.map(Timestamp::micros),
            duration_minutes: session.duration_minutes,
            session_title: session.session_title.clone(),
            title_key: session.title_key(),
            technician: session.technician.clone(),
            technician_key: session.technician.as_deref().map(text::fold),
            status: session.status.to_string(),
            is_billable: session.is_billable,
            billable_hours: session.billable_hours.map(Hours::hundredths),
            billable_hours_given: session.billable_hours_given,
            created_at: session.created_at.micros(),
            updated_at: session.updated_at.micros(),
            revision: session.revision,
            summary: session.summary.clone(),
            notes: session.notes.clone(),
            search_key: session.search_key(),
        }
    }
}

/// A session but for its tags and technologies, which lie in tables of their own.
impl TryFrom<Model> for Session {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("sessions", row.id);
        Ok(Self {
            id: Id::new(row.id),
            client_id: row.client_id.map(Id::new),
            project_id: row.project_id.map(Id::new),
            machine_id: row.machine_id.map(Id::new),
            session_date: row.session_date,
            start_time: reader.optional_instant("start_time", row.start_time)?,
            end_time: reader.optional_instant("end_time", row.end_time)?,
            duration_minutes: row.duration_minutes,
            session_title: row.session_title,
            technician: row.technician,
            status: reader.word("status", &row.status)?,
            is_billable: row.is_billable,
            billable_hours: row.billable_hours.map(Hours::from_hundredths),
            billable_hours_given: row.billable_hours_given,
            summary: row.summary,
            notes: row.notes,
            tags: std::collections::BTreeSet::new(),
            technologies_used: Vec::new(),
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            revision: row.revision,
        })
    }
}

/// A session and the names of what it refers to.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    pub(crate) session: Model,
    pub(crate) client_name: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) machine_hostname: Option<String>,
}

/// The columns of a list row.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ListRow {
    id: Uuid,
    client_id: Option<Uuid>,
    client_name: Option<String>,
    project_id: Option<Uuid>,
    project_name: Option<String>,
    session_date: Date,
    duration_minutes: Option<i64>,
    billable_hours: Option<i64>,
    session_title: String,
    summary: Option<String>,
    status: String,
    is_billable: bool,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<ListRow> for SessionRow {
    type Error = StoreError;

    fn try_from(row: ListRow) -> Result<Self, StoreError> {
        let reader = RowReader::new("sessions", row.id);
        Ok(Self {
            id: Id::new(row.id),
            client_id: row.client_id.map(Id::new),
            client_name: row.client_name,
            project_id: row.project_id.map(Id::new),
            project_name: row.project_name,
            session_date: row.session_date,
            duration_minutes: row.duration_minutes,
            billable_hours: row.billable_hours.map(Hours::from_hundredths),
            session_title: row.session_title,
            summary: row.summary,
            status: reader.word("status", &row.status)?,
            is_billable: row.is_billable,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
        })
    }
}
