//! The records that commit together with a change.

use async_trait::async_trait;
use claudetools_identity::ports::ApiAuditLogRepository;
use claudetools_kernel::{AuditEntry, ReplayRecord, StoreError, Timestamp, Transaction};

use crate::store::MemoryTx;

#[async_trait]
impl Transaction for MemoryTx {
    async fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.add_batch(std::slice::from_ref(entry)).await
    }

    async fn keep_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError> {
        if self.kept_reply(&record.caller, &record.key, record.created_at).await?.is_some() {
            return Err(StoreError::Constraint("idempotency_keys".to_owned()));
        }
        self.state.replies.retain(|kept| (&kept.caller, &kept.key) != (&record.caller, &record.key));
        self.state.replies.push(record.clone());
        Ok(())
    }

    async fn keep_first_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError> {
        if self.state.replies.iter().any(|kept| (&kept.caller, &kept.key) == (&record.caller, &record.key)) {
            return Err(StoreError::Constraint("idempotency_keys".to_owned()));
        }
        self.state.replies.push(record.clone());
        Ok(())
    }

    async fn kept_reply(
        &mut self,
        caller: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<ReplayRecord>, StoreError> {
        let live = |kept: &&ReplayRecord| kept.caller == caller && kept.key == key && kept.expires_at > now;
        Ok(self.state.replies.iter().find(live).cloned())
    }

    async fn forget_replies(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let before = self.state.replies.len();
        self.state.replies.retain(|kept| kept.expires_at > now);
        Ok((before - self.state.replies.len()) as u64)
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.swap_in().await;
        Ok(())
    }
}
