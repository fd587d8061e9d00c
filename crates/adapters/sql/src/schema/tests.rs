use std::collections::BTreeMap;

use claudetools_migrations::{DbErr, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, ExprTrait, Order,
    sea_query::{Expr, Query},
};
use tempfile::TempDir;

use super::*;
use crate::SqlOptions;

async fn open(directory: &TempDir) -> SqlStore {
    let url = format!("sqlite://{}", directory.path().join("test.db").display());
    SqlStore::open(&url, &SqlOptions::default()).await.unwrap()
}

async fn down(store: &SqlStore, steps: Option<u32>) {
    take_back(store, steps).await.unwrap();
}

/// Name and definition of every table and index, but for the list of migrations.
async fn definitions(store: &SqlStore) -> Result<BTreeMap<String, Option<String>>, DbErr> {
    let select = Query::select()
        .columns(["name", "sql"])
        .from("sqlite_master")
        .and_where(Expr::col("tbl_name").ne("seaql_migrations"))
        .order_by("name", Order::Asc)
        .take();
    let connection = store.connect().await.unwrap();
    let rows = connection.query_all(&select).await?;
    connection.close().await?;
    rows.into_iter().map(|row| Ok((row.try_get("", "name")?, row.try_get("", "sql")?))).collect()
}

#[tokio::test]
async fn a_new_database_gets_every_migration_and_a_second_call_none() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    assert_eq!(prepare(&store).await.unwrap(), Migrator::migrations().len());
    let made = definitions(&store).await.unwrap();
    assert!(made.contains_key("clients") && made.contains_key("accounts"));
    assert_eq!(prepare(&store).await.unwrap(), 0);
    assert_eq!(definitions(&store).await.unwrap(), made);
}

#[tokio::test]
async fn migrations_go_back_leaving_nothing_behind_and_forth_to_the_same_schema() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let steps = prepare(&store).await.unwrap();
    let made = definitions(&store).await.unwrap();
    down(&store, None).await;
    assert_eq!(definitions(&store).await.unwrap(), BTreeMap::new());
    assert_eq!(prepare(&store).await.unwrap(), steps);
    assert_eq!(definitions(&store).await.unwrap(), made);
}

#[tokio::test]
async fn what_is_missing_is_added_to_an_older_schema() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    prepare(&store).await.unwrap();
    let made = definitions(&store).await.unwrap();
    down(&store, Some(2)).await;
    assert_eq!(prepare(&store).await.unwrap(), 2);
    assert_eq!(definitions(&store).await.unwrap(), made);
}

#[tokio::test]
async fn a_schema_newer_than_the_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    prepare(&store).await.unwrap();
    // One of ours is missing too; it must not be applied on top of what is not understood.
    down(&store, Some(1)).await;
    let insert = Query::insert()
        .into_table("seaql_migrations")
        .columns(["version", "applied_at"])
        .values_panic(["m29991231_000001_of_tomorrow".into(), 0.into()])
        .take();
    let connection = store.connect().await.unwrap();
    connection.execute(&insert).await.unwrap();
    connection.close().await.unwrap();
    let before = definitions(&store).await.unwrap();
    let refusal = prepare(&store).await.unwrap_err();
    assert!(matches!(&refusal, SchemaError::Newer { unknown } if unknown == &["m29991231_000001_of_tomorrow"]));
    assert!(refusal.to_string().starts_with("this server is older than the schema"), "{refusal}");
    assert_eq!(definitions(&store).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_that_start_at_once_on_a_new_file_apply_each_migration_once() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let starts = (0..4).map(|_| {
            let url = format!("sqlite://{}", directory.path().join("test.db").display());
            tokio::spawn(async move {
                // Connections of its own, as another process has.
                let store = SqlStore::open(&url, &SqlOptions::default()).await?;
                prepare(&store).await
            })
        });
        let starts: Vec<_> = starts.collect();
        let mut applied = Vec::new();
        for start in starts {
            applied.push(start.await.unwrap().unwrap());
        }
        applied.sort_unstable();
        assert_eq!(applied, [0, 0, 0, Migrator::migrations().len()]);
    }
}
