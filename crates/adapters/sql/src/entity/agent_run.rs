//! Runs of agents.

use claudetools_identity::{AgentRun, AgentType};
use claudetools_kernel::{Id, Scopes, StoreError, Timestamp};
use sea_orm::entity::prelude::*;

use crate::row::RowReader;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "agent_runs")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) agent_type: String,
    pub(crate) parent_session: Uuid,
    pub(crate) client_id: Option<Uuid>,
    /// The highest scope; it stands for all below it too.
    pub(crate) scope: String,
    pub(crate) input: Option<String>,
    pub(crate) input_digest: Vec<u8>,
    pub(crate) status: String,
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

impl From<&AgentRun> for Model {
    fn from(run: &AgentRun) -> Self {
        Self {
            id: run.id.uuid(),
            agent_type: run.agent_type.to_string(),
            parent_session: run.parent_session,
            client_id: run.client_id,
            scope: run.scopes.highest().to_string(),
            input: run.input.clone(),
            input_digest: run.input_digest.to_vec(),
            status: run.status.to_string(),
            result: run.result.clone(),
            started_at: run.started_at.micros(),
            finished_at: run.finished_at.map(Timestamp::micros),
            request_count: run.request_count,
            token_id: run.token_id.clone(),
            expires_at: run.expires_at.micros(),
            started_by: run.started_by.clone(),
            revision: run.revision,
        }
    }
}

impl TryFrom<Model> for AgentRun {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("agent_runs", row.id);
        Ok(Self {
            id: Id::new(row.id),
            agent_type: reader.value("agent_type", AgentType::from_stored(&row.agent_type))?,
            parent_session: row.parent_session,
            client_id: row.client_id,
            scopes: Scopes::up_to(reader.word("scope", &row.scope)?),
            input: row.input,
            input_digest: reader.value("input_digest", row.input_digest.try_into().ok())?,
            status: reader.word("status", &row.status)?,
            result: row.result,
            started_at: reader.instant("started_at", row.started_at)?,
            finished_at: reader.optional_instant("finished_at", row.finished_at)?,
            request_count: row.request_count,
            token_id: row.token_id,
            expires_at: reader.instant("expires_at", row.expires_at)?,
            started_by: row.started_by,
            revision: row.revision,
        })
    }
}
