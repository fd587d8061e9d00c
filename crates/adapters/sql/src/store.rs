//! Connections and transactions.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use claudetools_coord::ports::{
    ComponentRepository, CoordProjectRepository, CoordTx, EventRepository, HeadRepository, LockRepository,
    MessageRepository, PresenceRepository, RetentionRepository,
};
use claudetools_credentials::ports::{
    ChainRepository, CredentialRepository, CredentialsTx, Directory, ShareRepository, VersionRepository,
};
use claudetools_identity::ports::{
    AccountRepository, AgentRunRepository, ApiAuditLogRepository, IdentityTx, LoginThrottleRepository,
    RefreshTokenRepository, RevocationRepository, SessionDirectory,
};
use claudetools_infra::failure::ports::{CommandContext, CommandRepository, InsightRepository, PatternRepository};
use claudetools_infra::inventory::{
    Asset, FirewallRule, InventoryQueries, Items, M365Tenant, Network, SecurityIncident, Service, ServiceRelationship,
    Site, Surroundings,
};
use claudetools_infra::{netbox::ClientBook, ports::InfraTx};
use claudetools_kernel::{StoreError, Transaction, UnitOfWork};
use claudetools_sessions::ports::{
    BillableTimeRepository, ClientRepository, ClosingRepository, MachineRepository, PendingTaskRepository,
    ProjectRepository, SessionRepository, SessionsTx, TagRepository, TimeBlockRepository, TimerRepository,
    WorkItemRepository,
};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
};

pub(crate) use crate::connection::Connection;
use crate::{
    connect::{self, SqlOptions},
    connection::{Reading, Writing},
    embedded::Embedded,
    entity::api_audit_log,
    failure::{failure, is_lost},
    guarded::{Guarded, during},
    lanes::Lanes,
    pulse::Pulse,
    question::{Changes, One, Question, Values},
    repository::session_technician::{KnownTechnicians, Technicians},
    together::together,
};

/// A database: a file that this process reads and writes by threads of its own, or a server and connections to it.
#[derive(Clone)]
pub struct SqlStore {
    base: Base,
    /// What it was opened with.
    opened: Arc<(String, SqlOptions)>,
    technicians: KnownTechnicians,
}

#[derive(Clone)]
pub(crate) enum Base {
    Embedded(Embedded),
    Server { lanes: Lanes, pulse: Arc<Pulse> },
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens the database of a `sqlite://`, `mysql://` or `postgres://` URL; of SQLite it makes the file if there is none.
    /// Applies no migrations.
    pub async fn open(url: &str, options: &SqlOptions) -> Result<Self, StoreError> {
        let base = match connect::engine(url) {
            Some(DbBackend::Sqlite) => Base::Embedded(Embedded::open(url, options).await?),
            Some(engine) => {
                let pulse = Pulse::new();
                let lanes = Lanes::open(url, engine, options, &pulse).await?;
                pulse.listen(connect::watcher(url, engine, options));
                Base::Server { lanes, pulse }
            }
            None => return Err(StoreError::Database("the URL names no engine that this program knows".to_owned())),
        };
        let opened = Arc::new((url.to_owned(), options.clone()));
        Ok(Self { base, opened, technicians: KnownTechnicians::default() })
    }

    pub(crate) const fn base(&self) -> &Base {
        &self.base
    }

    /// The engine.
    pub fn engine(&self) -> DbBackend {
        match &self.base {
            Base::Embedded(_) => DbBackend::Sqlite,
            Base::Server { lanes, .. } => lanes.engine(),
        }
    }

    /// What sea-orm works on, for migrations and for whatever no use case does. Of SQLite it is one connection beside those of
    /// the store, to be closed when it is done with; of a server it is the pool of the runtime that this is asked on.
    pub async fn connect(&self) -> Result<DatabaseConnection, StoreError> {
        match &self.base {
            Base::Embedded(_) => connect::embedded(&self.opened.0, &self.opened.1).await,
            Base::Server { lanes, .. } => Ok(lanes.here().clone()),
        }
    }

