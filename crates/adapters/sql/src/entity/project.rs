//! Projects.

use claudetools_kernel::{Hours, Id, Money, StoreError, text};
use claudetools_sessions::{Project, ProjectRow};
use sea_orm::{FromQueryResult, entity::prelude::*};

use crate::row::RowReader;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "projects")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) name: String,
    /// The name folded: unique within the client, and what the list is sorted by.
    pub(crate) name_key: String,
    pub(crate) slug: String,
    pub(crate) category: Option<String>,
    pub(crate) status: String,
    pub(crate) priority: String,
    pub(crate) started_on: Option<Date>,
    pub(crate) due_date: Option<Date>,
    pub(crate) completed_on: Option<Date>,
    /// Hundredths of an hour.
    pub(crate) estimated_hours: Option<i64>,
    /// Ten-thousandths of a unit of the client's currency.
    pub(crate) hourly_rate: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) description: Option<String>,
    pub(crate) notes: Option<String>,
    /// What `q` searches, folded.
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
}

impl ActiveModelBehavior for ActiveModel {}

/// A project and its client's name.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    project: Model,
    client_name: String,
}

impl From<&Project> for Model {
    fn from(project: &Project) -> Self {
        Self {
            id: project.id.uuid(),
            client_id: project.client_id.uuid(),
            name: project.name.clone(),
            name_key: text::fold(&project.name),
            slug: project.slug.clone(),
            category: project.category.clone(),
            status: project.status.to_string(),
            priority: project.priority.to_string(),
            started_on: project.started_on,
            due_date: project.due_date,
            completed_on: project.completed_on,
            estimated_hours: project.estimated_hours.map(Hours::hundredths),
            hourly_rate: project.hourly_rate.map(Money::ten_thousandths),
            created_at: project.created_at.micros(),
            updated_at: project.updated_at.micros(),
            revision: project.revision,
            description: project.description.clone(),
            notes: project.notes.clone(),
            search_key: project.search_key(),
        }
    }
}

impl TryFrom<Model> for Project {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("projects", row.id);
        Ok(Self {
            id: Id::new(row.id),
            client_id: Id::new(row.client_id),
            name: row.name,
            slug: row.slug,
            category: row.category,
            description: row.description,
            status: reader.word("status", &row.status)?,
            priority: reader.word("priority", &row.priority)?,
            started_on: row.started_on,
            due_date: row.due_date,
            completed_on: row.completed_on,
            estimated_hours: row.estimated_hours.map(Hours::from_hundredths),
            hourly_rate: row.hourly_rate.map(Money::from_ten_thousandths),
            notes: row.notes,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            revision: row.revision,
        })
    }
}

impl TryFrom<Joined> for ProjectRow {
    type Error = StoreError;

    fn try_from(row: Joined) -> Result<Self, StoreError> {
        Ok(Self { project: row.project.try_into()?, client_name: row.client_name })
    }
}
