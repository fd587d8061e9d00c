//! What no use case does: a test's own hands in the database.

use claudetools_sql::{SqlOptions, SqlStore};
use sea_orm::{ConnectionTrait, DbBackend};

/// Runs a statement past every use case.
pub async fn execute(store: &SqlStore, statement: &str) -> u64 {
    store.writer().execute_unprepared(statement).await.expect("a sound statement").rows_affected()
}

/// Lets no audit row of a create be written, until the second statement.
pub async fn refuse_audit_of_creates(store: &SqlStore) {
    let refuse = match store.engine() {
        DbBackend::Sqlite => {
            "CREATE TRIGGER broken BEFORE INSERT ON api_audit_logs WHEN NEW.status = 201 BEGIN SELECT RAISE(ABORT, 'no'); END"
        }
        _ => "ALTER TABLE api_audit_logs ADD CONSTRAINT broken CHECK (status <> 201)",
    };
    execute(store, refuse).await;
}

/// Ends what [`refuse_audit_of_creates`] began.
pub async fn admit_audit_of_creates(store: &SqlStore) {
    let admit = match store.engine() {
        DbBackend::Sqlite => "DROP TRIGGER broken",
        _ => "ALTER TABLE api_audit_logs DROP CONSTRAINT broken",
    };
    execute(store, admit).await;
}

/// Another process that lets nobody write, but everybody read, until it is closed.
pub async fn hold_writers(store: &SqlStore, url: &str) -> SqlStore {
    let other = SqlStore::open(url, &SqlOptions { connections: 1, ..SqlOptions::default() }).await;
    let other = other.expect("a second connection");
    match store.engine() {
        DbBackend::Sqlite => execute(&other, "BEGIN IMMEDIATE").await,
        DbBackend::MySql => execute(&other, "LOCK TABLES clients READ").await,
        _ => {
            execute(&other, "BEGIN").await;
            execute(&other, "LOCK TABLE clients IN SHARE MODE").await
        }
    };
    other
}
