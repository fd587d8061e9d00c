//! The schema goes forward and back on every engine, with rows in it, and whatever happens at the same time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use claudetools_migrations::{Migrator, MigratorTrait};
use claudetools_seed::{Plan, Size};
use claudetools_sql::{SqlOptions, SqlStore, prepare, take_back};
use claudetools_testkit::{Database, Engine, execute};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// Processes that start at once.
const REPLICAS: usize = 5;

async fn open(database: &Database) -> SqlStore {
    SqlStore::open(&database.url, &SqlOptions::default()).await.expect("the database")
}

async fn texts(store: &SqlStore, query: &str) -> Vec<String> {
    let connection = store.connect().await.expect("a connection");
    let rows = connection.query_all_raw(Statement::from_string(store.engine(), query)).await.expect(query);
    store.disconnect(connection).await.expect("the connection closes");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

/// A line for each column and each index, but for the list of migrations.
async fn definitions(store: &SqlStore) -> BTreeSet<String> {
    let queries: &[&str] = match store.engine() {
        DbBackend::Sqlite => {
            &["SELECT name || ' ' || coalesce(sql, '') FROM sqlite_master WHERE tbl_name <> 'seaql_migrations'"]
        }
        DbBackend::MySql => &[
            "SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable, COALESCE(collation_name, '-')) \
             FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations'",
            "SELECT CONCAT_WS(' ', table_name, index_name, non_unique, seq_in_index, column_name) \
             FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations'",
        ],
        _ => &[
            "SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable, collation_name) \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'seaql_migrations'",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'",
        ],
    };
    let mut lines = BTreeSet::new();
    for query in queries {
        lines.extend(texts(store, query).await);
    }
    lines
}

/// How many rows each table has, and a digest of the sessions' text.
async fn contents(store: &SqlStore) -> BTreeMap<String, Vec<String>> {
    let whole = if store.engine() == DbBackend::MySql { "CHAR" } else { "TEXT" };
    let mut contents = BTreeMap::new();
    for table in ["clients", "projects", "machines", "tags", "sessions", "session_tags", "work_items", "pending_tasks"]
    {
        contents
            .insert(table.to_owned(), texts(store, &format!("SELECT CAST(COUNT(*) AS {whole}) FROM {table}")).await);
    }
    let titles = texts(store, "SELECT session_title FROM sessions ORDER BY title_key, id").await;
    contents.insert("titles".to_owned(), titles);
    contents
}

pub(crate) async fn go_back_leaving_nothing_behind_and_forth_to_the_same_schema(engine: Engine) {
    let database = Database::empty(engine).await;
    let store = open(&database).await;
    let steps = prepare(&store).await.expect("the migrations");
    assert_eq!(steps, Migrator::migrations().len());
    let made = definitions(&store).await;
    assert!(made.iter().any(|line| line.contains("ix_sessions_client")), "{made:#?}");
    take_back(&store, None).await.expect("the way back");
    assert_eq!(definitions(&store).await, BTreeSet::new());
    assert_eq!(prepare(&store).await.expect("the migrations"), steps);
    assert_eq!(definitions(&store).await, made);
    store.close().await.expect("the connections close");
}

pub(crate) async fn leave_the_rows_of_the_schema_before_as_they_are(engine: Engine) {
    let database = Database::empty(engine).await;
    let store = open(&database).await;
    prepare(&store).await.expect("the migrations");
    let until = NaiveDate::from_ymd_opt(2026, 7, 1).expect("a day");
    let plan = Plan { seed: 7, size: Size::Small, until, append: false };
    claudetools_seed::run(&store, &plan, &|_| {}).await.expect("rows");
    let rows = contents(&store).await;
    assert_eq!(rows["sessions"], ["2000"]);
    let names = "SELECT technician_key FROM session_technicians ORDER BY technician_key";
    let technicians = texts(&store, names).await;
    assert_eq!(technicians.len(), 3);
    take_back(&store, Some(1)).await.expect("the way back");
    assert_eq!(contents(&store).await, rows, "what the schema before has is there after the way back");
    assert_eq!(prepare(&store).await.expect("the last migration"), 1);
    assert_eq!(contents(&store).await, rows);
    assert_eq!(texts(&store, names).await, technicians, "the names are those of the sessions that were there");
    store.close().await.expect("the connections close");
}

pub(crate) async fn are_applied_once_when_replicas_start_at_once(engine: Engine) {
    let database = Database::empty(engine).await;
    let mut starts = Vec::new();
    for _ in 0..REPLICAS {
        let url = database.url.clone();
        // Connections of its own, as another process has.
        starts.push(tokio::spawn(async move {
            let options = SqlOptions { connections: 2, ..SqlOptions::default() };
            let store = SqlStore::open(&url, &options).await.expect("the database");
            let applied = prepare(&store).await.expect("the migrations");
            store.close().await.expect("the connections close");
            applied
        }));
    }
    let mut applied = Vec::new();
    for start in starts {
        applied.push(start.await.expect("a start"));
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, 0, Migrator::migrations().len()]);
}

/// What is in the way of a migration makes it fail in the middle. An engine that takes no change of a schema back is left with
/// half of it, as by a crash.
pub(crate) async fn can_be_repeated_after_an_attempt_that_failed(engine: Engine) {
    let (clean, database) = (Database::with_tables(engine).await, Database::empty(engine).await);
    let store = open(&database).await;
    execute(&store, "CREATE TABLE agent_runs (in_the_way INTEGER)").await;
    let _ = prepare(&store).await.expect_err("a table is in the way");
    let left = definitions(&store).await.len();
    assert_eq!(left > 10, engine == Engine::MariaDb, "{left} lines are left of the attempt");
    execute(&store, "DROP TABLE agent_runs").await;
    prepare(&store).await.expect("the migrations");
    let model = open(&clean).await;
    assert_eq!(definitions(&store).await, definitions(&model).await);
    for store in [store, model] {
        store.close().await.expect("the connections close");
    }
}
