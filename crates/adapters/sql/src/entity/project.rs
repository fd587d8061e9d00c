//! Projects.

use claudetools_kernel::{StoreError, text};
use claudetools_sessions::{BillingRule, Project, ProjectRow};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "projects")]
#[from_ref(Project)]
#[owned_try_into(Project, StoreError| vars(row: {RowReader::new("projects", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) name: String,
    /// The name folded: unique within the client, and what the list is sorted by.
    #[ghost(text::fold(&@.name))]
    pub(crate) name_key: String,
    pub(crate) slug: String,
    pub(crate) category: Option<String>,
    pub(crate) status: Word,
    pub(crate) priority: Word,
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
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
}

impl ActiveModelBehavior for ActiveModel {}

/// A project and what its client says of it.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    project: Model,
    client_name: String,
    billing_increment_minutes: i32,
    billing_rounding: Word,
}

impl TryFrom<Joined> for ProjectRow {
    type Error = StoreError;

    fn try_from(row: Joined) -> Result<Self, StoreError> {
        let client = RowReader::new("clients", row.project.client_id);
        let rounding = client.read("billing_rounding", row.billing_rounding)?;
        let rule = BillingRule { increment_minutes: row.billing_increment_minutes, rounding };
        Ok(Self { project: row.project.try_into()?, client_name: row.client_name, rule })
    }
}
