//! Rows of the API audit log for requests that write nothing: gathered and written in batches.

use std::{fmt, sync::Arc, time::Duration};

use claudetools_kernel::AuditEntry;
use futures::future::BoxFuture;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

/// How many rows a batch has at the most: two of the largest statements that the storage makes of it.
const BATCH: usize = 512;
/// How long a row waits at the most before its batch is written.
const DELAY: Duration = Duration::from_secs(1);
/// How many rows may wait. When they are that many, requests wait too: no row is dropped. But while the database is away,
/// when requests are to be answered all the same, rows beyond that go to the log.
const QUEUE: usize = 4096;
/// How long to wait before a failed batch is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// How long a server that stops goes on trying. Then the rows go to the log.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// Writes a batch; `Err` means that nothing of it was written.
pub type WriteBatch = Arc<dyn Fn(Arc<[AuditEntry]>) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Where requests leave their rows.
#[derive(Clone)]
pub struct AuditSink {
    rows: mpsc::Sender<AuditEntry>,
    /// Told when a batch is full, so that the task need not look at each row as it comes.
    is_full: Arc<Notify>,
    /// Whether the last batch could not be written.
    is_stuck: watch::Receiver<bool>,
}

impl fmt::Debug for AuditSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditSink").field("room", &self.rows.capacity()).finish_non_exhaustive()
    }
}

impl AuditSink {
    /// Starts the task that writes. Sending on (or dropping) the second value ends it, after everything that waits is written.
    pub fn start(write: WriteBatch) -> (Self, oneshot::Sender<()>, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (stop, stopped) = oneshot::channel();
        let (stuck, is_stuck) = watch::channel(false);
        let is_full = Arc::new(Notify::new());
        let full = Arc::clone(&is_full);
        let writer = Writer { rows: receiver, full, stopped, stopped_at: None, write, stuck };
        (Self { rows: sender, is_full, is_stuck }, stop, tokio::spawn(writer.run()))
    }

    /// How many rows wait.
    pub(crate) fn queued(&self) -> usize {
        self.rows.max_capacity() - self.rows.capacity()
    }

    /// Leaves a row, waiting while the queue is full.
    pub(crate) async fn record(&self, entry: AuditEntry) {
        let mut is_stuck = self.is_stuck.clone();
        tokio::select! {
            biased;
            room = self.rows.reserve() => match room {
                Ok(room) => {
                    room.send(entry);
                    if self.queued() >= BATCH {
                        self.is_full.notify_one();
                    }
                }
                Err(_) => log(&entry, "the audit task has ended"),
            },
            _ = is_stuck.wait_for(|is_stuck| *is_stuck) => log(&entry, "the database is away and the queue is full"),
        }
    }
}

/// The task that writes.
struct Writer {
    rows: mpsc::Receiver<AuditEntry>,
    full: Arc<Notify>,
    stopped: oneshot::Receiver<()>,
    stopped_at: Option<Instant>,
    write: WriteBatch,
    stuck: watch::Sender<bool>,
}

impl Writer {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                _ = &mut self.stopped, if self.stopped_at.is_none() => self.take_no_more(),
                first = self.rows.recv() => match first {
                    Some(row) => batch.push(row),
                    None => return,
                },
            }
            self.fill().await;
            while batch.len() < BATCH
                && let Ok(row) = self.rows.try_recv()
            {
                batch.push(row);
            }
            if !batch.is_empty() {
                self.write_until_done(&batch.drain(..).collect()).await;
            }
        }
    }

    /// Waits until a batch is full or its first row has waited long enough, or nothing more can come.
    async fn fill(&mut self) {
        let due = sleep(DELAY);
        tokio::pin!(due);
        while self.rows.len() + 1 < BATCH && self.stopped_at.is_none() {
            tokio::select! {
                biased;
                _ = &mut self.stopped => self.take_no_more(),
                () = self.full.notified() => {}
                () = &mut due => return,
            }
        }
    }

    fn take_no_more(&mut self) {
        self.rows.close();
        self.stopped_at = Some(Instant::now());
    }

    /// A batch that cannot be written is tried until it can: meanwhile the queue fills. Only the end of the server ends it.
    async fn write_until_done(&mut self, batch: &Arc<[AuditEntry]>) {
        while let Err(error) = (self.write)(Arc::clone(batch)).await {
            tracing::warn!(%error, rows = batch.len(), "audit rows could not be written, trying again");
            self.stuck.send_replace(true);
            if self.stopped_at.is_some_and(|stopped| stopped.elapsed() > LAST_TRIES) {
                batch.iter().for_each(|entry| log(entry, "the server stops and the database is away"));
                return;
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                _ = &mut self.stopped, if self.stopped_at.is_none() => self.take_no_more(),
            }
        }
        self.stuck.send_replace(false);
    }
}

