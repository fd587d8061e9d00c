//! Runs of agents.

use claudetools_identity::{AgentRun, AgentType};
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "agent_runs")]
#[from_ref(AgentRun)]
#[owned_try_into(AgentRun, StoreError| vars(row: {RowReader::new("agent_runs", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    #[from(~.to_string())]
    #[into(row.value("agent_type", AgentType::from_stored(&~))?)]
    pub(crate) agent_type: String,
    pub(crate) parent_session: Uuid,
    pub(crate) client_id: Option<Uuid>,
    /// The highest scope; it stands for all below it too.
    #[from(scopes, Keeps::keep(&~))]
    #[into(scopes, row.read("scope", ~)?)]
    pub(crate) scope: String,
    pub(crate) input: Option<String>,
    pub(crate) input_digest: Vec<u8>,
    pub(crate) status: Word,
    pub(crate) result: Option<String>,
    pub(crate) started_at: i64,
    pub(crate) finished_at: Option<i64>,
    pub(crate) request_count: i64,
    pub(crate) token_id: String,
    pub(crate) expires_at: i64,
    pub(crate) started_by: String,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
