//! Members share commits, and each is a transaction by itself.

use std::time::Duration;

use claudetools_kernel::StoreError;
use rusqlite::Connection;
use sea_orm::{DbBackend, Statement};
use tempfile::TempDir;

use super::*;
use crate::question::{All, Question, Values};

struct Ground {
    embedded: Embedded,
    _directory: TempDir,
}

async fn ground(options: &SqlOptions) -> Ground {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("test.db").display());
    let embedded = Embedded::open(&url, options).await.unwrap();
    embedded.maintain(&["CREATE TABLE numbers (number INTEGER PRIMARY KEY)"]).await.unwrap();
    Ground { embedded, _directory: directory }
}

fn add(number: i64) -> Statement {
    Statement::from_string(DbBackend::Sqlite, format!("INSERT INTO numbers VALUES ({number})"))
}

async fn put(member: &Member, number: i64) -> Result<u64, StoreError> {
    member.ask(move |connection| execute(connection, &add(number))).await
}

impl Ground {
    async fn numbers(&self) -> Vec<i64> {
        let all = Statement::from_string(DbBackend::Sqlite, "SELECT number FROM numbers ORDER BY number");
        let all = All::<Values<i64>>::of(all);
        let rows = self.embedded.readers().ask(move |connection| all.ask_embedded(connection)).await.unwrap();
        rows.into_iter().map(|Values(number)| number).collect()
    }

    /// Holds the thread that writes up until the answer is dropped or sent.
    fn hold_up(&self) -> std::sync::mpsc::Sender<()> {
        let (go, wait) = std::sync::mpsc::channel();
        let embedded = self.embedded.clone();
        tokio::spawn(async move {
            embedded
                .writer
                .alone(move |_| {
                    let _ = wait.recv();
                    Ok(())
                })
                .await
        });
        go
    }
}

