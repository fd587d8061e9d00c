//! Group commit: whatever writes wait share one transaction, each in a savepoint of its own, and are answered after its commit.

use std::{
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    Answer,
    sqlite::{SqliteStore, insert},
    view::Detail,
};

/// How many writes share a commit at the most.
const BATCH: usize = 256;

struct Job {
    new: Detail,
    answer: oneshot::Sender<Answer<Detail>>,
}

/// A thread that writes.
pub(super) struct GroupWriter(Sender<Job>);

impl GroupWriter {
    pub(super) fn start(store: &SqliteStore) -> rusqlite::Result<Self> {
        let mut connection = store.new_writer()?;
        let (sender, jobs) = mpsc::channel();
        thread::spawn(move || write(&mut connection, &jobs));
        Ok(Self(sender))
    }

    pub(super) async fn create(&self, new: Detail) -> Answer<Detail> {
        let (answer, made) = oneshot::channel();
        self.0.send(Job { new, answer }).map_err(|error| error.to_string())?;
        made.await.map_err(|error| error.to_string())?
    }
}

fn write(connection: &mut Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter()).take(BATCH).collect();
        let (batch, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.new, job.answer)).unzip();
        match commit(connection, batch) {
            Ok(made) => waiting.into_iter().zip(made).for_each(|(answer, made)| drop(answer.send(made))),
            Err(error) => waiting.into_iter().for_each(|answer| drop(answer.send(Err(error.to_string())))),
        }
    }
}

fn commit(connection: &mut Connection, batch: Vec<Detail>) -> rusqlite::Result<Vec<Answer<Detail>>> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut made = Vec::with_capacity(batch.len());
    for new in batch {
        let savepoint = transaction.savepoint()?;
        made.push(match insert(&savepoint, new) {
            Ok(new) => savepoint.commit().map(|()| Ok(new))?,
            // The savepoint rolls back when it is dropped; the others go on.
            Err(error) => Err(error.to_string()),
        });
    }
    transaction.commit()?;
    Ok(made)
}
