//! What runs beside the requests: audit batches, request counts of agents, revocations of other replicas, clearing up.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use claudetools_coord::{Clerk, Pause, RetentionService};
use claudetools_http::{AuditSink, Feed, RequestCounter, WriteBatch};
use claudetools_identity::{AuditLogService, RevocationService, Upkeep};
use claudetools_infra::failure::{AnalysisService, GivenUp, Round};
use claudetools_kernel::{AuditEntry, Clock, Error, Id, StoreError, Transaction, UnitOfWork};
use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::vault::VaultServices;

/// How often revocations of other replicas are taken in; the contract promises 5 s.
const POLL: Duration = Duration::from_secs(2);
/// How often the request counts of agent runs are written.
const COUNT: Duration = Duration::from_secs(1);
/// How often commands that nobody has analysed yet are looked for.
const ANALYSE: Duration = Duration::from_secs(1);
/// How many times an analysis that met another writer is tried.
const TRIES: usize = 6;
/// How often what has ended is removed.
const SWEEP: Duration = Duration::from_mins(10);

/// The tasks beside the requests.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    audit: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    vault: VaultServices,
    feed: Feed,
}

/// What the tasks work on.
pub(crate) struct Work {
    pub(crate) analysis: AnalysisService,
    pub(crate) journal: Arc<dyn UnitOfWork<dyn Transaction>>,
    pub(crate) audit_log: AuditLogService,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) revocations: RevocationService,
    pub(crate) upkeep: Upkeep,
    pub(crate) requests: Arc<RequestCounter>,
    pub(crate) vault: VaultServices,
    pub(crate) retention: RetentionService,
    pub(crate) feed: Feed,
    pub(crate) clerk: Clerk,
}

/// The runtime's own way of doing nothing.
pub(crate) struct Sleep;

#[async_trait]
impl Pause for Sleep {
    async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

impl Background {
    /// Starts the task of the audit log, if it is on.
    pub(crate) fn audit(audit_log: AuditLogService) -> (AuditSink, oneshot::Sender<()>, JoinHandle<()>) {
        let write: WriteBatch = Arc::new(move |rows: Arc<[AuditEntry]>| {
            let audit_log = audit_log.clone();
            async move { write_rows(&audit_log, &rows).await.map_err(|error| error.to_string()) }.boxed()
        });
        AuditSink::start(write)
    }

    /// Starts all other tasks.
    pub(crate) fn start(work: Work, audit: Option<(oneshot::Sender<()>, JoinHandle<()>)>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let Work { analysis, journal, audit_log, clock, revocations, upkeep, requests, vault, clerk, retention, feed } =
            work;
        let shares = vault.shares.clone();
        let mut told = stopped.clone();
        let until_stopped = async move { _ = told.wait_for(|stopped| *stopped).await };
        let tasks = vec![
            tokio::spawn(clerk.serve(until_stopped)),
            tokio::spawn(feed.clone().run()),
            // To tell errors apart takes time that the clerk, who shares a thread with the other tasks, does not have.
            aside(rounds(ANALYSE, stopped.clone(), move || {
                let analysis = analysis.clone();
                async move { analyse(&analysis).await }
            })),
            every(POLL, stopped.clone(), move || {
                let revocations = revocations.clone();
                async move { revocations.poll().await.map(drop).map_err(Error::from) }
            }),
            every(COUNT, stopped.clone(), move || {
                let (audit_log, requests) = (audit_log.clone(), Arc::clone(&requests));
                async move { write_counts(&audit_log, &requests).await }
            }),
            every(SWEEP, stopped, move || {
                let (upkeep, shares, journal, now) =
                    (upkeep.clone(), shares.clone(), Arc::clone(&journal), clock.now());
                let retention = retention.clone();
                async move {
                    let swept = upkeep.sweep().await?;
                    let links = shares.sweep().await?;
                    let mut tx = journal.begin().await?;
                    let replies = tx.forget_replies(now).await?;
                    tx.commit().await?;
                    let pruned = retention.sweep().await?;
                    tracing::debug!(?swept, links, replies, ?pruned, "cleared up");
                    Ok(())
                }
            }),
        ];
        Self { stop, tasks, audit, vault, feed }
    }

    /// Lets every task finish its last round, the audit log last.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        self.feed.close();
        for task in self.tasks {
            let _ = task.await;
        }
        self.vault.note_head().await;
        if let Some((stop, task)) = self.audit {
            let _ = stop.send(());
            let _ = task.await;
        }
    }
}

/// Runs `round` now and then, and once more when told to stop.
fn every<F, R>(pause: Duration, stopped: watch::Receiver<bool>, round: F) -> JoinHandle<()>
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), Error>> + Send + 'static,
{
    tokio::spawn(rounds(pause, stopped, round))
}

/// Runs work on a thread of its own. What it waits for is still looked after by the runtime.
fn aside(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work))
}

async fn rounds<F, R>(pause: Duration, mut stopped: watch::Receiver<bool>, round: F)
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), Error>> + Send,
{
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let last = tokio::select! {
            _ = ticks.tick() => false,
            _ = stopped.changed() => true,
        };
        if let Err(error) = round().await {
            tracing::warn!(%error, "a background task failed, it tries again");
        }
        if last {
            return;
        }
    }
}

/// Works the queue off. What is left when the server stops is analysed after the next start, or by another replica.
async fn analyse(analysis: &AnalysisService) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        match analysis.work_off().await {
            Ok(Round { analysed: 0, given_up: None }) => return Ok(()),
            Ok(Round { analysed, given_up }) => {
                tries = 0;
                if let Some(GivenUp { command, error }) = given_up {
                    tracing::error!(%command, %error, "a command cannot be analysed and is passed over");
                }
                tracing::debug!(analysed, "commands analysed");
            }
            // Whoever it met has changed what it had read.
            Err(Error::Store(error)) if error.is_retryable() && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn write_rows(audit_log: &AuditLogService, rows: &[AuditEntry]) -> Result<(), Error> {
    match audit_log.record(rows, &[]).await {
        // Ids are never given twice, so the batch is there already: its commit had failed only in the telling.
        Err(Error::Store(StoreError::Constraint(constraint))) => {
            tracing::warn!(constraint, rows = rows.len(), "audit rows were there already");
            Ok(())
        }
        written => written,
    }
}

async fn write_counts(audit_log: &AuditLogService, requests: &RequestCounter) -> Result<(), Error> {
    let counted = requests.drain();
    let counts: Vec<_> = counted.iter().map(|(run, count)| (Id::new(*run), *count)).collect();
    let written = audit_log.record(&[], &counts).await;
    if written.is_err() {
        requests.restore(&counted);
    }
    written
}