#[tokio::test]
async fn what_waits_shares_a_commit_and_each_is_there_afterwards() {
    let ground = ground(&SqlOptions::default()).await;
    let go = ground.hold_up();
    tokio::task::yield_now().await;
    let members: Vec<_> = (0..50)
        .map(|number| {
            let member = ground.embedded.begin();
            tokio::spawn(async move {
                put(&member, number).await?;
                member.commit(vec![]).await
            })
        })
        .collect();
    go.send(()).unwrap();
    for member in members {
        member.await.unwrap().unwrap();
    }
    assert_eq!(ground.numbers().await, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_member_that_is_dropped_or_fails_takes_nothing_of_the_others_along() {
    let ground = ground(&SqlOptions::default()).await;
    let go = ground.hold_up();
    let (first, dropped, twice, last) =
        (ground.embedded.begin(), ground.embedded.begin(), ground.embedded.begin(), ground.embedded.begin());
    let first = tokio::spawn(async move {
        put(&first, 1).await?;
        first.commit(vec![add(10)]).await
    });
    let dropped = tokio::spawn(async move { put(&dropped, 2).await });
    let twice = tokio::spawn(async move {
        put(&twice, 3).await?;
        // A failed statement is not the end of a transaction, but of its commit when it comes with that.
        let _ = put(&twice, 3).await.unwrap_err();
        put(&twice, 4).await?;
        twice.commit(vec![add(5), add(3)]).await
    });
    let last = tokio::spawn(async move {
        put(&last, 6).await?;
        last.commit(vec![]).await
    });
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    dropped.await.unwrap().unwrap();
    assert!(matches!(twice.await.unwrap(), Err(StoreError::Constraint(_))));
    last.await.unwrap().unwrap();
    assert_eq!(ground.numbers().await, [1, 6, 10]);
}

#[tokio::test]
async fn a_member_reads_what_it_wrote_and_others_do_not_until_it_commits() {
    let ground = ground(&SqlOptions::default()).await;
    let member = ground.embedded.begin();
    put(&member, 7).await.unwrap();
    let count = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM numbers", [], |row| row.get::<_, i64>(0)).map_err(failure)
    };
    assert_eq!(member.ask(count).await.unwrap(), 1);
    assert_eq!(ground.numbers().await, Vec::<i64>::new());
    member.commit(vec![]).await.unwrap();
    assert_eq!(ground.numbers().await, [7]);
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_is_told_so_and_leaves_nothing() {
    let options = SqlOptions { busy_timeout: Duration::from_millis(50), ..SqlOptions::default() };
    let ground = ground(&options).await;
    let holder = ground.embedded.begin();
    put(&holder, 1).await.unwrap();
    let late = ground.embedded.begin();
    assert!(matches!(put(&late, 2).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(late.commit(vec![]).await, Err(StoreError::Unavailable(_))));
    holder.commit(vec![]).await.unwrap();
    assert_eq!(ground.numbers().await, [1]);
}

#[tokio::test]
async fn a_commit_that_fails_fails_for_all_and_the_next_begins_anew() {
    let ground = ground(&SqlOptions::default()).await;
    // A foreign key that is looked at when all commit: nothing before that refuses the row.
    ground
        .embedded
        .maintain(&["CREATE TABLE late (number INTEGER REFERENCES numbers (number) DEFERRABLE INITIALLY DEFERRED)"])
        .await
        .unwrap();
    let go = ground.hold_up();
    let (good, bad) = (ground.embedded.begin(), ground.embedded.begin());
    let good = tokio::spawn(async move {
        put(&good, 1).await?;
        good.commit(vec![]).await
    });
    let bad = tokio::spawn(async move {
        let dangling = Statement::from_string(DbBackend::Sqlite, "INSERT INTO late VALUES (404)");
        bad.commit(vec![dangling]).await
    });
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    assert!(matches!(good.await.unwrap(), Err(StoreError::Constraint(_))));
    assert!(matches!(bad.await.unwrap(), Err(StoreError::Constraint(_))));
    assert_eq!(ground.numbers().await, Vec::<i64>::new());
    let next = ground.embedded.begin();
    put(&next, 2).await.unwrap();
    next.commit(vec![]).await.unwrap();
    assert_eq!(ground.numbers().await, [2]);
}

#[tokio::test]
async fn what_the_engine_rolls_back_by_itself_is_told_to_every_member_of_the_commit() {
    let ground = ground(&SqlOptions::default()).await;
    let go = ground.hold_up();
    let (before, broken) = (ground.embedded.begin(), ground.embedded.begin());
    let before = tokio::spawn(async move {
        put(&before, 1).await?;
        before.commit(vec![]).await
    });
    let broken = tokio::spawn(async move {
        // As the engine does when the disk is full.
        let rolled_back = |connection: &Connection| connection.execute_batch("ROLLBACK").map_err(failure);
        broken.ask(rolled_back).await?;
        broken.commit(vec![add(2)]).await
    });
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    assert!(matches!(before.await.unwrap(), Err(StoreError::Unavailable(_))));
    assert!(matches!(broken.await.unwrap(), Err(StoreError::Unavailable(_))));
    let next = ground.embedded.begin();
    put(&next, 3).await.unwrap();
    next.commit(vec![]).await.unwrap();
    assert_eq!(ground.numbers().await, [3]);
}

#[tokio::test]
async fn a_question_that_panics_ends_alone() {
    let ground = ground(&SqlOptions::default()).await;
    let readers = ground.embedded.readers();
    for _ in 0..8 {
        let panics = |_: &Connection| -> Result<(), StoreError> { panic!("a test's own") };
        assert!(matches!(readers.ask(panics).await, Err(StoreError::Unavailable(_))));
    }
    assert_eq!(ground.numbers().await, Vec::<i64>::new());
    let numbers = readers.numbers();
    assert!(numbers.open <= numbers.limit && numbers.idle <= numbers.open, "{numbers:?}");
}

#[tokio::test]
async fn readers_cannot_write_and_nothing_is_answered_after_the_end() {
    let ground = ground(&SqlOptions::default()).await;
    let (readers, late) = (ground.embedded.readers(), ground.embedded.begin());
    let refused = readers.ask(|connection| execute(connection, &add(1))).await;
    assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
    ground.embedded.clone().close().await;
    assert!(matches!(put(&late, 1).await, Err(StoreError::Unavailable(_))));
    let read = readers.ask(|_| Ok(())).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))));
}
