//! The clerk of a process: decides the calls at the desk, many under one lock of the head.
//!
//! A call that may wait takes a place in line, a row with the time until which it counts, and its transaction ends. Each later batch looks
//! at this process's places once more, in their order, and grants what can be granted. A place is granted by the process that its call waits
//! in and by no other, because only that one can commit what belongs to the call; it looks whenever it has decided something, and every
//! [`GLANCE`] milliseconds whether another process has. A place whose process is gone no longer counts once its time is over.

use std::{
    collections::BTreeMap,
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use chrono::TimeDelta;
use claudetools_kernel::{StoreError, Stored, Timestamp};
use futures::{FutureExt, StreamExt, channel::mpsc, select_biased};

use crate::{
    Answer, Context, Desk, LockCounts, LockState, Pause, Presence, Refusal,
    desk::{Errand, same},
    round::{Decided, Round, Verdict},
};

/// How often a batch is decided anew when it met another writer.
const ATTEMPTS: u32 = 6;
/// How often to look whether another process has changed anything, while calls wait here, in milliseconds.
const GLANCE: u64 = 25;
/// How often to look for what time has ended, in milliseconds.
const ROUND: u64 = 400;

/// The clerk. It serves until its desks are gone or it is told to stop.
pub struct Clerk {
    context: Context,
    pause: Arc<dyn Pause>,
    counts: Arc<LockCounts>,
    closes_line: Arc<AtomicBool>,
    inbox: mpsc::UnboundedReceiver<Errand>,
    /// The calls that wait here, by their places.
    line: BTreeMap<i64, Errand>,
    /// The last event known when the line was last looked at.
    seen: i64,
    /// When the line is to be looked at even if nothing happens.
    due: Option<Timestamp>,
    /// When it was last looked for what time has ended.
    reaped: Option<Timestamp>,
    /// The time of the last decision.
    now: Option<Timestamp>,
}

impl fmt::Debug for Clerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clerk").field("line", &self.line.len()).finish_non_exhaustive()
    }
}

impl Clerk {
    /// A clerk over this storage, and the desk where its calls are handed in.
    pub fn new(context: Context, pause: Arc<dyn Pause>) -> (Desk, Self) {
        let (sender, inbox) = mpsc::unbounded();
        let counts = Arc::new(LockCounts::default());
        let closes_line = Arc::new(AtomicBool::new(false));
        let desk = Desk::new(sender, Arc::clone(&counts), Arc::clone(&closes_line));
        let (line, seen, due, reaped, now) = (BTreeMap::new(), 0, None, None, None);
        (desk, Self { context, pause, counts, closes_line, inbox, line, seen, due, reaped, now })
    }

