//! Runs of agents.

use async_trait::async_trait;
use claudetools_identity::{AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, ports::AgentRunRepository};
use claudetools_kernel::{Id, Page, PageRequest, Stored, Timestamp};
use uuid::Uuid;

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for AgentRun {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.agent_runs
    }

    fn clashes(&self, other: &Self) -> bool {
        self.token_id == other.token_id
    }

    fn over(self, kept: &Self) -> Self {
        Self { request_count: kept.request_count, ..self }
    }
}

#[async_trait]
impl AgentRunRepository for MemoryTx {
    async fn find_by_token(&mut self, token_id: &str) -> Stored<Option<AgentRun>> {
        Ok(self.state.agent_runs.rows().find(|run| run.token_id == token_id).cloned())
    }

    async fn find_completed(
        &mut self,
        agent_type: &str,
        input_digest: &[u8; 32],
        client_id: Uuid,
        since: Timestamp,
    ) -> Stored<Option<AgentRun>> {
        let answers = self.state.agent_runs.rows().filter(|run| {
            run.agent_type.as_str() == agent_type
                && run.input_digest == *input_digest
                && run.client_id == Some(client_id)
                && run.status == AgentRunStatus::Completed
                && run.finished_at.is_some_and(|end| end >= since)
        });
        Ok(answers.max_by_key(|run| (run.finished_at, run.id)).cloned())
    }

    async fn add_requests(&mut self, counts: &[(Id<AgentRun>, u64)]) -> Stored<()> {
        for (id, count) in counts {
            if let Some(run) = self.state.agent_runs.get_mut(*id) {
                run.request_count += i64::try_from(*count).unwrap_or(i64::MAX);
            }
        }
        Ok(())
    }

    async fn list(&mut self, filter: &AgentRunFilter, page: &PageRequest<AgentRunSort>) -> Stored<Page<AgentRun>> {
        let rows = self.state.agent_runs.rows().filter(|run| filter.admits(run)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
