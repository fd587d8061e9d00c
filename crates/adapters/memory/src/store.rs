//! The store and its transactions.

use std::sync::Arc;

use async_trait::async_trait;
use claudetools_kernel::{AuditEntry, ReplayRecord, StoreError, Transaction, UnitOfWork};
use claudetools_sessions::{
    Client,
    ports::{ClientRepository, SessionsTx},
};
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock};

use crate::table::Table;

/// Everything that is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) replies: Vec<ReplayRecord>,
    pub(crate) clients: Table<Client>,
}

/// A store in memory. Clones share their content.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    committed: Arc<RwLock<State>>,
    writer: Arc<Mutex<()>>,
}

/// A transaction: a copy of the state, and for one that writes the right to swap it in.
#[derive(Debug)]
pub(crate) struct MemoryTx {
    pub(crate) state: State,
    committed: Arc<RwLock<State>>,
    writing: Option<OwnedMutexGuard<()>>,
}

impl MemoryStore {
    async fn begin_write(&self) -> MemoryTx {
        let writing = Arc::clone(&self.writer).lock_owned().await;
        MemoryTx { writing: Some(writing), ..self.begin_read().await }
    }

    async fn begin_read(&self) -> MemoryTx {
        MemoryTx { state: self.committed.read().await.clone(), committed: Arc::clone(&self.committed), writing: None }
    }
}

impl MemoryTx {
    /// Swaps the copy in, if this transaction may write.
    pub(crate) async fn swap_in(self) {
        if self.writing.is_some() {
            *self.committed.write().await = self.state;
        }
    }
}

impl SessionsTx for MemoryTx {
    fn clients(&mut self) -> &mut dyn ClientRepository {
        self
    }
}

#[async_trait]
impl UnitOfWork<dyn SessionsTx> for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn SessionsTx>, StoreError> {
        Ok(Box::new(self.begin_write().await))
    }

    async fn read(&self) -> Result<Box<dyn SessionsTx>, StoreError> {
        Ok(Box::new(self.begin_read().await))
    }
}

#[async_trait]
impl UnitOfWork<dyn Transaction> for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.begin_write().await))
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.begin_read().await))
    }
}
