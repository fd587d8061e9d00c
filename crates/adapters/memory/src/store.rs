//! The store and its transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use claudetools_coord::{Component, CoordProject, Delivery, HistoryEntry, Message, Retention};
use claudetools_credentials::{AuditRow, Credential, Epoch, Head, SealedVersion, Share, VaultCheck};
use claudetools_identity::{Account, AgentRun, RefreshToken, Revocation, ThrottleState};
use claudetools_infra::failure::ports::{CommandContext, CommandRepository, InsightRepository, PatternRepository};
use claudetools_infra::failure::{Command, FailurePattern, Insight, PatternKey};
use claudetools_infra::inventory::{
    Asset, FirewallRule, IncidentMove, InventoryQueries, Items, M365Tenant, Network, SecurityIncident, Service,
    ServiceRelationship, Site, Surroundings,
};
use claudetools_infra::{netbox::ClientBook, ports::InfraTx};
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
    pub(crate) commands: Table<Command>,
    pub(crate) failure_patterns: Table<FailurePattern>,
    pub(crate) pattern_keys: Vec<PatternKey>,
    /// At which spots which pattern is expected.
    pub(crate) pattern_spots: BTreeSet<(Id<FailurePattern>, String)>,
    pub(crate) insights: Table<Insight>,
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
    pub(crate) sites: Table<Site>,
    pub(crate) assets: Table<Asset>,
    pub(crate) services: Table<Service>,
    pub(crate) service_relationships: Table<ServiceRelationship>,
    pub(crate) networks: Table<Network>,
    pub(crate) firewall_rules: Table<FirewallRule>,
    pub(crate) m365_tenants: Table<M365Tenant>,
    pub(crate) security_incidents: Table<SecurityIncident>,
    /// Which incident names which asset.
    pub(crate) incident_assets: BTreeSet<(Id<SecurityIncident>, Id<Asset>)>,
    /// Where incidents stood, by the revision that moved them.
    pub(crate) incident_moves: BTreeMap<(Id<SecurityIncident>, i64), IncidentMove>,
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

impl InfraTx for MemoryTx {
    fn sites(&mut self) -> &mut dyn Items<Site> {
        self
    }

    fn assets(&mut self) -> &mut dyn Items<Asset> {
        self
    }

    fn services(&mut self) -> &mut dyn Items<Service> {
        self
    }

    fn service_relationships(&mut self) -> &mut dyn Items<ServiceRelationship> {
        self
    }

    fn networks(&mut self) -> &mut dyn Items<Network> {
        self
    }

    fn firewall_rules(&mut self) -> &mut dyn Items<FirewallRule> {
        self
    }

    fn m365_tenants(&mut self) -> &mut dyn Items<M365Tenant> {
        self
    }

    fn security_incidents(&mut self) -> &mut dyn Items<SecurityIncident> {
        self
    }

    fn inventory(&mut self) -> &mut dyn InventoryQueries {
        self
    }

    fn surroundings(&mut self) -> &mut dyn Surroundings {
        self
    }

    fn client_book(&mut self) -> &mut dyn ClientBook {
        self
    }

    fn commands(&mut self) -> &mut dyn CommandRepository {
        self
    }

    fn failure_patterns(&mut self) -> &mut dyn PatternRepository {
        self
    }

    fn insights(&mut self) -> &mut dyn InsightRepository {
        self
    }

    fn command_context(&mut self) -> &mut dyn CommandContext {
        self
    }
}

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
