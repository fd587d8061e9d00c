//! One batch of calls: decided in order, written, and committed with what belongs to each.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use claudetools_kernel::{IdGenerator, ReplayRecord, StoreError, Stored, Timestamp, UnitOfWork};
use futures::{FutureExt, StreamExt, channel::mpsc};

use crate::{
    Answer, Call, Changes, Conflict, Done, LockDetail, LockState, NotRenewed, Obstacle, Presence, Refusal, Table,
    batch::{self, Reach},
    desk::Errand,
    lock::Want,
    ports::CoordTx,
    presence_service::mark_silent,
};

/// How long a place in line counts without a sign of life.
pub(crate) const LIFE: TimeDelta = TimeDelta::seconds(5);

/// The most calls of one batch.
const BATCH: usize = 64;

/// The calls of a batch.
pub(crate) struct Round<'a> {
    /// Those that have come in.
    pub(crate) new: &'a mut Vec<Errand>,
    /// Where more come in, to be decided with them.
    pub(crate) inbox: Option<&'a mut mpsc::UnboundedReceiver<Errand>>,
    /// Those that wait in this process, by their places.
    pub(crate) line: &'a BTreeMap<i64, Errand>,
    /// Whether a call may still begin to wait.
    pub(crate) may_wait: bool,
    /// Whether to end what time has ended.
    pub(crate) reaps: bool,
    /// Whether the batch has failed before: perhaps because a call that waits here was answered by another process under its key.
    pub(crate) is_repeated: bool,
}

/// What is to be told of a new call.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most are of the larger kind, and none lives longer than its batch")]
pub(crate) enum Verdict {
    /// This.
    Told(Answer),
    /// Nothing yet: it has this place in line.
    Waits(i64),
}

/// A batch that is committed.
#[derive(Debug)]
pub(crate) struct Decided {
    /// Of the new calls, in their order.
    pub(crate) new: Vec<Verdict>,
    /// Of those that waited, the new ones among them.
    pub(crate) line: BTreeMap<i64, Answer>,
    /// What was written.
    pub(crate) changes: Changes,
    /// How many locks are held, when that was counted.
    pub(crate) held: Option<u64>,
    /// The time of the decision.
    pub(crate) now: Timestamp,
    /// The last event that it knew of.
    pub(crate) last_event: i64,
    /// When those who wait are to be looked at even if nothing happens.
    pub(crate) due: Option<Timestamp>,
}

/// What was found about a call.
enum Found {
    Done(Done),
    Refused(Refusal),
    /// What is in its way, and since when it waits.
    Kept(Obstacle, Timestamp),
    Replayed(ReplayRecord),
    Waits(i64),
}

