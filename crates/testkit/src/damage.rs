//! What no use case does: a test's own hands in the database.

use claudetools_sql::SqlStore;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend};

/// Runs a statement past every use case.
pub async fn execute(store: &SqlStore, statement: &str) -> u64 {
    let connection = store.connect().await.expect("a connection");
    let done = connection.execute_unprepared(statement).await.expect("a sound statement").rows_affected();
    store.disconnect(connection).await.expect("the connection closes");
    done
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

/// Another process that lets nobody write to `table`, but everybody read, until it is closed. In a file nobody writes to any other
/// table either.
pub async fn hold_writers(store: &SqlStore, url: &str, table: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let other = Database::connect(options).await.expect("a second connection");
    let hold = match store.engine() {
        DbBackend::Sqlite => vec!["BEGIN IMMEDIATE".to_owned()],
        DbBackend::MySql => vec![format!("LOCK TABLES {table} READ")],
        _ => vec!["BEGIN".to_owned(), format!("LOCK TABLE {table} IN SHARE MODE")],
    };
    for statement in hold {
        other.execute_unprepared(&statement).await.expect("the lock");
    }
    other
}
