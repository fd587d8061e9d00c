//! Machines.

use claudetools_kernel::{StoreError, Timestamp, text};
use claudetools_sessions::{Fingerprint, Machine};
use sea_orm::entity::prelude::*;

use crate::row::{RowReader, to_json};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "machines")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) hostname: String,
    /// The host name folded, which the list is sorted by.
    pub(crate) hostname_key: String,
    pub(crate) machine_fingerprint: String,
    pub(crate) platform: String,
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
    pub(crate) search_key: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Machine> for Model {
    fn from(machine: &Machine) -> Self {
        Self {
            id: machine.id.uuid(),
            hostname: machine.hostname.clone(),
            hostname_key: text::fold(&machine.hostname),
            machine_fingerprint: machine.machine_fingerprint.to_string(),
            platform: machine.platform.to_string(),
            os_version: machine.os_version.clone(),
            username: machine.username.clone(),
            friendly_name: machine.friendly_name.clone(),
            has_vpn_access: machine.has_vpn_access,
            vpn_profiles: to_json(&machine.vpn_profiles),
            has_docker: machine.has_docker,
            powershell_version: machine.powershell_version.clone(),
            preferred_shell: machine.preferred_shell.clone(),
            available_mcps: to_json(&machine.available_mcps),
            available_skills: to_json(&machine.available_skills),
            notes: machine.notes.clone(),
            is_active: machine.is_active,
            last_seen: machine.last_seen.map(Timestamp::micros),
            search_key: machine.search_key(),
            created_at: machine.created_at.micros(),
            updated_at: machine.updated_at.micros(),
            revision: machine.revision,
        }
    }
}

impl TryFrom<Model> for Machine {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("machines", row.id);
        Ok(Self {
            id: claudetools_kernel::Id::new(row.id),
            hostname: row.hostname,
            machine_fingerprint: reader.value("machine_fingerprint", Fingerprint::parse(&row.machine_fingerprint))?,
            platform: reader.word("platform", &row.platform)?,
            os_version: row.os_version,
            username: row.username,
            friendly_name: row.friendly_name,
            has_vpn_access: row.has_vpn_access,
            vpn_profiles: reader.json("vpn_profiles", &row.vpn_profiles)?,
            has_docker: row.has_docker,
            powershell_version: row.powershell_version,
            preferred_shell: row.preferred_shell,
            available_mcps: reader.json("available_mcps", &row.available_mcps)?,
            available_skills: reader.json("available_skills", &row.available_skills)?,
            notes: row.notes,
            is_active: row.is_active,
            last_seen: reader.optional_instant("last_seen", row.last_seen)?,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            revision: row.revision,
        })
    }
}
