//! The decision table: who gets which lock, in plain sequential code.
//!
//! Here and nowhere else it is decided who holds what. The table is a value: it knows no storage, no clock and no chance, its time is that
//! of the [`Head`], and everything it decides it decides in the order of its calls. Whoever uses it has locked the head, loads what the calls
//! may meet, makes the calls, and writes what [`Table::changes`] tells, all in one transaction. So any schedule of replicas is a sequence of
//! calls on one table, and what is proved of the table is proved of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use claudetools_kernel::{Id, IdGenerator, Timestamp};
use serde::Serialize;

use crate::{
    Event, EventKind, Grant, Head, Lock, LockMode, LockState, Occurrence, ResourcePath, Waiter, lock::Want,
    mutant::is_meant, path::any_meets,
};

/// Rules that a test build breaks one at a time, to show that the proofs notice (`docs/decisions/0031`). All hold in the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// The end of a lock by its time is told as an event.
    pub mark_expired: bool,
    /// Nobody passes those who wait.
    pub honour_line: bool,
    /// A lock whose time has run out cannot be renewed.
    pub refuse_expired: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            mark_expired: !(cfg!(feature = "mutant-expiry-unmarked") && is_meant("expiry-unmarked")),
            honour_line: !(cfg!(feature = "mutant-waiters-passed") && is_meant("waiters-passed")),
            refuse_expired: !(cfg!(feature = "mutant-renew-expired") && is_meant("renew-expired")),
        }
    }
}

/// What keeps a call from its locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The locks in the way, the first to end first.
    pub blocking: Vec<Lock>,
    /// How many stand in line before it for what conflicts with it.
    pub ahead: usize,
    /// How many stand in line for what conflicts with it, itself among them.
    pub length: usize,
    /// Whether it would wait for sessions that wait for its own.
    pub is_deadlock: bool,
}

/// Why a lock is not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRenewed {
    /// It was not loaded: there never was such a lock.
    Unknown,
    /// It has ended.
    Over(LockState),
    /// Its token is another.
    OtherToken,
}

/// What a table differs in from what was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Changes {
    /// New locks, some of which may have ended again.
    pub added: Vec<Lock>,
    /// Locks whose time was extended.
    pub extended: Vec<Lock>,
    /// Locks that ended.
    pub ended: Vec<Lock>,
    /// New waiters.
    pub queued: Vec<Waiter>,
    /// Tickets that left the line.
    pub left: Vec<i64>,
    /// Tickets whose process gave a sign of life, all good until the same instant.
    pub alive: Vec<i64>,
    /// Until when those are good.
    pub alive_until: Option<Timestamp>,
    /// The highest tokens seen that were raised, by path.
    pub fences: Vec<(ResourcePath, i64)>,
    /// What happened, numbered.
    pub events: Vec<Event>,
}

impl Changes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who has or wants what, and how.
type Claim<'a> = (&'a str, LockMode, &'a [ResourcePath]);

/// Whether two claims keep each other out: their sessions differ, a path of one covers one of the other, and at least one of them
/// is exclusive.
fn conflict(one: Claim<'_>, other: Claim<'_>) -> bool {
    one.0 != other.0 && (one.1 == LockMode::Exclusive || other.1 == LockMode::Exclusive) && any_meets(one.2, other.2)
}

/// How a loaded or new lock differs from what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    Added,
    Extended,
    Ended,
}

/// The locks, the line and the fences that a batch of calls may meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table {
    /// The head, which was locked.
    pub head: Head,
    rules: Rules,
    locks: BTreeMap<Id<Lock>, Lock>,
    fates: BTreeMap<Id<Lock>, Fate>,
    waiters: BTreeMap<i64, Waiter>,
    fences: BTreeMap<ResourcePath, i64>,
    raised: BTreeSet<ResourcePath>,
    queued: BTreeSet<i64>,
    left: Vec<i64>,
    alive: Vec<i64>,
    alive_until: Option<Timestamp>,
    events: Vec<Event>,
}

/// Details of the events of a lock.
#[derive(Serialize)]
struct LockNote<'a> {
    resource: &'a str,
    mode: LockMode,
    token: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Details of the event of a call that begins to wait.
#[derive(Serialize)]
struct LineNote<'a> {
    resources: Vec<&'a str>,
    mode: LockMode,
    ticket: i64,
}