impl Round<'_> {
    /// Decides and commits.
    pub(crate) async fn decide(
        mut self,
        store: &dyn UnitOfWork<dyn CoordTx>,
        ids: &dyn IdGenerator,
    ) -> Stored<Decided> {
        self.take_in();
        let mut tx = store.begin().await?;
        let mut locked = tx.head().lock().await?;
        // Where replicas wait for each other's commits, most calls come in meanwhile: left to the next batch, they would wait once more.
        if self.take_in() {
            // Nothing is decided at a time before it was asked for.
            locked = tx.head().peek().await?;
        }
        let mut table = batch::load(tx.as_mut(), locked, self.reach()).await?;
        let now = table.head.now;
        if self.reaps {
            table.reap();
            mark_silent(tx.as_mut(), &mut table).await?;
        }
        let mut new = Vec::with_capacity(self.new.len());
        for errand in &*self.new {
            new.push(match kept_reply(tx.as_mut(), errand, now).await? {
                Some(record) => Found::Replayed(record),
                None => self.first(&mut table, &errand.call, ids),
            });
        }
        let answered_elsewhere = self.answered_elsewhere(tx.as_mut(), &mut table).await?;
        let mut line = self.walk_line(&mut table, &new, ids);
        line.extend(answered_elsewhere);
        let (last_event, due) = (table.head.last_event, self.due(&table));
        let changes = batch::write(tx.as_mut(), &mut table).await?;
        let done: Vec<(&Errand, &Done)> = self.done(&new, &line);
        for (errand, done) in &done {
            leave_receipt(tx.as_mut(), errand, done, now).await?;
        }
        let held = if self.reaps { Some(tx.locks().count_held(now).await?) } else { None };
        let presences = holders(tx.as_mut(), new.iter().chain(line.values())).await?;
        if !changes.is_empty() || !done.is_empty() {
            if !done.iter().all(|(errand, _)| errand.seal()) {
                // It is decided anew without those who have gone.
                return Err(StoreError::Contention("a call was given up before its commit".to_owned()));
            }
            tx.commit().await?;
        }
        drop(done);
        let answer = |found| answered(found, now, &presences);
        Ok(Decided {
            new: new.into_iter().map(answer).collect(),
            line: line.into_iter().filter_map(|(ticket, found)| Some((ticket, answer(found).told()?))).collect(),
            changes,
            held,
            now,
            last_event,
            due,
        })
    }

    /// The calls that waited here while the same request was answered by another process. They give their places up. Looked for only
    /// when a batch has failed, since otherwise it would cost a question for each that waits.
    async fn answered_elsewhere(&self, tx: &mut dyn CoordTx, table: &mut Table) -> Stored<BTreeMap<i64, Found>> {
        let mut answered = BTreeMap::new();
        if self.is_repeated {
            let now = table.head.now;
            for (ticket, errand) in self.line {
                if let Some(record) = kept_reply(tx, errand, now).await? {
                    table.leave(*ticket);
                    answered.insert(*ticket, Found::Replayed(record));
                }
            }
        }
        Ok(answered)
    }

    /// Takes what has come in and is still waited for, as much as fits into a batch; tells whether there was anything.
    fn take_in(&mut self) -> bool {
        let before = self.new.len();
        let Some(inbox) = self.inbox.as_deref_mut() else { return false };
        while self.new.len() < BATCH
            && let Some(Some(errand)) = inbox.next().now_or_never()
        {
            if !errand.is_given_up() {
                self.new.push(errand);
            }
        }
        self.new.len() > before
    }

    fn reach(&self) -> Reach {
        let mut reach = Reach { due: self.reaps, ..Reach::default() };
        for errand in &*self.new {
            match &errand.call {
                Call::Acquire { want, .. } => reach.paths.extend(want.resources.iter().cloned()),
                Call::Renew { id, .. } | Call::Release { id } => _ = reach.ids.insert(*id),
                Call::Fence { resource, .. } => _ = reach.fences.insert(resource.clone()),
            }
        }
        reach
    }

    /// Decides a call that has come in.
    fn first(&self, table: &mut Table, call: &Call, ids: &dyn IdGenerator) -> Found {
        let now = table.head.now;
        match call {
            Call::Acquire { want, wait } => match table.acquire(want, None, ids) {
                Ok(grant) => Found::Done(Done::Granted(grant)),
                Err(obstacle) if *wait <= TimeDelta::zero() || obstacle.is_deadlock || !self.may_wait => {
                    let is_deadlock = obstacle.is_deadlock && *wait > TimeDelta::zero();
                    Found::Kept(Obstacle { is_deadlock, ..obstacle }, now)
                }
                Err(_) => Found::Waits(table.queue(want, now.plus(*wait), now.plus(LIFE))),
            },
            Call::Renew { id, ttl_seconds, token } => match table.renew(*id, *ttl_seconds, *token) {
                Ok(lock) => Found::Done(Done::Renewed(lock)),
                Err(NotRenewed::Unknown) => Found::Refused(Refusal::Unknown(*id)),
                Err(NotRenewed::Over(state)) => Found::Refused(Refusal::Over(*id, state)),
                Err(NotRenewed::OtherToken) => Found::Refused(Refusal::OtherToken(*id)),
            },
            Call::Release { id } => match table.end(*id, LockState::Released, None) {
                Some(Ok(_)) => Found::Done(Done::Released),
                Some(Err(state)) => Found::Done(Done::HadEnded(state)),
                None => Found::Refused(Refusal::Unknown(*id)),
            },
            Call::Fence { resource, token } => match table.fence(resource, *token) {
                Ok(()) => Found::Done(Done::Passed),
                Err(max_token) => Found::Refused(Refusal::Outdated { max_token }),
            },
        }
    }

    /// Looks at every place of this process once more, in their order, after all calls were decided.
    fn walk_line(&self, table: &mut Table, new: &[Found], ids: &dyn IdGenerator) -> BTreeMap<i64, Found> {
        let fresh = self.new.iter().zip(new).filter_map(|(errand, found)| match found {
            Found::Waits(ticket) => Some((*ticket, errand)),
            _ => None,
        });
        let places = self.line.iter().map(|(ticket, errand)| (*ticket, errand)).chain(fresh);
        let looked = places.filter_map(|(ticket, errand)| match &errand.call {
            Call::Acquire { want, .. } => Some((ticket, self.look_again(table, ticket, want, errand, ids)?)),
            _ => None,
        });
        looked.collect()
    }

    /// What has become of a call that waits; `None` while it goes on waiting.
    fn look_again(
        &self,
        table: &mut Table,
        ticket: i64,
        want: &Want,
        errand: &Errand,
        ids: &dyn IdGenerator,
    ) -> Option<Found> {
        let now = table.head.now;
        let Some(place) = table.place(ticket) else { return Some(Found::Refused(Refusal::LostPlace)) };
        let (since, deadline, alive_until) = (place.since, place.deadline, place.alive_until);
        if errand.is_given_up() || !self.may_wait {
            table.leave(ticket);
            return Some(Found::Refused(Refusal::LostPlace));
        }
        match table.acquire(want, Some(ticket), ids) {
            Ok(grant) => Some(Found::Done(Done::Granted(grant))),
            // Its place was buried: the process was held up for too long.
            Err(_) if table.place(ticket).is_none() => Some(Found::Refused(Refusal::LostPlace)),
            Err(obstacle) if obstacle.is_deadlock || deadline <= now => {
                table.leave(ticket);
                Some(Found::Kept(obstacle, since))
            }
            Err(_) => {
                if alive_until.since(now) <= LIFE / 2 {
                    table.keep_alive(ticket, now.plus(LIFE));
                }
                None
            }
        }
    }

    /// When those who wait here are next to be looked at: when a lock in their way ends by its time, when somebody else's place runs
    /// out, when their own time is up or they have to give a sign of life.
    fn due(&self, table: &Table) -> Option<Timestamp> {
        let is_own = |ticket| self.line.contains_key(&ticket);
        let places = table.waiters().map(|waiter| {
            let sign = if is_own(waiter.ticket) { waiter.alive_until.plus(-LIFE / 2) } else { waiter.alive_until };
            sign.min(waiter.deadline)
        });
        places.chain(table.next_end()).min()
    }

    /// The calls that have done something, with what that is.
    fn done<'a>(&'a self, new: &'a [Found], line: &'a BTreeMap<i64, Found>) -> Vec<(&'a Errand, &'a Done)> {
        let mut done = Vec::new();
        for (errand, found) in self.new.iter().zip(new) {
            let found = if let Found::Waits(ticket) = found { line.get(ticket).unwrap_or(found) } else { found };
            if let Found::Done(what) = found {
                done.push((errand, what));
            }
        }
        for (ticket, errand) in self.line {
            if let Some(Found::Done(what)) = line.get(ticket) {
                done.push((errand, what));
            }
        }
        done
    }
}

