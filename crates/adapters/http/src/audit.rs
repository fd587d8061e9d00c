//! Rows of the API audit log for requests that write nothing: gathered and written in batches.

use std::{fmt, sync::Arc, time::Duration};

use claudetools_kernel::AuditEntry;
use futures::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};

/// How many rows a batch has at the most.
const BATCH: usize = 500;
/// How long a row waits at the most before its batch is written.
const DELAY: Duration = Duration::from_secs(1);
/// How many rows may wait. When they are that many, requests wait too: no row is dropped.
const QUEUE: usize = 4096;
/// How long to wait before a failed batch is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Writes a batch; `Err` means that nothing of it was written.
pub type WriteBatch = Arc<dyn Fn(Arc<[AuditEntry]>) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Where requests leave their rows.
#[derive(Clone)]
pub struct AuditSink(mpsc::Sender<AuditEntry>);

impl fmt::Debug for AuditSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditSink").field("room", &self.0.capacity()).finish()
    }
}

impl AuditSink {
    /// Starts the task that writes. Sending on (or dropping) the second value ends it, after everything that waits is written.
    pub fn start(write: WriteBatch) -> (Self, oneshot::Sender<()>, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (stop, stopped) = oneshot::channel();
        (Self(sender), stop, tokio::spawn(write_batches(receiver, stopped, write)))
    }

    /// How many rows wait.
    pub(crate) fn queued(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }

    /// Leaves a row, waiting while the queue is full.
    pub(crate) async fn record(&self, entry: AuditEntry) {
        if self.0.send(entry).await.is_err() {
            tracing::error!("the audit task has ended; a row was lost");
        }
    }
}

async fn write_batches(mut rows: mpsc::Receiver<AuditEntry>, mut stopped: oneshot::Receiver<()>, write: WriteBatch) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped, if !rows.is_closed() => rows.close(),
            first = rows.recv() => match first {
                Some(row) => batch.push(row),
                None => return,
            },
        }
        let due = Instant::now() + DELAY;
        while batch.len() < BATCH {
            tokio::select! {
                biased;
                next = timeout_at(due, rows.recv()) => match next {
                    Ok(Some(row)) => batch.push(row),
                    Ok(None) | Err(_) => break,
                },
                _ = &mut stopped, if !rows.is_closed() => rows.close(),
            }
        }
        if !batch.is_empty() {
            write_until_done(&batch.drain(..).collect(), &write).await;
        }
    }
}

/// A batch that cannot be written is tried until it can: meanwhile the queue fills and requests wait.
async fn write_until_done(batch: &Arc<[AuditEntry]>, write: &WriteBatch) {
    while let Err(error) = write(Arc::clone(batch)).await {
        tracing::warn!(%error, rows = batch.len(), "audit rows could not be written, trying again");
        sleep(RETRY).await;
    }
}
