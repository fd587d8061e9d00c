//! The API audit log.

use std::collections::HashSet;

use async_trait::async_trait;
use claudetools_identity::{AuditFilter, AuditSort, ports::ApiAuditLogRepository};
use claudetools_kernel::{AuditEntry, Page, PageRequest, StoreError, Stored};

use crate::store::MemoryTx;

#[async_trait]
impl ApiAuditLogRepository for MemoryTx {
    async fn add_batch(&mut self, entries: &[AuditEntry]) -> Stored<()> {
        let mut taken: HashSet<_> = self.state.audit.iter().map(|entry| entry.id).collect();
        if !entries.iter().all(|entry| taken.insert(entry.id)) {
            return Err(StoreError::Constraint("id".to_owned()));
        }
        self.state.audit.extend_from_slice(entries);
        Ok(())
    }

    async fn list(&mut self, filter: &AuditFilter, page: &PageRequest<AuditSort>) -> Stored<Page<AuditEntry>> {
        let rows = self.state.audit.iter().filter(|entry| filter.admits(entry)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
