//! The desk: where calls for locks line up, to be decided many at once.
//!
//! Every change of ownership locks the head and costs a commit. One each would cap all replicas together at the rate of commits. So a
//! process has one clerk, who takes whatever calls have come in meanwhile, decides them in order under one lock of the head, and answers
//! after the one commit. What a call leaves behind besides (its row in the audit log, its kept answer) commits with it.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use async_trait::async_trait;
use claudetools_kernel::{Receipt, ReplayRecord, StoreError, Stored, Timestamp};
use futures::channel::{mpsc, oneshot};

use crate::{Call, Done, Refusal};

/// What commits together with what a call has done.
pub trait Witness: Send + Sync {
    /// Whose idempotency key the call bears, and which.
    fn key(&self) -> Option<(&str, &str)>;

    /// The records of what was done at `now`. Asked after the decision and before the commit, and again when the decision had to be
    /// repeated.
    fn receipt(&self, done: &Done, now: Timestamp) -> Receipt;
}

/// The witness of calls that leave nothing behind but what they do.
#[derive(Debug, Clone, Copy)]
pub struct NoWitness;

impl Witness for NoWitness {
    fn key(&self) -> Option<(&str, &str)> {
        None
    }

    fn receipt(&self, _: &Done, _: Timestamp) -> Receipt {
        Receipt::default()
    }
}

/// What a call is answered, and when that was by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was done, and is committed.
    Done(Done, Timestamp),
    /// It was refused.
    Refused(Refusal, Timestamp),
    /// It was done before under its idempotency key, and answered like this.
    Replayed(ReplayRecord),
}

/// How long to do nothing.
#[async_trait]
pub trait Pause: Send + Sync {
    /// Comes back after so many milliseconds.
    async fn pause(&self, milliseconds: u64);
}

/// What happened to the locks of this process since it started.
#[derive(Debug, Default)]
pub struct LockCounts {
    /// Locks granted.
    pub acquired: AtomicU64,
    /// Calls refused because of others.
    pub conflicts: AtomicU64,
    /// Locks marked as expired.
    pub expired: AtomicU64,
    /// Transactions over calls.
    pub batches: AtomicU64,
    /// Locks held, on all replicas, when they were last counted.
    pub held: AtomicU64,
}

/// How far a call has come. It may be given up until its commit begins.
const OPEN: u8 = 0;
const SEALED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// A call on its way.
pub(crate) struct Errand {
    pub(crate) call: Call,
    pub(crate) witness: Box<dyn Witness>,
    answer: oneshot::Sender<Stored<Answer>>,
    stage: Arc<AtomicU8>,
}

impl Errand {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.stage.load(Ordering::Acquire) == GIVEN_UP
    }

    /// Takes the way back from the caller: from here on the outcome may be there. False when the caller was quicker.
    pub(crate) fn seal(&self) -> bool {
        self.stage.compare_exchange(OPEN, SEALED, Ordering::AcqRel, Ordering::Acquire) != Err(GIVEN_UP)
    }

    /// Nothing of it was committed: it may be given up again.
    pub(crate) fn unseal(&self) {
        let _ = self.stage.compare_exchange(SEALED, OPEN, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn tell(self, answer: Stored<Answer>) {
        // Whoever has gone has no use for it.
        let _ = self.answer.send(answer);
    }
}

/// Where calls are handed in. Clones share the clerk.
#[derive(Clone)]
pub struct Desk {
    inbox: mpsc::UnboundedSender<Errand>,
    counts: Arc<LockCounts>,
    closes_line: Arc<AtomicBool>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Desk {
    pub(crate) const fn new(
        inbox: mpsc::UnboundedSender<Errand>,
        counts: Arc<LockCounts>,
        closes_line: Arc<AtomicBool>,
    ) -> Self {
        Self { inbox, counts, closes_line }
    }

    /// Lets nobody wait any more, because the process is to stop: who waits is told to ask again.
    pub fn close_line(&self) {
        self.closes_line.store(true, Ordering::Release);
    }

    /// Hands a call in. It is decided whether or not the result is awaited, unless that is dropped before.
    pub fn submit(&self, call: Call, witness: Box<dyn Witness>) -> Pending {
        let (answer, coming) = oneshot::channel();
        let stage = Arc::new(AtomicU8::new(OPEN));
        // Without a clerk the errand is dropped, and its answer with it.
        let _ = self.inbox.unbounded_send(Errand { call, witness, answer, stage: Arc::clone(&stage) });
        Pending { answer: coming, stage }
    }

    /// What is counted.
    pub fn counts(&self) -> &LockCounts {
        &self.counts
    }
}

/// A call that was handed in; awaited, its answer.
///
/// The error is [`StoreError::Undecided`] when the database went away in the middle of the commit.
#[must_use = "a call that is dropped is given up"]
#[derive(Debug)]
pub struct Pending {
    answer: oneshot::Receiver<Stored<Answer>>,
    stage: Arc<AtomicU8>,
}

impl Pending {
    /// Waits no longer, and tells what that means: nothing was done and nothing will be, or the commit is under way.
    pub fn give_up(self) -> StoreError {
        if self.stage.compare_exchange(OPEN, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            StoreError::Unavailable("the call was not decided in time".to_owned())
        } else {
            StoreError::Undecided("the commit of the call took too long".to_owned())
        }
    }
}

impl Future for Pending {
    type Output = Stored<Answer>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Stored<Answer>> {
        let gone = || StoreError::Unavailable("calls for locks are not decided any more".to_owned());
        Pin::new(&mut self.answer).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(gone())))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let _ = self.stage.compare_exchange(OPEN, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// The same failure for another of those that it met.
pub(crate) fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Contention(text) => StoreError::Contention(text.clone()),
        StoreError::Constraint(text) => StoreError::Constraint(text.clone()),
        StoreError::Unavailable(text) => StoreError::Unavailable(text.clone()),
        StoreError::Undecided(text) => StoreError::Undecided(text.clone()),
        StoreError::Corrupt { table, column, problem } => {
            StoreError::Corrupt { table, column, problem: problem.clone() }
        }
        StoreError::Database(text) => StoreError::Database(text.clone()),
    }
}
