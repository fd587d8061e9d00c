//! Security incidents.

use claudetools_infra::inventory::SecurityIncident;
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "security_incidents")]
#[from_ref(SecurityIncident)]
#[owned_try_into(SecurityIncident, StoreError| vars(row: {RowReader::new("security_incidents", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) title: String,
    /// The title folded, which the list can be sorted by.
    #[ghost(text::fold(&@.title))]
    pub(crate) title_key: String,
    pub(crate) incident_type: Option<Word>,
    pub(crate) severity: Word,
    pub(crate) status: Word,
    pub(crate) incident_date: Date,
    pub(crate) resolved_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) description: Option<String>,
    pub(crate) findings: Option<String>,
    pub(crate) remediation_steps: Option<String>,
    pub(crate) affected_users: String,
    /// In their order; the rows of `security_incident_assets` keep them from being removed.
    pub(crate) affected_infrastructure: String,
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
