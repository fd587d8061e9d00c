//! Runs of agents.

use async_trait::async_trait;
use claudetools_identity::{AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, ports::AgentRunRepository};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Timestamp};
use uuid::Uuid;

use crate::{store::MemoryTx, table::Row};

impl Row for AgentRun {
    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn clashes(&self, other: &Self) -> bool {
        self.token_id == other.token_id
    }
}

#[async_trait]
impl AgentRunRepository for MemoryTx {
    async fn add(&mut self, run: &AgentRun) -> Result<(), StoreError> {
        self.state.agent_runs.add(run)
    }

    async fn lookup(&mut self, id: Id<AgentRun>) -> Result<Option<AgentRun>, StoreError> {
        Ok(self.state.agent_runs.get(id))
    }

    async fn find_by_token(&mut self, token_id: &str) -> Result<Option<AgentRun>, StoreError> {
        Ok(self.state.agent_runs.rows().find(|run| run.token_id == token_id).cloned())
    }

    async fn find_completed(
        &mut self,
        agent_type: &str,
        input_digest: &[u8; 32],
        client_id: Uuid,
        since: Timestamp,
    ) -> Result<Option<AgentRun>, StoreError> {
        let answers = self.state.agent_runs.rows().filter(|run| {
            run.agent_type.as_str() == agent_type
                && run.input_digest == *input_digest
                && run.client_id == Some(client_id)
                && run.status == AgentRunStatus::Completed
                && run.finished_at.is_some_and(|end| end >= since)
        });
        Ok(answers.max_by_key(|run| (run.finished_at, run.id)).cloned())
    }

    async fn save(&mut self, run: &AgentRun, previous_revision: i64) -> Result<(), StoreError> {
        let kept = self.state.agent_runs.get(run.id);
        let request_count = kept.map_or(run.request_count, |kept| kept.request_count);
        self.state.agent_runs.save_over(&AgentRun { request_count, ..run.clone() }, previous_revision)
    }

    async fn add_requests(&mut self, counts: &[(Id<AgentRun>, u64)]) -> Result<(), StoreError> {
        for (id, count) in counts {
            if let Some(run) = self.state.agent_runs.get_mut(*id) {
                run.request_count += i64::try_from(*count).unwrap_or(i64::MAX);
            }
        }
        Ok(())
    }

    async fn list(
        &mut self,
        filter: &AgentRunFilter,
        page: &PageRequest<AgentRunSort>,
    ) -> Result<Page<AgentRun>, StoreError> {
        let rows = self.state.agent_runs.rows().filter(|run| filter.admits(run)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
