//! The store and its transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use claudetools_coord::{Component, CoordProject, Delivery, HistoryEntry, Message, Retention};
use claudetools_credentials::{AuditRow, Credential, Epoch, Head, SealedVersion, Share, VaultCheck};
use claudetools_identity::{Account, AgentRun, RefreshToken, Revocation, ThrottleState};
use claudetools_infra::ports::InfraTx;
use claudetools_kernel::{AuditEntry, Id, ReplayRecord, StoreError, Transaction, UnitOfWork};
use claudetools_sessions::{
    BillableTime, Client, Closing, Machine, PendingTask, Project, Session, Tag, TimeBlock, Timer, WorkItem,
    ports::{
        BillableTimeRepository, ClientRepository, ClosingRepository, MachineRepository, PendingTaskRepository,
        ProjectRepository, SessionRepository, SessionsTx, TagRepository, TimeBlockRepository, TimerRepository,
        WorkItemRepository,
    },
};
use tokio::sync::{Mutex, OwnedMutexGuard, RwLock};
use uuid::Uuid;

use crate::{coord::Coord, table::Table};

/// Everything that is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) replies: Vec<ReplayRecord>,
    pub(crate) accounts: Table<Account>,
    pub(crate) refresh_tokens: Table<RefreshToken>,
    pub(crate) revocations: Table<Revocation>,
    pub(crate) login_throttle: BTreeMap<String, ThrottleState>,
    pub(crate) agent_runs: Table<AgentRun>,
    pub(crate) clients: Table<Client>,
    pub(crate) credentials: Table<Credential>,
    pub(crate) credential_versions: BTreeMap<(Id<Credential>, i64), SealedVersion>,
    pub(crate) credential_shares: BTreeMap<Uuid, Share>,
    pub(crate) chain: BTreeMap<i64, AuditRow>,
    pub(crate) chain_head: Option<Head>,
    pub(crate) chain_epochs: BTreeMap<i64, Epoch>,
    pub(crate) vault_check: Option<VaultCheck>,
    pub(crate) machines: Table<Machine>,
    pub(crate) projects: Table<Project>,
    pub(crate) pending_tasks: Table<PendingTask>,
    /// Which task waits for which.
    pub(crate) task_dependencies: BTreeSet<(Id<PendingTask>, Id<PendingTask>)>,
    pub(crate) tags: Table<Tag>,
    pub(crate) sessions: Table<Session>,
    pub(crate) work_items: Table<WorkItem>,
    pub(crate) coord: Coord,
    pub(crate) coord_messages: Table<Message>,
    pub(crate) coord_deliveries: BTreeMap<(Id<Message>, String), Delivery>,
    pub(crate) coord_components: Table<Component>,
    pub(crate) coord_history: Vec<HistoryEntry>,
    pub(crate) coord_projects: Table<CoordProject>,
    pub(crate) coord_retention: Option<Retention>,
    pub(crate) billable_time: Table<BillableTime>,
    pub(crate) timers: Table<Timer>,
    pub(crate) closings: Table<Closing>,
    pub(crate) time_blocks: Table<TimeBlock>,
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
    pub(crate) async fn begin_write(&self) -> MemoryTx {
        let writing = Arc::clone(&self.writer).lock_owned().await;
        MemoryTx { writing: Some(writing), ..self.begin_read().await }
    }

    pub(crate) async fn begin_read(&self) -> MemoryTx {
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
    fn machines(&mut self) -> &mut dyn MachineRepository {
        self
    }

    fn tags(&mut self) -> &mut dyn TagRepository {
        self
    }

    fn clients(&mut self) -> &mut dyn ClientRepository {
        self
    }

    fn projects(&mut self) -> &mut dyn ProjectRepository {
        self
    }

    fn pending_tasks(&mut self) -> &mut dyn PendingTaskRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn work_items(&mut self) -> &mut dyn WorkItemRepository {
        self
    }

    fn billable_time(&mut self) -> &mut dyn BillableTimeRepository {
        self
    }

    fn timers(&mut self) -> &mut dyn TimerRepository {
        self
    }

    fn closings(&mut self) -> &mut dyn ClosingRepository {
        self
    }

    fn time_blocks(&mut self) -> &mut dyn TimeBlockRepository {
        self
    }
}

impl InfraTx for MemoryTx {}

#[async_trait]
impl UnitOfWork<dyn InfraTx> for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn InfraTx>, StoreError> {
        Ok(Box::new(self.begin_write().await))
    }

    async fn read(&self) -> Result<Box<dyn InfraTx>, StoreError> {
        Ok(Box::new(self.begin_read().await))
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
