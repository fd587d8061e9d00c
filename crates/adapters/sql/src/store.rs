//! Connections and transactions.

use std::{fmt, time::Duration};

use async_trait::async_trait;
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
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use crate::failure::{failure, is_busy};

/// Between two attempts to open a file that another process is making.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// How the database is used.
#[derive(Debug, Clone)]
pub struct SqlOptions {
    /// Connections that read. More than 4 buy memory, not speed.
    pub readers: u32,
    /// How long a statement waits for a lock held by another process, and a caller for a free connection.
    pub busy_timeout: Duration,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

/// A database: for SQLite one connection that writes and a few that read and are never held up by it.
#[derive(Clone)]
pub struct SqlStore {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens the database of a `sqlite://` URL, making the file if there is none. Applies no migrations.
    pub async fn open(url: &str, options: &SqlOptions) -> Result<Self, StoreError> {
        let writer = connect_writer(url, options).await?;
        let readers = Database::connect(connect_options(url, options.readers, true, options)).await.map_err(failure)?;
        Ok(Self { writer, readers })
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
        self.readers.execute_unprepared("SELECT 1").await.map_err(failure)?;
        Ok(())
    }

    pub(crate) async fn begin_write(&self) -> Result<SqlTx<DatabaseTransaction>, StoreError> {
        // IMMEDIATE: a deferred transaction that reads first cannot become a writer once another has written.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.writer.begin_with_options(options).await.map(SqlTx).map_err(failure)
    }
}

/// The connection that writes. To turn a new file into one with a write-ahead log takes the file for oneself, which the
/// engine does not wait for, whatever the busy timeout: processes that start at once on a new file take turns here.
async fn connect_writer(url: &str, options: &SqlOptions) -> Result<DatabaseConnection, StoreError> {
    let mut left = options.busy_timeout;
    loop {
        match Database::connect(connect_options(url, 1, false, options)).await {
            Err(error) if is_busy(&error) && !left.is_zero() => {
                tokio::time::sleep(CONNECT_PAUSE).await;
                left = left.saturating_sub(CONNECT_PAUSE);
            }
            outcome => return outcome.map_err(failure),
        }
    }
}

fn connect_options(url: &str, connections: u32, read_only: bool, options: &SqlOptions) -> ConnectOptions {
    let busy_timeout = options.busy_timeout;
    let mut connect = ConnectOptions::new(url.to_owned());
    connect
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(busy_timeout)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .create_if_missing(!read_only)
                .journal_mode(SqliteJournalMode::Wal)
                // An answered write must outlive a power cut, not only a crash of the process.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(busy_timeout)
                .foreign_keys(true)
                .pragma("query_only", if read_only { "1" } else { "0" })
                .pragma("mmap_size", "268435456")
                .pragma("cache_size", "-16384")
                .pragma("temp_store", "memory")
                .statement_cache_capacity(256)
        });
    connect
}

/// A connection that statements run on, and how it ends.
#[async_trait]
pub(crate) trait Connection: ConnectionTrait + Send + Sync + Sized + 'static {
    async fn finish(self) -> Result<(), DbErr>;
}

#[async_trait]
impl Connection for DatabaseTransaction {
    async fn finish(self) -> Result<(), DbErr> {
        self.commit().await
    }
}

#[async_trait]
impl Connection for DatabaseConnection {
    /// Nothing to end: each statement stood for itself.
    async fn finish(self) -> Result<(), DbErr> {
        Ok(())
    }
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

#[async_trait]
impl UnitOfWork<dyn SessionsTx> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn SessionsTx>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn SessionsTx>, StoreError> {
        Ok(Box::new(SqlTx(self.readers.clone())))
    }
}

#[async_trait]
impl UnitOfWork<dyn IdentityTx> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn IdentityTx>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn IdentityTx>, StoreError> {
        Ok(Box::new(SqlTx(self.readers.clone())))
    }
}

#[async_trait]
impl UnitOfWork<dyn Transaction> for SqlStore {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(SqlTx(self.readers.clone())))
    }
}
