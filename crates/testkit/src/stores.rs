//! A fresh, empty store per test.

use std::sync::Arc;

use claudetools_identity::ports::IdentityTx;
use claudetools_kernel::{Transaction, UnitOfWork};
use claudetools_memory::MemoryStore;
use claudetools_sessions::ports::SessionsTx;
use claudetools_sql::{SqlOptions, SqlStore};
use tempfile::TempDir;

/// Where a store keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The in-memory adapter.
    Memory,
    /// SQLite, in a directory of the test's own.
    Sqlite,
}

/// A fresh store with every table, removed when dropped.
pub struct TestStore {
    /// The journal.
    pub journal: Arc<dyn UnitOfWork<dyn Transaction>>,
    /// The domain of identity.
    pub identity: Arc<dyn UnitOfWork<dyn IdentityTx>>,
    /// The domain of sessions.
    pub sessions: Arc<dyn UnitOfWork<dyn SessionsTx>>,
    /// The SQL store behind them, where there is one.
    pub sql: Option<SqlStore>,
    _directory: Option<TempDir>,
}

impl std::fmt::Debug for TestStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestStore").field("sql", &self.sql).finish_non_exhaustive()
    }
}

impl TestStore {
    /// A fresh store on `engine`.
    pub async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Memory => {
                let store = Arc::new(MemoryStore::default());
                Self { journal: store.clone(), identity: store.clone(), sessions: store, sql: None, _directory: None }
            }
            Engine::Sqlite => {
                let directory = tempfile::tempdir().expect("a directory for the database");
                let url = format!("sqlite://{}", directory.path().join("test.db").display());
                let sql = SqlStore::open(&url, &SqlOptions::default()).await.expect("a new database");
                claudetools_sql::prepare(&sql).await.expect("the migrations");
                let store = Arc::new(sql.clone());
                Self {
                    journal: store.clone(),
                    identity: store.clone(),
                    sessions: store,
                    sql: Some(sql),
                    _directory: Some(directory),
                }
            }
        }
    }
}
