//! What no use case does: a test's own hands in the database.

use claudetools_sql::{SqlOptions, SqlStore};
use sea_orm::ConnectionTrait;

/// Runs a statement past every use case.
pub async fn execute(store: &SqlStore, statement: &str) -> u64 {
    store.writer().execute_unprepared(statement).await.expect("a sound statement").rows_affected()
}

/// Another process that holds the write lock of an SQLite file until it is closed.
pub async fn hold_write_lock(path: &std::path::Path) -> SqlStore {
    let url = format!("sqlite://{}", path.display());
    let other = SqlStore::open(&url, &SqlOptions::default()).await.expect("a second connection");
    execute(&other, "BEGIN IMMEDIATE").await;
    other
}