    /// Is done with what [`SqlStore::connect`] gave.
    pub async fn disconnect(&self, connection: DatabaseConnection) -> Result<(), StoreError> {
        match self.base {
            Base::Embedded(_) => connection.close().await.map_err(failure),
            Base::Server { .. } => Ok(()),
        }
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(self) -> Result<(), StoreError> {
        match self.base {
            Base::Embedded(embedded) => {
                embedded.close().await;
                Ok(())
            }
            Base::Server { lanes, .. } => lanes.close().await,
        }
    }

    /// Whether the database is a node of a Galera cluster, where writers on different nodes meet only when they commit.
    pub async fn is_galera(&self) -> Result<bool, StoreError> {
        if self.engine() != DbBackend::MySql {
            return Ok(false);
        }
        let question = Statement::from_string(self.engine(), "SHOW GLOBAL VARIABLES LIKE 'wsrep_on'");
        let answer = self.view().ask(One::<Values<(String, String)>>::of(question)).await?;
        Ok(answer.is_some_and(|Values((_, value))| value.eq_ignore_ascii_case("on")))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let question = Statement::from_string(self.engine(), "SELECT 1");
        self.view().ask(One::<Values<i32>>::of(question)).await.map(drop)
    }

    pub(crate) async fn begin_write(&self) -> Result<SqlTx<Writing>, StoreError> {
        let connection = match &self.base {
            Base::Embedded(embedded) => Writing::Embedded(embedded.begin()),
            Base::Server { lanes, pulse } => {
                let begun = match begin(lanes.here(), Some(pulse)).await {
                    // The server had closed the connection while it lay idle; nothing has happened yet.
                    Err(error) if is_lost(&error) => begin(lanes.here(), Some(pulse)).await,
                    begun => begun,
                };
                Writing::Server(Guarded::new(begun.map_err(failure)?, Some(Arc::clone(pulse))))
            }
        };
        Ok(SqlTx::new(connection, self.technicians.clone()))
    }

    /// Waits for `work` as long as the database answers.
    pub(crate) async fn while_it_answers<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        match &self.base {
            Base::Embedded(_) => work.await,
            Base::Server { pulse, .. } => during(Some(pulse), work).await,
        }
    }

    pub(crate) fn view(&self) -> SqlTx<Reading> {
        let connection = match &self.base {
            Base::Embedded(embedded) => Reading::Embedded(embedded.readers()),
            Base::Server { lanes, pulse } => {
                Reading::Server(Guarded::new(lanes.here().clone(), Some(Arc::clone(pulse))))
            }
        };
        SqlTx::new(connection, self.technicians.clone())
    }
}

/// Begins a transaction that writes.
pub(crate) async fn begin(
    connection: &DatabaseConnection,
    pulse: Option<&Arc<Pulse>>,
) -> Result<DatabaseTransaction, DbErr> {
    // IMMEDIATE: a deferred transaction that reads first cannot become a writer once another has written.
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    during(pulse, connection.begin_with_options(options)).await
}

/// A transaction, or connections for reading. It implements every repository itself.
pub(crate) struct SqlTx<C> {
    connection: C,
    /// What is to be done before anything else is asked.
    put_off: Mutex<Vec<Statement>>,
    /// What need not be done before the commit, and goes along with it.
    last: Vec<Statement>,
    /// The rows of the API audit log, likewise.
    audit: Vec<api_audit_log::Model>,
    pub(crate) technicians: Technicians,
}

impl<C> fmt::Debug for SqlTx<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqlTx")
    }
}

impl<C: Connection> SqlTx<C> {
    pub(crate) fn new(connection: C, known: KnownTechnicians) -> Self {
        let (last, audit, technicians) = (Vec::new(), Vec::new(), Technicians::new(known));
        Self { connection, put_off: Mutex::default(), last, audit, technicians }
    }

    /// The engine behind it.
    pub(crate) fn engine(&self) -> DbBackend {
        self.connection.engine()
    }