impl Table {
    /// An empty table under a locked head.
    pub fn new(head: Head, rules: Rules) -> Self {
        Self {
            head,
            rules,
            locks: BTreeMap::new(),
            fates: BTreeMap::new(),
            waiters: BTreeMap::new(),
            fences: BTreeMap::new(),
            raised: BTreeSet::new(),
            queued: BTreeSet::new(),
            left: Vec::new(),
            alive: Vec::new(),
            alive_until: None,
            events: Vec::new(),
        }
    }

    /// Puts in what is stored. Calls may be made whose paths, ids and sessions meet nothing that was left out.
    pub fn load(&mut self, locks: Vec<Lock>, waiters: Vec<Waiter>, fences: Vec<(ResourcePath, i64)>) {
        self.locks.extend(locks.into_iter().map(|lock| (lock.id, lock)));
        self.waiters.extend(waiters.into_iter().map(|waiter| (waiter.ticket, waiter)));
        self.fences.extend(fences);
    }

    /// The locks, live and ended, that were loaded or made.
    pub fn locks(&self) -> impl Iterator<Item = &Lock> {
        self.locks.values()
    }

    /// Those in line, in its order, dead ones among them.
    pub fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.values()
    }

    /// Lets the time go on to `now`, for models that keep one table over many steps. It never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        self.head.now = self.head.now.max(now);
    }

    /// Gives the session all the locks it wants, or tells what is in the way. `ticket` is the place of a call that waits already.
    ///
    /// # Errors
    /// [`Obstacle`], and then nothing has changed but what time had ended anyway.
    pub fn acquire(&mut self, want: &Want, ticket: Option<i64>, ids: &dyn IdGenerator) -> Result<Grant, Obstacle> {
        self.settle(|lock| lock.resource_meets(&want.resources));
        self.bury_dead();
        let before = ticket.unwrap_or(i64::MAX);
        let mut blocking: Vec<Lock> =
            self.live().filter(|lock| conflict(lock.claim(), want.claim())).cloned().collect();
        let ahead = self.ahead(want.claim(), before).count();
        if blocking.is_empty() && ahead == 0 {
            if let Some(ticket) = ticket {
                self.leave(ticket);
            }
            return Ok(self.grant(want, ids));
        }
        blocking.sort_by_key(|lock| (lock.expires_at, lock.id));
        let length = self.waiters.values().filter(|waiter| conflict(want.claim(), waiter.claim())).count() + 1;
        Err(Obstacle { blocking, ahead, length, is_deadlock: self.closes_circle(want, before) })
    }

    fn grant(&mut self, want: &Want, ids: &dyn IdGenerator) -> Grant {
        let expires_at = self.head.now.plus(TimeDelta::seconds(want.ttl_seconds));
        let (mut locks, mut is_new) = (Vec::new(), false);
        for resource in &want.resources {
            let own = |lock: &&Lock| {
                lock.session_id == want.session_id && lock.resource == *resource && lock.mode == want.mode
            };
            let held = self.live().find(own).map(|lock| lock.id);
            locks.extend(if let Some(id) = held {
                self.extend(id, |lock| {
                    lock.ttl_seconds = want.ttl_seconds;
                    lock.expires_at = lock.expires_at.max(expires_at);
                })
            } else {
                is_new = true;
                Some(self.add(want, resource, expires_at, ids.id()))
            });
        }
        Grant { locks, is_list: want.is_list, is_new }
    }

    fn add(&mut self, want: &Want, resource: &ResourcePath, expires_at: Timestamp, id: Id<Lock>) -> Lock {
        let lock = Lock {
            id,
            resource: resource.clone(),
            mode: want.mode,
            token: self.head.next_token(),
            session_id: want.session_id.clone(),
            task: want.task.clone(),
            reason: want.reason.clone(),
            meta: want.meta.clone(),
            ttl_seconds: want.ttl_seconds,
            granted_at: self.head.now,
            expires_at,
            state: LockState::Held,
            ended_at: None,
            end_reason: None,
        };
        self.locks.insert(id, lock.clone());
        self.fates.insert(id, Fate::Added);
        self.tell(EventKind::LockGranted, &lock);
        lock
    }

    /// Takes a place in line until `deadline`, as a sign of life good until `alive_until`.
    pub fn queue(&mut self, want: &Want, deadline: Timestamp, alive_until: Timestamp) -> i64 {
        let ticket = self.head.next_ticket();
        let waiter = Waiter {
            ticket,
            session_id: want.session_id.clone(),
            resources: want.resources.clone(),
            mode: want.mode,
            since: self.head.now,
            deadline,
            alive_until,
        };
        let resources = want.resources.iter().map(ResourcePath::as_str).collect();
        let note = LineNote { resources, mode: want.mode, ticket };
        self.waiters.insert(ticket, waiter);
        self.queued.insert(ticket);
        self.head.waiting += 1;
        self.events.push(self.head.event(EventKind::LockQueued, Occurrence::new(Some(&want.session_id), None, &note)));
        ticket
    }

    /// The place of a ticket, unless it was lost.
    pub fn place(&self, ticket: i64) -> Option<&Waiter> {
        self.waiters.get(&ticket)
    }

    /// Gives a place in line up.
    pub fn leave(&mut self, ticket: i64) {
        if self.waiters.remove(&ticket).is_none() {
            return;
        }
        self.head.waiting -= 1;
        self.alive.retain(|other| *other != ticket);
        if !self.queued.remove(&ticket) {
            self.left.push(ticket);
        }
    }

    /// A sign of life of the process that a ticket waits in.
    pub fn keep_alive(&mut self, ticket: i64, alive_until: Timestamp) {
        if let Some(waiter) = self.waiters.get_mut(&ticket) {
            waiter.alive_until = alive_until;
            if !self.queued.contains(&ticket) {
                self.alive.push(ticket);
                self.alive_until = Some(alive_until);
            }
        }
    }

    /// Gives a lock `ttl_seconds` from now on, or its own time again.
    ///
    /// # Errors
    /// [`NotRenewed`]; a lock whose time has run out is over, even if nobody took it.
    pub fn renew(&mut self, id: Id<Lock>, ttl_seconds: Option<i64>, token: Option<i64>) -> Result<Lock, NotRenewed> {
        if self.rules.refuse_expired {
            self.settle(|lock| lock.id == id);
        }
        let lock = self.locks.get(&id).ok_or(NotRenewed::Unknown)?;
        if lock.state != LockState::Held {
            return Err(NotRenewed::Over(lock.state));
        }
        if token.is_some_and(|token| token != lock.token) {
            return Err(NotRenewed::OtherToken);
        }
        let now = self.head.now;
        let extended = self.extend(id, |lock| {
            lock.ttl_seconds = ttl_seconds.unwrap_or(lock.ttl_seconds);
            lock.expires_at = now.plus(TimeDelta::seconds(lock.ttl_seconds));
        });
        extended.ok_or(NotRenewed::Unknown)
    }

    /// Gives all live locks of a session their own time again; tells which. Never one that has expired.
    pub fn renew_all(&mut self, session_id: &str) -> Vec<Lock> {
        let (now, own) = (self.head.now, self.own(session_id));
        let renewed = own.into_iter().filter_map(|id| {
            self.extend(id, |lock| {
                let until = now.plus(TimeDelta::seconds(lock.ttl_seconds));
                lock.expires_at = lock.expires_at.max(until);
            })
        });
        renewed.collect()
    }

    /// Ends a lock as `state`. Tells the lock as it was ended before, if it was; `None` when there never was one.
    pub fn end(&mut self, id: Id<Lock>, state: LockState, reason: Option<&str>) -> Option<Result<Lock, LockState>> {
        self.settle(|lock| lock.id == id);
        let lock = self.locks.get(&id)?;
        Some(if lock.state == LockState::Held { Ok(self.finish(id, state, reason)?) } else { Err(lock.state) })
    }

    /// Releases all locks of a session that ends, and takes its calls out of the line; tells which locks.
    pub fn end_session(&mut self, session_id: &str) -> Vec<Lock> {
        let own = self.own(session_id);
        let released = own.into_iter().filter_map(|id| self.finish(id, LockState::Released, None)).collect();
        let waits: Vec<i64> = self
            .waiters
            .values()
            .filter(|waiter| waiter.session_id == session_id)
            .map(|waiter| waiter.ticket)
            .collect();
        for ticket in waits {
            self.leave(ticket);
        }
        released
    }

    /// Ends every loaded lock whose time has run out, and forgets the dead in line.
    pub fn reap(&mut self) {
        self.settle(|_| true);
        self.bury_dead();
    }

    /// Notes a token as seen on a path.
    ///
    /// # Errors
    /// The highest token seen on the path, above or below it, when that is higher.
    pub fn fence(&mut self, resource: &ResourcePath, token: i64) -> Result<(), i64> {
        let seen = self.fences.iter().filter(|(path, _)| path.meets(resource)).map(|(_, token)| *token).max();
        if let Some(highest) = seen.filter(|highest| *highest > token) {
            return Err(highest);
        }
        if self.fences.insert(resource.clone(), token) != Some(token) {
            self.raised.insert(resource.clone());
        }
        Ok(())
    }

    /// What has to be written for the storage to say what the table says, besides the head. The table then counts as loaded.
    pub fn changes(&mut self) -> Changes {
        let mut changes = Changes {
            queued: std::mem::take(&mut self.queued)
                .iter()
                .filter_map(|ticket| self.waiters.get(ticket))
                .cloned()
                .collect(),
            left: std::mem::take(&mut self.left),
            alive: std::mem::take(&mut self.alive),
            alive_until: self.alive_until.take(),
            fences: std::mem::take(&mut self.raised)
                .into_iter()
                .filter_map(|path| self.fences.get(&path).map(|token| (path.clone(), *token)))
                .collect(),
            events: std::mem::take(&mut self.events),
            ..Changes::default()
        };
        for (id, fate) in std::mem::take(&mut self.fates) {
            let Some(lock) = self.locks.get(&id).cloned() else { continue };
            match fate {
                Fate::Added => changes.added.push(lock),
                Fate::Extended => changes.extended.push(lock),
                Fate::Ended => changes.ended.push(lock),
            }
        }
        changes
    }

    /// When the first of the live locks ends by its time.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.live().map(|lock| lock.expires_at).min()
    }

    /// Notes something else that happened under the same head.
    pub fn note(&mut self, kind: EventKind, what: Occurrence) {
        self.events.push(self.head.event(kind, what));
    }

    /// The places in line ahead of a call: earlier ones that conflict with it. One that waits for this very session is not: to
    /// stand behind it would be to wait for oneself.
    fn ahead<'a>(&'a self, who: Claim<'a>, before: i64) -> impl Iterator<Item = &'a Waiter> {
        let earlier = self.waiters.range(..before).map(|(_, waiter)| waiter).filter(|_| self.rules.honour_line);
        let conflicting = earlier.filter(move |waiter| conflict(who, waiter.claim()));
        conflicting.filter(move |waiter| {
            !self.live().any(|lock| lock.session_id == who.0 && conflict(lock.claim(), waiter.claim()))
        })
    }

    /// The sessions that a call waits for.
    fn awaited<'a>(&'a self, who: Claim<'a>, before: i64) -> impl Iterator<Item = &'a str> {
        let holders = self.live().filter(move |lock| conflict(lock.claim(), who)).map(|lock| lock.session_id.as_str());
        holders.chain(self.ahead(who, before).map(|waiter| waiter.session_id.as_str()))
    }

    /// Whether some session that the call would wait for waits, over any number of others, for the call's own session. Only
    /// those earlier in line are followed, so that of a circle the last to join is told and nobody else.
    fn closes_circle(&self, want: &Want, before: i64) -> bool {
        let mut open: Vec<&str> = self.awaited(want.claim(), before).collect();
        let mut seen: BTreeSet<&str> = open.iter().copied().collect();
        while let Some(session) = open.pop() {
            if session == want.session_id {
                return true;
            }
            let waits = self.waiters.range(..before).map(|(_, waiter)| waiter).filter(|w| w.session_id == session);
            let next = waits.flat_map(|waiter| self.awaited(waiter.claim(), waiter.ticket));
            open.extend(next.filter(|session| seen.insert(session)));
        }
        false
    }

    fn live(&self) -> impl Iterator<Item = &Lock> {
        self.locks.values().filter(|lock| lock.is_live(self.head.now))
    }

    /// The live locks of a session.
    fn own(&mut self, session_id: &str) -> Vec<Id<Lock>> {
        self.settle(|lock| lock.session_id == session_id);
        self.live().filter(|lock| lock.session_id == session_id).map(|lock| lock.id).collect()
    }

    /// Marks those whose time has run out as expired: whoever looks first does it, under the head, so it is done once.
    fn settle(&mut self, which: impl Fn(&Lock) -> bool) {
        let is_due = |lock: &&Lock| lock.state == LockState::Held && lock.expires_at <= self.head.now && which(lock);
        let mut due: Vec<(Timestamp, Id<Lock>)> =
            self.locks.values().filter(is_due).map(|lock| (lock.expires_at, lock.id)).collect();
        due.sort_unstable();
        for (_, id) in due {
            self.finish(id, LockState::Expired, None);
        }
    }

    fn bury_dead(&mut self) {
        let now = self.head.now;
        let dead: Vec<i64> =
            self.waiters.values().filter(|waiter| waiter.alive_until <= now).map(|waiter| waiter.ticket).collect();
        for ticket in dead {
            self.leave(ticket);
        }
    }

    fn extend(&mut self, id: Id<Lock>, change: impl FnOnce(&mut Lock)) -> Option<Lock> {
        let lock = self.locks.get_mut(&id)?;
        change(lock);
        self.fates.entry(id).or_insert(Fate::Extended);
        Some(lock.clone())
    }

    fn finish(&mut self, id: Id<Lock>, state: LockState, reason: Option<&str>) -> Option<Lock> {
        let lock = self.locks.get_mut(&id)?;
        lock.state = state;
        lock.ended_at = Some(if state == LockState::Expired { lock.expires_at } else { self.head.now });
        lock.end_reason = reason.map(str::to_owned);
        let lock = lock.clone();
        let fate = self.fates.entry(id).or_insert(Fate::Ended);
        if *fate == Fate::Extended {
            *fate = Fate::Ended;
        }
        match state {
            LockState::Released => self.tell(EventKind::LockReleased, &lock),
            LockState::Broken => self.tell(EventKind::LockBroken, &lock),
            LockState::Expired if self.rules.mark_expired => self.tell(EventKind::LockExpired, &lock),
            LockState::Held | LockState::Expired => {}
        }
        Some(lock)
    }

    fn tell(&mut self, kind: EventKind, lock: &Lock) {
        let expires_at = (kind == EventKind::LockGranted).then_some(lock.expires_at);
        let what = lock.occurrence(expires_at, lock.end_reason.as_deref());
        self.events.push(self.head.event(kind, what));
    }
}

