//! How each engine is connected to.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use claudetools_kernel::StoreError;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbBackend,
    sqlx::{self, Executor, pool::PoolOptions, sqlite::SqliteSynchronous},
};

use crate::{failure::failure, pulse::Pulse};

/// How long a caller waits for a connection to a server: less than the two seconds within which it is to learn that there is
/// none to be had.
const ACQUIRE: Duration = Duration::from_millis(1500);
/// How long a start waits for a server that is not there yet, as when both start with the machine, and between two attempts.
const START_PATIENCE: Duration = Duration::from_secs(10);
const START_PAUSE: Duration = Duration::from_millis(250);
/// Prepared statements that a connection keeps. The texts are few, but more than the drivers' usual hundred.
pub(crate) const STATEMENTS: usize = 256;

/// How the database is used.
#[derive(Debug, Clone)]
pub struct SqlOptions {
    /// Connections to a server. An embedded database has one that writes, and [`SqlOptions::readers`].
    pub connections: u32,
    /// Runtimes on which a server is asked, each over connections of its own as far as there are two for each.
    pub runtimes: u32,
    /// Connections that read an embedded database. More than 4 buy memory, not speed.
    pub readers: u32,
    /// How long a statement waits for a lock that another holds, and a caller for a free connection to an embedded database.
    pub busy_timeout: Duration,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { connections: 16, runtimes: 1, readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

/// The engine that a URL names; `None` for a scheme that is none of ours.
pub(crate) fn engine(url: &str) -> Option<DbBackend> {
    match url.split_once(':')?.0 {
        "sqlite" => Some(DbBackend::Sqlite),
        "mysql" | "mariadb" => Some(DbBackend::MySql),
        "postgres" | "postgresql" => Some(DbBackend::Postgres),
        _ => None,
    }
}

/// How long a transaction may lie idle before the server ends it, in seconds: its process is frozen, and others wait for what it has
/// locked.
const IDLE: u32 = 5;

/// What a session of `MySQL` begins with. Every replica sees what others have committed, statement by statement; who reads
/// before writing says so with a lock or checks the revision. A lock that is not to be had in time belongs to somebody who
/// hangs, and the use case is tried again. These time-outs are whole seconds.
fn mysql_session(options: &SqlOptions) -> [String; 2] {
    let seconds = options.busy_timeout.as_millis().div_ceil(1000).max(1);
    [
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
        format!(
            "SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, \
             sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES') /*M!, idle_transaction_timeout = {IDLE} */"
        ),
    ]
}

/// The same for `PostgreSQL`, where 0 would be no limit.
fn postgres_session(options: &SqlOptions) -> [(&'static str, String); 3] {
    let lock_timeout = format!("{}ms", options.busy_timeout.as_millis().max(1));
    let idle = format!("{IDLE}s");
    let isolation = ("default_transaction_isolation", "read committed".to_owned());
    [isolation, ("lock_timeout", lock_timeout), ("idle_in_transaction_session_timeout", idle)]
}

/// A pool of connections to a server, one of them open.
pub(crate) async fn server(
    url: &str,
    engine: DbBackend,
    connections: u32,
    options: &SqlOptions,
    pulse: &Arc<Pulse>,
) -> Result<DatabaseConnection, StoreError> {
    let connect = server_options(url, engine, connections, options, Some(pulse));
    let since = Instant::now();
    loop {
        match Database::connect(connect.clone()).await.map_err(failure) {
            Err(StoreError::Unavailable(reason)) if since.elapsed() < START_PATIENCE => {
                tracing::warn!(reason, "the database cannot be reached yet");
                tokio::time::sleep(START_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// A pool that connects when it is first asked, on the runtime that asks.
pub(crate) async fn later(
    url: &str,
    engine: DbBackend,
    connections: u32,
    options: &SqlOptions,
    pulse: &Arc<Pulse>,
) -> Result<DatabaseConnection, StoreError> {
    let mut connect = server_options(url, engine, connections, options, Some(pulse));
    // What the pool opened by itself would be open on the runtime of this one.
    connect.min_connections(0).connect_lazy(true);
    Database::connect(connect).await.map_err(failure)
}

/// A single connection to a server, to feel its pulse by.
pub(crate) fn watcher(url: &str, engine: DbBackend, options: &SqlOptions) -> ConnectOptions {
    server_options(url, engine, 1, options, None)
}

fn server_options(
    url: &str,
    engine: DbBackend,
    connections: u32,
    options: &SqlOptions,
    pulse: Option<&Arc<Pulse>>,
) -> ConnectOptions {
    let (mysql_session, postgres_session) = (Arc::new(mysql_session(options)), postgres_session(options));
    // The drivers know their servers by one name each.
    let rest = url.split_once(':').map_or("", |(_, rest)| rest);
    let scheme = if engine == DbBackend::MySql { "mysql" } else { "postgres" };
    let mut connect = ConnectOptions::new(format!("{scheme}:{rest}"));
    connect
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_mysql_opts(|mysql| mysql.statement_cache_capacity(STATEMENTS))
        .map_sqlx_postgres_opts(move |postgres| {
            let postgres = postgres.statement_cache_capacity(STATEMENTS).application_name("claudetools");
            postgres.options(postgres_session.clone())
        });
    let of_pool = pulse.cloned();
    connect.map_sqlx_mysql_pool_opts(move |pool| {
        let session = Arc::clone(&mysql_session);
        let pool = pool.after_connect(move |connection, _| {
            let session = Arc::clone(&session);
            Box::pin(async move {
                for statement in session.iter() {
                    connection.execute(sqlx::AssertSqlSafe(statement.clone())).await?;
                }
                Ok(())
            })
        });
        without_stale(pool, of_pool.clone())
    });
    let of_pool = pulse.cloned();
    connect.map_sqlx_postgres_pool_opts(move |pool| without_stale(pool, of_pool.clone()));
    connect
}

/// Throws away what was connected before the server came back, and what is given back while it does not answer: the driver
/// would wait for the answer to whatever was under way.
fn without_stale<D: sqlx::Database>(pool: PoolOptions<D>, pulse: Option<Arc<Pulse>>) -> PoolOptions<D> {
    let Some(pulse) = pulse else { return pool };
    let after = Arc::clone(&pulse);
    pool.before_acquire(move |_, connection| {
        let is_good = !pulse.is_stale(connection.age);
        Box::pin(async move { Ok(is_good) })
    })
    .after_release(move |_, connection| {
        let is_good = !after.is_down() && !after.is_stale(connection.age);
        Box::pin(async move { if is_good { Ok(true) } else { Err(sqlx::Error::WorkerCrashed) } })
    })
}

/// A connection to an embedded database for what only the driver of the migrations does. To be closed when that is done.
pub(crate) async fn embedded(url: &str, options: &SqlOptions) -> Result<DatabaseConnection, StoreError> {
    let busy_timeout = options.busy_timeout;
    let mut connect = ConnectOptions::new(url.to_owned());
    connect
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(busy_timeout)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            // The file has its write-ahead log already: the store has opened it before.
            sqlite.synchronous(SqliteSynchronous::Full).busy_timeout(busy_timeout).foreign_keys(true)
        });
    Database::connect(connect).await.map_err(failure)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_driver_is_the_one_that_sends_without_delay() {
        let lock = include_str!("../../../../Cargo.lock");
        let driver = lock.split("[[package]]").find(|package| package.contains("name = \"sqlx-core\""));
        let driver = driver.expect("the driver is among the packages");
        // What comes from a registry names it. Decision 0043.
        assert!(!driver.contains("source = "), "{driver}");
    }
}
