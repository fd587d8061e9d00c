//! Bringing the schema up to what this program expects.

use claudetools_kernel::StoreError;
use claudetools_migrations::{Difference, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExprTrait, Order, Statement,
    sea_query::{Expr, Query},
};

use crate::{
    failure::failure,
    question::{All, One, Values},
    store::{Base, SqlStore, begin},
};

/// How often to wait, for the busy timeout each, until another process has done the work.
const ATTEMPTS: u32 = 12;

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer version of this program has changed the schema already; using it could lose what that version keeps there.
    #[error(
        "this server is older than the schema, which has {}: start the version that the schema belongs to, or restore a backup",
        .unknown.join(", ")
    )]
    Newer {
        /// The migrations that this version does not know.
        unknown: Vec<String>,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies the migrations that are missing and tells how many: all or none, but on `MySQL`, which takes no change of a schema
/// back; there a broken-off attempt is continued by the next one. Refuses a schema that is newer than this program. Of several processes that call this at once on one database, one does the work while the others wait for it.
pub async fn prepare(store: &SqlStore) -> Result<usize, SchemaError> {
    // Mostly there is nothing to do, and then nobody who writes meanwhile is in the way.
    if missing(compare(store).await?)? == 0 {
        return Ok(0);
    }
    let connection = store.connect().await?;
    let applied = apply_in_turn(&connection).await;
    store.disconnect(connection).await?;
    applied
}

/// Applies what is missing, when no other process does.
async fn apply_in_turn(connection: &DatabaseConnection) -> Result<usize, SchemaError> {
    let mut attempt = 1;
    loop {
        match apply(connection).await {
            Err(SchemaError::Store(StoreError::Unavailable(_))) if attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

/// Whether migrations are missing, as on a replica that was started before its schema. Asks a reader, which no writer holds up.
pub async fn is_behind(store: &SqlStore) -> Result<bool, SchemaError> {
    Ok(missing(compare(store).await?)? > 0)
}

/// Takes the last `steps` migrations back, or all of them, and with them what is kept only there.
pub async fn take_back(store: &SqlStore, steps: Option<u32>) -> Result<(), StoreError> {
    let connection = store.connect().await?;
    let done = Migrator::down(&connection, steps).await.map_err(failure);
    store.disconnect(connection).await?;
    done
}

/// What stands between the database's schema and the one that this program knows.
pub async fn compare(store: &SqlStore) -> Result<Difference, StoreError> {
    match store.base() {
        Base::Server { lanes, .. } => store.while_it_answers(Migrator::compare(lanes.here())).await.map_err(failure),
        Base::Embedded(_) => {
            let (view, table) = (store.view(), Migrator::migration_table_name().to_string());
            let tables =
                Query::select().column("name").from("sqlite_master").and_where(Expr::col("name").eq(&table)).take();
            let versions = Query::select().column("version").from(table).order_by("version", Order::Asc).take();
            let is_there = view.ask(One::<Values<String>>::of(view.statement(&tables))).await?.is_some();
            let versions = All::<Values<String>>::of(view.statement(&versions));
            let applied = if is_there { view.ask(versions).await? } else { Vec::new() };
            let applied: Vec<String> = applied.into_iter().map(|Values(version)| version).collect();
            Ok(Migrator::difference(&applied))
        }
    }
}

async fn apply(connection: &DatabaseConnection) -> Result<usize, SchemaError> {
    // The right to change the schema comes before the question, so that nobody else applies a migration in between.
    let transaction = begin(connection, None).await.map_err(failure)?;
    lock(&transaction).await.map_err(failure)?;
    let applied = apply_missing(&transaction).await;
    unlock(&transaction).await.map_err(failure)?;
    let applied = applied?;
    transaction.commit().await.map_err(failure)?;
    Ok(applied)
}

async fn apply_missing(transaction: &DatabaseTransaction) -> Result<usize, SchemaError> {
    let missing = missing(Migrator::compare(transaction).await.map_err(failure)?)?;
    if missing > 0 {
        Migrator::up(transaction, None).await.map_err(failure)?;
    }
    Ok(missing)
}

/// What replicas agree on to take turns by.
const LOCK: i64 = 0x0063_7463_6874;
/// How long the others may take: as long as a migration of many rows does.
const LOCK_SECONDS: u32 = 600;

/// Waits until no other process changes this schema. SQLite needs nothing: the transaction is a writer from its first line.
async fn lock(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    match transaction.get_database_backend() {
        DbBackend::Postgres => {
            transaction.execute_unprepared(&format!("SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")).await?;
            transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
        }
        DbBackend::MySql => {
            let lock = format!("SELECT GET_LOCK(CONCAT('claudetools:', DATABASE()), {LOCK_SECONDS})");
            let lock = Statement::from_string(DbBackend::MySql, lock);
            let row = transaction.query_one_raw(lock).await?;
            if row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten() != Some(1) {
                return Err(DbErr::Custom("another process has been changing the schema for too long".to_owned()));
            }
        }
        _ => {}
    }
    Ok(())
}

/// `MySQL` keeps the lock for the connection, not for the transaction, and a change of the schema ends that anyway.
async fn unlock(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::MySql {
        transaction.execute_unprepared("DO RELEASE_LOCK(CONCAT('claudetools:', DATABASE()))").await?;
    }
    Ok(())
}

fn missing(Difference { missing, unknown }: Difference) -> Result<usize, SchemaError> {
    if unknown.is_empty() { Ok(missing.len()) } else { Err(SchemaError::Newer { unknown }) }
}

#[cfg(test)]
mod tests;
