//! What the identity domain keeps.

mod account;
mod agent_run;
mod api_audit_log;
mod login_throttle;
mod refresh_token;
mod revocation;
mod session_directory;

use async_trait::async_trait;
use claudetools_identity::ports::{
    AccountRepository, AgentRunRepository, ApiAuditLogRepository, IdentityTx, LoginThrottleRepository,
    RefreshTokenRepository, RevocationRepository, SessionDirectory,
};
use claudetools_kernel::{StoreError, UnitOfWork};

use crate::store::{MemoryStore, MemoryTx};

impl IdentityTx for MemoryTx {
    fn accounts(&mut self) -> &mut dyn AccountRepository {
        self
    }

    fn refresh_tokens(&mut self) -> &mut dyn RefreshTokenRepository {
        self
    }

    fn revocations(&mut self) -> &mut dyn RevocationRepository {
        self
    }

    fn login_throttle(&mut self) -> &mut dyn LoginThrottleRepository {
        self
    }

    fn agent_runs(&mut self) -> &mut dyn AgentRunRepository {
        self
    }

    fn api_audit_log(&mut self) -> &mut dyn ApiAuditLogRepository {
        self
    }

    fn session_directory(&mut self) -> &mut dyn SessionDirectory {
        self
    }
}

#[async_trait]
impl UnitOfWork<dyn IdentityTx> for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn IdentityTx>, StoreError> {
        Ok(Box::new(self.begin_write().await))
    }

    async fn read(&self) -> Result<Box<dyn IdentityTx>, StoreError> {
        Ok(Box::new(self.begin_read().await))
    }
}