    /// Serves until told to stop, or until nobody can hand in anything. Calls that wait then are refused as not decided.
    pub async fn serve(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop.fuse());
        loop {
            let patience = if self.line.is_empty() { ROUND } else { GLANCE };
            let pause = Arc::clone(&self.pause);
            let mut tick = pause.pause(patience).fuse();
            select_biased! {
                () = stop => break,
                errand = self.inbox.next() => match errand {
                    Some(errand) => self.batch(vec![errand], true).await,
                    None => break,
                },
                () = tick => self.glance().await,
            }
        }
        self.close().await;
    }

    /// Looks without a lock whether a batch is called for although no call came in.
    async fn glance(&mut self) {
        match self.is_called_for().await {
            Ok(true) => self.batch(Vec::new(), true).await,
            Ok(false) => {}
            Err(error) => self.refuse_line(&error),
        }
    }

    async fn is_called_for(&mut self) -> Stored<bool> {
        let mut tx = self.context.store.read().await?;
        let now = {
            let head = tx.head().peek().await?;
            let has_news = head.last_event != self.seen || self.due.is_some_and(|due| due <= head.now);
            let has_gone = !self.may_wait() || self.line.values().any(Errand::is_given_up);
            if !self.line.is_empty() && (has_news || has_gone) {
                return Ok(true);
            }
            head.now
        };
        if !self.has_to_reap(now) {
            return Ok(false);
        }
        let silent = tx.presence().silent(Presence::silent_at(now), 1).await?;
        let has_work = !silent.is_empty() || !tx.locks().due(now, 1).await?.is_empty();
        if has_work {
            // The next batch does it.
            self.now = Some(now);
        } else {
            self.reaped = Some(now);
            self.counts.held.store(tx.locks().count_held(now).await?, Ordering::Relaxed);
        }
        Ok(has_work)
    }

    fn may_wait(&self) -> bool {
        !self.closes_line.load(Ordering::Acquire)
    }

    /// Whether it is time to look for what time has ended: every few hundred milliseconds, by the database's clock.
    fn has_to_reap(&self, now: Timestamp) -> bool {
        let round = TimeDelta::milliseconds(i64::try_from(ROUND).unwrap_or(i64::MAX));
        self.reaped.is_none_or(|last| now.since(last) >= round)
    }

    /// Decides calls with those that wait, with what else comes in until it is its turn if that is wanted, and answers after the commit.
    /// What cannot be decided together is decided one by one, so that a call that cannot be done takes no other with it.
    async fn batch(&mut self, mut new: Vec<Errand>, takes_more: bool) {
        let mut tried = 0;
        loop {
            tried += 1;
            new.retain(|errand| !errand.is_given_up());
            let reaps = self.now.is_none_or(|now| self.has_to_reap(now));
            let (may_wait, is_repeated) = (self.may_wait(), tried > 1);
            let inbox = Some(&mut self.inbox).filter(|_| takes_more && !is_repeated);
            let round = Round { new: &mut new, inbox, line: &self.line, may_wait, reaps, is_repeated };
            let error = match round.decide(&*self.context.store, &*self.context.ids).await {
                Ok(decided) => return self.deliver(new, decided, reaps),
                Err(error) => error,
            };
            if !error.is_retryable() || (tried >= ATTEMPTS && new.len() < 2) {
                for errand in new {
                    errand.tell(Err(same(&error)));
                }
                return self.refuse_line(&error);
            }
            new.iter().chain(self.line.values()).for_each(Errand::unseal);
            if tried >= ATTEMPTS {
                for errand in new {
                    Box::pin(self.batch(vec![errand], false)).await;
                }
                return;
            }
        }
    }

    /// Tells everybody who waits here that they wait in vain.
    fn refuse_line(&mut self, error: &StoreError) {
        for (_, errand) in std::mem::take(&mut self.line) {
            errand.tell(Err(same(error)));
        }
    }

    fn deliver(&mut self, new: Vec<Errand>, decided: Decided, reaped: bool) {
        self.count(&decided);
        let Decided { new: verdicts, line: mut told, now, last_event, due, .. } = decided;
        self.seen = last_event;
        self.due = due;
        self.now = Some(now);
        if reaped {
            self.reaped = Some(now);
        }
        for (errand, verdict) in new.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Told(answer) => errand.tell(Ok(answer)),
                Verdict::Waits(ticket) => _ = self.line.insert(ticket, errand),
            }
        }
        while let Some((ticket, answer)) = told.pop_first() {
            if let Some(errand) = self.line.remove(&ticket) {
                errand.tell(Ok(answer));
            }
        }
    }

    fn count(&self, decided: &Decided) {
        let add = |counter: &AtomicU64, number: usize| {
            counter.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
        };
        let told = decided.new.iter().filter_map(|verdict| match verdict {
            Verdict::Told(answer) => Some(answer),
            Verdict::Waits(_) => None,
        });
        let is_conflict =
            |answer: &&Answer| matches!(answer, Answer::Refused(Refusal::Conflict(_) | Refusal::Deadlock(_), _));
        let ended = decided.changes.ended.iter();
        if let Some(held) = decided.held {
            self.counts.held.store(held, Ordering::Relaxed);
        }
        add(&self.counts.batches, 1);
        add(&self.counts.acquired, decided.changes.added.len());
        add(&self.counts.conflicts, told.chain(decided.line.values()).filter(is_conflict).count());
        add(&self.counts.expired, ended.filter(|lock| lock.state == LockState::Expired).count());
    }

    /// Decides what has come in, without waiting, and gives the places in line up.
    async fn close(mut self) {
        self.inbox.close();
        self.closes_line.store(true, Ordering::Release);
        let mut last = Vec::new();
        while let Some(errand) = self.inbox.next().await {
            last.push(errand);
        }
        if !last.is_empty() || !self.line.is_empty() {
            self.batch(last, false).await;
        }
    }
}