impl Lock {
    fn occurrence(&self, expires_at: Option<Timestamp>, reason: Option<&str>) -> Occurrence {
        let note =
            LockNote { resource: self.resource.as_str(), mode: self.mode, token: self.token, expires_at, reason };
        Occurrence::new(Some(&self.session_id), Some(self.id.uuid()), &note)
    }

    /// What happened to the lock: `events`, and its beginning and end from the lock itself where their events are not kept any more.
    /// Such a one has the number 0.
    pub(crate) fn history(&self, mut events: Vec<Event>) -> Vec<Event> {
        let has = |events: &[Event], kind: EventKind| events.iter().any(|event| event.kind == kind);
        let event = |at, kind, what: Occurrence| {
            let Occurrence { project_key, session_id, subject, payload } = what;
            Event { seq: 0, at, kind, project_key, session_id, subject, payload }
        };
        if !has(&events, EventKind::LockGranted) {
            // When it was to end at first is known to nobody any more.
            events.insert(0, event(self.granted_at, EventKind::LockGranted, self.occurrence(None, None)));
        }
        let end = match self.state {
            LockState::Held => None,
            LockState::Released => Some(EventKind::LockReleased),
            LockState::Expired => Some(EventKind::LockExpired),
            LockState::Broken => Some(EventKind::LockBroken),
        };
        if let (Some(kind), Some(at)) = (end.filter(|kind| !has(&events, *kind)), self.ended_at) {
            events.push(event(at, kind, self.occurrence(None, self.end_reason.as_deref())));
        }
        events
    }

    fn resource_meets(&self, resources: &[ResourcePath]) -> bool {
        resources.iter().any(|resource| resource.meets(&self.resource))
    }

    fn claim(&self) -> Claim<'_> {
        (&self.session_id, self.mode, std::slice::from_ref(&self.resource))
    }
}

impl Waiter {
    fn claim(&self) -> Claim<'_> {
        (&self.session_id, self.mode, &self.resources)
    }
}

impl Want {
    fn claim(&self) -> Claim<'_> {
        (&self.session_id, self.mode, &self.resources)
    }
}

#[cfg(test)]
mod tests;