    /// Asks in one go.
    pub(crate) async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        let put_off = self.take_put_off();
        if !put_off.is_empty() {
            self.connection.ask(Changes(put_off)).await?;
        }
        self.connection.ask(question).await
    }

    /// Adds a row before anything else is asked, or with the commit. PostgreSQL then gets it in one turn with what else is
    /// added; a failure may be that of what comes next.
    pub(crate) async fn add_soon(&self, statement: Statement) -> Result<(), StoreError> {
        if self.engine() != DbBackend::Postgres {
            return self.run(vec![statement]).await.map(drop);
        }
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner).push(statement);
        Ok(())
    }

    fn take_put_off(&self) -> Vec<Statement> {
        std::mem::take(&mut self.put_off.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes rows at the latest when this is committed; a failure is that of the commit.
    pub(crate) fn change_last(&mut self, statement: Statement) {
        self.last.push(statement);
    }

    /// Adds a row to the API audit log at the latest when this is committed; a failure is that of the commit.
    pub(crate) fn audit_last(&mut self, row: api_audit_log::Model) {
        self.audit.push(row);
    }

    /// Runs statements that change rows, in their order and in one go; tells how many rows they changed.
    pub(crate) async fn run(&self, statements: Vec<Statement>) -> Result<u64, StoreError> {
        if statements.is_empty() { Ok(0) } else { self.ask(Changes(statements)).await }
    }

    /// Makes everything durable.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        let audit = std::mem::take(&mut self.audit);
        let mut last = self.take_put_off();
        last.append(&mut self.last);
        last.extend(self.insert_chunks_of::<api_audit_log::Entity>(audit));
        let last = together(self.engine(), last);
        self.connection.finish(last).await?;
        self.technicians.committed();
        Ok(())
    }
}

impl<C: Connection> SessionsTx for SqlTx<C> {
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

impl<C: Connection> IdentityTx for SqlTx<C> {
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

impl<C: Connection> CredentialsTx for SqlTx<C> {
    fn credentials(&mut self) -> &mut dyn CredentialRepository {
        self
    }

    fn versions(&mut self) -> &mut dyn VersionRepository {
        self
    }

    fn shares(&mut self) -> &mut dyn ShareRepository {
        self
    }

    fn chain(&mut self) -> &mut dyn ChainRepository {
        self
    }

    fn directory(&mut self) -> &mut dyn Directory {
        self
    }
}

impl<C: Connection> InfraTx for SqlTx<C> {
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

impl<C: Connection> CoordTx for SqlTx<C> {
    fn head(&mut self) -> &mut dyn HeadRepository {
        self
    }

    fn events(&mut self) -> &mut dyn EventRepository {
        self
    }

    fn locks(&mut self) -> &mut dyn LockRepository {
        self
    }

    fn presence(&mut self) -> &mut dyn PresenceRepository {
        self
    }

    fn messages(&mut self) -> &mut dyn MessageRepository {
        self
    }

    fn components(&mut self) -> &mut dyn ComponentRepository {
        self
    }

    fn coord_projects(&mut self) -> &mut dyn CoordProjectRepository {
        self
    }

    fn retention(&mut self) -> &mut dyn RetentionRepository {
        self
    }
}

#[async_trait]
impl UnitOfWork<dyn InfraTx> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn InfraTx>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn InfraTx>, StoreError> {
        Ok(Box::new(self.view()))
    }
}

#[async_trait]
impl UnitOfWork<dyn CoordTx> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn CoordTx>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn CoordTx>, StoreError> {
        Ok(Box::new(self.view()))
    }
}

#[async_trait]
impl UnitOfWork<dyn CredentialsTx> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn CredentialsTx>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn CredentialsTx>, StoreError> {
        Ok(Box::new(self.view()))
    }
}

#[async_trait]
impl UnitOfWork<dyn SessionsTx> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn SessionsTx>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn SessionsTx>, StoreError> {
        Ok(Box::new(self.view()))
    }
}

#[async_trait]
impl UnitOfWork<dyn IdentityTx> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn IdentityTx>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn IdentityTx>, StoreError> {
        Ok(Box::new(self.view()))
    }
}

#[async_trait]
impl UnitOfWork<dyn Transaction> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.view()))
    }
}
