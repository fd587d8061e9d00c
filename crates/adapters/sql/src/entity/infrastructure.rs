//! Assets.

use claudetools_infra::inventory::Asset;
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "infrastructure")]
#[from_ref(Asset)]
#[owned_try_into(Asset, StoreError| vars(row: {RowReader::new("infrastructure", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) site_id: Option<Uuid>,
    pub(crate) parent_id: Option<Uuid>,
    pub(crate) hostname: String,
    /// The host name folded: unique within the client, and what the list is sorted by.
    #[ghost(text::fold(&@.hostname))]
    pub(crate) hostname_key: String,
    pub(crate) ip_address: Option<String>,
    pub(crate) mac_address: Option<String>,
    pub(crate) asset_type: Word,
    pub(crate) os: Option<String>,
    pub(crate) os_version: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) status: Word,
    pub(crate) powershell_version: Option<String>,
    pub(crate) shell_type: Option<String>,
    pub(crate) package_manager: Option<String>,
    pub(crate) has_gui: bool,
    pub(crate) has_ssh: bool,
    pub(crate) has_winrm: bool,
    pub(crate) serial_number: Option<String>,
    pub(crate) warranty_until: Option<Date>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) environmental_notes: Option<String>,
    pub(crate) limitations: String,
    pub(crate) recommended_commands: String,
    pub(crate) tags: String,
    /// What a filter by tag searches.
    #[ghost(@.tag_key())]
    pub(crate) tag_key: String,
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
