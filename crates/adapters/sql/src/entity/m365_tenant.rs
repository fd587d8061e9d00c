//! Tenants of Microsoft 365.

use claudetools_infra::inventory::M365Tenant;
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "m365_tenants")]
#[from_ref(M365Tenant)]
#[owned_try_into(M365Tenant, StoreError| vars(row: {RowReader::new("m365_tenants", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) tenant_name: String,
    /// The name folded, which the list is sorted by.
    #[ghost(text::fold(&@.tenant_name))]
    pub(crate) tenant_name_key: String,
    pub(crate) default_domain: Option<String>,
    pub(crate) admin_email: Option<String>,
    pub(crate) cipp_name: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
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