/// Keeps a row that the database does not get.
fn log(entry: &AuditEntry, why: &str) {
    tracing::error!(?entry, "a row of the audit log goes here instead: {why}");
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use claudetools_kernel::Timestamp;
    use futures::FutureExt;
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn row() -> AuditEntry {
        AuditEntry {
            id: Uuid::nil(),
            at: Timestamp::from_micros(0).expect("an instant"),
            request_id: "r".to_owned(),
            subject: None,
            agent_type: None,
            parent_session: None,
            method: "GET".to_owned(),
            route: None,
            path: "/api/v1/clients".to_owned(),
            status: 503,
            duration_micros: 0,
            client_ip: None,
            user_agent: None,
        }
    }

    /// Storage that can be away, and how many rows it has.
    fn storage() -> (WriteBatch, Arc<AtomicBool>, Arc<AtomicUsize>) {
        let (is_away, written) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (away, rows_written) = (Arc::clone(&is_away), Arc::clone(&written));
        let write: WriteBatch = Arc::new(move |rows: Arc<[AuditEntry]>| {
            let is_away = away.load(Ordering::SeqCst);
            if !is_away {
                rows_written.fetch_add(rows.len(), Ordering::SeqCst);
            }
            async move { if is_away { Err("away".to_owned()) } else { Ok(()) } }.boxed()
        });
        (write, is_away, written)
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_storage_is_away_requests_are_not_held_up_and_what_waits_is_written_when_it_is_back() {
        let (write, is_away, written) = storage();
        let (sink, stop, task) = AuditSink::start(write);
        for _ in 0..2 * QUEUE {
            timeout(SOON, sink.record(row())).await.expect("nobody waits for a storage that is away");
        }
        assert_eq!(written.load(Ordering::SeqCst), 0);
        is_away.store(false, Ordering::SeqCst);
        drop(stop);
        timeout(SOON, task).await.expect("it ends").expect("without a panic");
        let written = written.load(Ordering::SeqCst);
        assert!((QUEUE..2 * QUEUE).contains(&written), "{written}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_storage_that_stays_away_does_not_keep_the_server_from_stopping() {
        let (write, _is_away, written) = storage();
        let (sink, stop, task) = AuditSink::start(write);
        for _ in 0..3 * BATCH {
            sink.record(row()).await;
        }
        drop(stop);
        timeout(SOON, task).await.expect("it ends").expect("without a panic");
        assert_eq!(written.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_does_not_wait_for_its_time_and_the_rest_waits_no_longer_than_that() {
        let (write, is_away, written) = storage();
        is_away.store(false, Ordering::SeqCst);
        let (sink, stop, task) = AuditSink::start(write);
        let begun = Instant::now();
        for _ in 0..=BATCH {
            sink.record(row()).await;
        }
        while written.load(Ordering::SeqCst) < BATCH {
            tokio::task::yield_now().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        tokio::time::advance(DELAY).await;
        while written.load(Ordering::SeqCst) <= BATCH {
            tokio::task::yield_now().await;
        }
        assert!(begun.elapsed() <= 2 * DELAY, "{:?}", begun.elapsed());
        drop(stop);
        timeout(SOON, task).await.expect("it ends").expect("without a panic");
    }
}
