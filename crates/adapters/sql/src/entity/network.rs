//! Networks.

use claudetools_infra::inventory::Network;
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "networks")]
#[from_ref(Network)]
#[owned_try_into(Network, StoreError| vars(row: {RowReader::new("networks", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) site_id: Option<Uuid>,
    pub(crate) name: String,
    /// The name folded, which the list is sorted by.
    #[ghost(text::fold(&@.name))]
    pub(crate) name_key: String,
    pub(crate) network_type: Word,
    pub(crate) cidr: String,
    /// The first address.
    #[ghost(@.cidr.bounds()[0].clone())]
    pub(crate) first_key: String,
    pub(crate) vlan_id: Option<i32>,
    pub(crate) gateway_ip: Option<String>,
    pub(crate) dhcp_range: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) notes: Option<String>,
    pub(crate) external_ids: String,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
    #[sea_orm(belongs_to = "super::site::Entity", from = "Column::SiteId", to = "super::site::Column::Id")]
    Site,
}

impl ActiveModelBehavior for ActiveModel {}