impl Verdict {
    fn told(self) -> Option<Answer> {
        match self {
            Self::Told(answer) => Some(answer),
            Self::Waits(_) => None,
        }
    }
}

fn forgets_keys() -> bool {
    cfg!(feature = "mutant-no-idempotency") && crate::mutant::is_meant("no-idempotency")
}

/// The answer kept under the call's idempotency key, which under the locked head is certain.
async fn kept_reply(tx: &mut dyn CoordTx, errand: &Errand, now: Timestamp) -> Stored<Option<ReplayRecord>> {
    match errand.witness.key() {
        Some((caller, key)) if !forgets_keys() => tx.kept_reply(caller, key, now).await,
        _ => Ok(None),
    }
}

async fn leave_receipt(tx: &mut dyn CoordTx, errand: &Errand, done: &Done, now: Timestamp) -> Stored<()> {
    let mut receipt = errand.witness.receipt(done, now);
    if forgets_keys() {
        receipt.replay = None;
    }
    receipt.leave(tx).await
}

/// What the sessions that are in the way of others announced about themselves.
async fn holders<'a>(tx: &mut dyn CoordTx, found: impl Iterator<Item = &'a Found>) -> Stored<Vec<Presence>> {
    let mut sessions = BTreeSet::new();
    for found in found {
        if let Found::Kept(obstacle, _) = found {
            sessions.extend(obstacle.blocking.iter().map(|lock| lock.session_id.clone()));
        }
    }
    if sessions.is_empty() { Ok(Vec::new()) } else { tx.presence().find(&Vec::from_iter(sessions)).await }
}

fn answered(found: Found, now: Timestamp, presences: &[Presence]) -> Verdict {
    Verdict::Told(match found {
        Found::Waits(ticket) => return Verdict::Waits(ticket),
        Found::Done(done) => Answer::Done(done, now),
        Found::Refused(refusal) => Answer::Refused(refusal, now),
        Found::Replayed(record) => Answer::Replayed(record),
        Found::Kept(obstacle, since) => {
            let Obstacle { blocking, ahead, length, is_deadlock } = obstacle;
            let blocking = blocking.into_iter().map(|lock| {
                let presence = presences.iter().find(|presence| presence.session_id == lock.session_id);
                let said =
                    |what: fn(&Presence) -> &Option<String>| presence.and_then(|presence| what(presence).clone());
                LockDetail { host: said(|presence| &presence.host), agent: said(|presence| &presence.agent), lock }
            });
            let (position, waited) = (ahead + 1, now.since(since));
            let conflict = std::sync::Arc::new(Conflict { blocking: blocking.collect(), position, length, waited });
            let refusal = if is_deadlock { Refusal::Deadlock(conflict) } else { Refusal::Conflict(conflict) };
            Answer::Refused(refusal, now)
        }
    })
}
