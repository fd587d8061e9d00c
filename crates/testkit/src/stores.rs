//! A fresh, empty store per test.

use std::sync::Arc;

use claudetools_coord::ports::CoordTx;
use claudetools_credentials::ports::CredentialsTx;
use claudetools_identity::ports::IdentityTx;
use claudetools_infra::ports::InfraTx;
use claudetools_kernel::{Transaction, UnitOfWork};
use claudetools_memory::MemoryStore;
use claudetools_sessions::ports::SessionsTx;
use claudetools_sql::{SqlOptions, SqlStore};

use crate::database::{Database, Engine};

/// A fresh store with every table, removed when dropped.
pub struct TestStore {
    /// The journal.
    pub journal: Arc<dyn UnitOfWork<dyn Transaction>>,
    /// The domain of identity.
    pub identity: Arc<dyn UnitOfWork<dyn IdentityTx>>,
    /// The domain of sessions.
    pub sessions: Arc<dyn UnitOfWork<dyn SessionsTx>>,
    /// The vault.
    pub credentials: Arc<dyn UnitOfWork<dyn CredentialsTx>>,
    /// Equipment and experience.
    pub infra: Arc<dyn UnitOfWork<dyn InfraTx>>,
    /// Coordination.
    pub coord: Arc<dyn UnitOfWork<dyn CoordTx>>,
    /// The SQL store behind them, where there is one.
    pub sql: Option<SqlStore>,
    _database: Option<Database>,
}

impl std::fmt::Debug for TestStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestStore").field("sql", &self.sql).finish_non_exhaustive()
    }
}

impl TestStore {
    /// A fresh store in memory.
    pub fn in_memory() -> Self {
        let store = Arc::new(MemoryStore::default());
        Self {
            journal: store.clone(),
            identity: store.clone(),
            credentials: store.clone(),
            infra: store.clone(),
            coord: store.clone(),
            sessions: store,
            sql: None,
            _database: None,
        }
    }

    /// A fresh store on `engine`.
    pub async fn on(engine: Engine) -> Self {
        let database = Database::with_tables(engine).await;
        let sql = SqlStore::open(&database.url, &SqlOptions::default()).await.expect("the new database");
        let store = Arc::new(sql.clone());
        Self {
            journal: store.clone(),
            identity: store.clone(),
            credentials: store.clone(),
            infra: store.clone(),
            coord: store.clone(),
            sessions: store,
            sql: Some(sql),
            _database: Some(database),
        }
    }
}
