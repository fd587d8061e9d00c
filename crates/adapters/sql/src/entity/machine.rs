//! Machines.

use claudetools_kernel::{StoreError, text};
use claudetools_sessions::{Fingerprint, Machine};
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "machines")]
#[from_ref(Machine)]
#[owned_try_into(Machine, StoreError| vars(row: {RowReader::new("machines", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) hostname: String,
    /// The host name folded, which the list is sorted by.
    #[ghost(text::fold(&@.hostname))]
    pub(crate) hostname_key: String,
    #[from(~.to_string())]
    #[into(row.value("machine_fingerprint", Fingerprint::parse(&~))?)]
    pub(crate) machine_fingerprint: String,
    pub(crate) platform: Word,
    pub(crate) os_version: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) friendly_name: Option<String>,
    pub(crate) has_vpn_access: bool,
    pub(crate) vpn_profiles: String,
    pub(crate) has_docker: bool,
    pub(crate) powershell_version: Option<String>,
    pub(crate) preferred_shell: Option<String>,
    pub(crate) available_mcps: String,
    pub(crate) available_skills: String,
    pub(crate) notes: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) last_seen: Option<i64>,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
