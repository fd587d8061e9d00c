//! The sessions, as far as they concern agents.

use async_trait::async_trait;
use claudetools_identity::ports::{KnownSession, SessionDirectory};
use claudetools_kernel::{Id, Stored};
use uuid::Uuid;

use crate::store::MemoryTx;

#[async_trait]
impl SessionDirectory for MemoryTx {
    async fn find(&mut self, session: Uuid) -> Stored<Option<KnownSession>> {
        let session = self.state.sessions.get(Id::new(session));
        Ok(session.map(|session| KnownSession { client_id: session.client_id.map(Id::uuid) }))
    }
}
