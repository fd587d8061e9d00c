//! Services.

use claudetools_infra::inventory::Service;
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "services")]
#[from_ref(Service)]
#[owned_try_into(Service, StoreError| vars(row: {RowReader::new("services", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) infrastructure_id: Uuid,
    /// The asset's.
    pub(crate) client_id: Uuid,
    pub(crate) service_name: String,
    /// The name folded, which the list is sorted by.
    #[ghost(text::fold(&@.service_name))]
    pub(crate) service_name_key: String,
    pub(crate) service_type: Option<String>,
    /// The type folded.
    #[ghost(@.service_type.as_deref().map(text::fold))]
    pub(crate) service_type_key: Option<String>,
    pub(crate) port: Option<i32>,
    pub(crate) protocol: Option<Word>,
    pub(crate) external_url: Option<String>,
    pub(crate) internal_url: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) status: Word,
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
    #[sea_orm(
        belongs_to = "super::infrastructure::Entity",
        from = "Column::InfrastructureId",
        to = "super::infrastructure::Column::Id"
    )]
    Infrastructure,
}

impl ActiveModelBehavior for ActiveModel {}
