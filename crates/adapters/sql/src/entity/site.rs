//! Sites.

use claudetools_infra::inventory::Site;
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "sites")]
#[from_ref(Site)]
#[owned_try_into(Site, StoreError| vars(row: {RowReader::new("sites", @.id)}))]
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
    pub(crate) address: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) network_subnet: Option<String>,
    pub(crate) vpn_required: bool,
    pub(crate) vpn_subnet: Option<String>,
    pub(crate) gateway_ip: Option<String>,
    /// Ten-millionths of a degree.
    pub(crate) latitude: Option<i64>,
    /// Ten-millionths of a degree.
    pub(crate) longitude: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) dns_servers: String,
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
}

impl ActiveModelBehavior for ActiveModel {}
