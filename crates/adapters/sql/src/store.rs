//! Connections and transactions.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use claudetools_credentials::ports::{
    ChainRepository, CredentialRepository, CredentialsTx, Directory, ShareRepository, VersionRepository,
};
use claudetools_identity::ports::{
    AccountRepository, AgentRunRepository, ApiAuditLogRepository, IdentityTx, LoginThrottleRepository,
    RefreshTokenRepository, RevocationRepository, SessionDirectory,
};
use claudetools_kernel::{StoreError, Transaction, UnitOfWork};
use claudetools_sessions::ports::{
    ClientRepository, MachineRepository, PendingTaskRepository, ProjectRepository, SessionRepository, SessionsTx,
    TagRepository, WorkItemRepository,
};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

use crate::{
    connect::{self, SqlOptions},
    failure::{failure, is_lost},
    guarded::{Guarded, during},
    pulse::Pulse,
};

/// A database: for SQLite one connection that writes and a few that read and are never held up by it; for a server one pool
/// for both.
#[derive(Clone)]
pub struct SqlStore {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
    pulse: Option<Arc<Pulse>>,
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
        match connect::engine(url) {
            Some(DbBackend::Sqlite) => {
                let (writer, readers) = connect::embedded(url, options).await?;
                Ok(Self { writer, readers, pulse: None })
            }
            Some(engine) => {
                let pulse = Pulse::new();
                let pool = connect::server(url, engine, options, &pulse).await?;
                pulse.listen(connect::watcher(url, engine, options));
                Ok(Self { writer: pool.clone(), readers: pool, pulse: Some(pulse) })
            }
            None => Err(StoreError::Database("the URL names no engine that this program knows".to_owned())),
        }
    }

    /// The engine.
    pub fn engine(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// The connection that writes, for migrations and maintenance.
    pub const fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    pub(crate) const fn readers(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(self) -> Result<(), StoreError> {
        self.readers.close().await.map_err(failure)?;
        self.writer.close().await.map_err(failure)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.view()
            .connection()
            .query_one_raw(Statement::from_string(self.engine(), "SELECT 1"))
            .await
            .map_err(failure)?;
        Ok(())
    }

    pub(crate) async fn begin_write(&self) -> Result<SqlTx<Guarded<DatabaseTransaction>>, StoreError> {
        let begun = match self.begin().await {
            // The server had closed the connection while it lay idle; nothing has happened yet.
            Err(error) if is_lost(&error) => self.begin().await,
            begun => begun,
        };
        let transaction = begun.map_err(failure)?;
        Ok(SqlTx(Guarded::new(transaction, self.pulse.clone())))
    }

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        // IMMEDIATE: a deferred transaction that reads first cannot become a writer once another has written.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        during(self.pulse.as_ref(), self.writer.begin_with_options(options)).await
    }

    /// Waits for `work` as long as the database answers.
    pub(crate) async fn while_it_answers<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        during(self.pulse.as_ref(), work).await
    }

    fn view(&self) -> SqlTx<Guarded<DatabaseConnection>> {
        SqlTx(Guarded::new(self.readers.clone(), self.pulse.clone()))
    }
}

/// A connection that statements run on, and how it ends.
#[async_trait]
pub(crate) trait Connection: ConnectionTrait + Send + Sync + Sized + 'static {
    async fn finish(self) -> Result<(), DbErr>;
}

/// A transaction, or a pooled connection for reading. It implements every repository itself.
pub(crate) struct SqlTx<C>(C);

impl<C> fmt::Debug for SqlTx<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqlTx")
    }
}

impl<C: Connection> SqlTx<C> {
    pub(crate) const fn connection(&self) -> &C {
        &self.0
    }

    pub(crate) fn into_connection(self) -> C {
        self.0
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
