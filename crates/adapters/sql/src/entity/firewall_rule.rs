//! Firewall rules.

use claudetools_infra::inventory::FirewallRule;
use claudetools_kernel::{StoreError, text};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "firewall_rules")]
#[from_ref(FirewallRule)]
#[owned_try_into(FirewallRule, StoreError| vars(row: {RowReader::new("firewall_rules", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) infrastructure_id: Option<Uuid>,
    pub(crate) client_id: Uuid,
    pub(crate) name: String,
    /// The name folded, which the list can be sorted by.
    #[ghost(text::fold(&@.name))]
    pub(crate) name_key: String,
    pub(crate) source_cidr: Option<String>,
    pub(crate) destination_cidr: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) protocol: Word,
    pub(crate) action: Word,
    pub(crate) rule_order: i32,
    pub(crate) is_enabled: bool,
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
