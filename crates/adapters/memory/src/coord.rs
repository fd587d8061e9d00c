//! Coordination. Its clock stands still but for what is saved into the head: time passes when somebody says so.

use std::collections::BTreeMap;

use async_trait::async_trait;
use claudetools_coord::{
    Changes, Event, Head, Lock, LockDetail, LockFilter, LockMode, LockSort, LockState, Presence, PresenceFilter,
    PresenceSort, PresenceState, ResourcePath, Waiter,
    ports::{
        ComponentRepository, CoordProjectRepository, CoordTx, EventRepository, HeadRepository, LockRepository,
        MessageRepository, PresenceRepository, RetentionRepository,
    },
};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Stored, Timestamp, UnitOfWork};
use uuid::Uuid;

use crate::store::{MemoryStore, MemoryTx};

/// When the clock begins, in microseconds: with the year 2026.
const BEGINNING: i64 = 1_767_225_600_000_000;

/// What coordination keeps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coord {
    head: Option<Head>,
    events: BTreeMap<i64, Event>,
    pub(crate) locks: BTreeMap<Id<Lock>, Lock>,
    waiters: BTreeMap<i64, Waiter>,
    fences: BTreeMap<ResourcePath, i64>,
    pub(crate) presence: BTreeMap<String, Presence>,
}

impl CoordTx for MemoryTx {
    fn head(&mut self) -> &mut dyn HeadRepository {
        self
    }

    fn events(&mut self) -> &mut dyn EventRepository {
        self
    }

    fn locks(&mut self) -> &mut dyn LockRepository {
        self
    }

    fn presence(&mut self) -> &mut dyn PresenceRepository {
        self
    }

    fn messages(&mut self) -> &mut dyn MessageRepository {
        self
    }

    fn components(&mut self) -> &mut dyn ComponentRepository {
        self
    }

    fn coord_projects(&mut self) -> &mut dyn CoordProjectRepository {
        self
    }

    fn retention(&mut self) -> &mut dyn RetentionRepository {
        self
    }
}

#[async_trait]
impl UnitOfWork<dyn CoordTx> for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn CoordTx>, StoreError> {
        Ok(Box::new(self.begin_write().await))
    }

    async fn read(&self) -> Result<Box<dyn CoordTx>, StoreError> {
        Ok(Box::new(self.begin_read().await))
    }
}

#[async_trait]
impl HeadRepository for MemoryTx {
    async fn lock(&mut self) -> Stored<Head> {
        // Only one transaction writes at a time.
        self.peek().await
    }

    async fn peek(&mut self) -> Stored<Head> {
        let beginning = || Timestamp::from_micros(BEGINNING).map(Head::new);
        let head = self.state.coord.head.or_else(beginning);
        head.ok_or_else(|| StoreError::Database("the clock has no beginning".to_owned()))
    }

    async fn save(&mut self, head: &Head) -> Stored<()> {
        self.state.coord.head = Some(*head);
        Ok(())
    }
}

#[async_trait]
impl EventRepository for MemoryTx {
    async fn append(&mut self, events: &[Event]) -> Stored<()> {
        for event in events {
            if self.state.coord.events.insert(event.seq, event.clone()).is_some() {
                return Err(StoreError::Constraint("seq".to_owned()));
            }
        }
        Ok(())
    }

    async fn after(&mut self, seq: i64, limit: u32) -> Stored<Vec<Event>> {
        let behind = self.state.coord.events.values().filter(|event| event.seq > seq);
        Ok(behind.take(limit as usize).cloned().collect())
    }

    async fn about(&mut self, subject: Uuid) -> Stored<Vec<Event>> {
        Ok(self.state.coord.events.values().filter(|event| event.subject == Some(subject)).cloned().collect())
    }

    async fn oldest(&mut self) -> Stored<Option<i64>> {
        Ok(self.state.coord.events.keys().next().copied())
    }

    async fn prune(&mut self, before: Timestamp) -> Stored<u64> {
        let events = &mut self.state.coord.events;
        let kept = events.len();
        events.retain(|_, event| event.at >= before);
        Ok((kept - events.len()) as u64)
    }
}

impl MemoryTx {
    /// The locks not marked as ended that fit.
    fn held(&self, fits: impl Fn(&Lock) -> bool) -> Vec<Lock> {
        let held = self.state.coord.locks.values().filter(|lock| lock.state == LockState::Held);
        held.filter(|lock| fits(lock)).cloned().collect()
    }

    fn add_lock(&mut self, lock: &Lock) -> Stored<()> {
        let is_sole = |lock: &Lock| lock.state == LockState::Held && lock.mode == LockMode::Exclusive;
        let clashes = |other: &Lock| {
            other.id == lock.id
                || other.token == lock.token
                || (is_sole(other) && is_sole(lock) && other.resource == lock.resource)
        };
        if self.state.coord.locks.values().any(clashes) {
            return Err(StoreError::Constraint("id, token or exclusive path".to_owned()));
        }
        self.state.coord.locks.insert(lock.id, lock.clone());
        Ok(())
    }

    fn with_session(&self, lock: Lock) -> LockDetail {
        let presence = self.state.coord.presence.get(&lock.session_id);
        let said = |what: fn(&Presence) -> &Option<String>| presence.and_then(|presence| what(presence).clone());
        LockDetail { host: said(|presence| &presence.host), agent: said(|presence| &presence.agent), lock }
    }
}

#[async_trait]
impl LockRepository for MemoryTx {
    async fn meeting(&mut self, paths: &[ResourcePath]) -> Stored<Vec<Lock>> {
        Ok(self.held(|lock| paths.iter().any(|path| path.meets(&lock.resource))))
    }

    async fn by_ids(&mut self, ids: &[Id<Lock>]) -> Stored<Vec<Lock>> {
        Ok(ids.iter().filter_map(|id| self.state.coord.locks.get(id).cloned()).collect())
    }

    async fn of_session(&mut self, session_id: &str) -> Stored<Vec<Lock>> {
        Ok(self.held(|lock| lock.session_id == session_id))
    }

    async fn due(&mut self, now: Timestamp, limit: u32) -> Stored<Vec<Lock>> {
        let mut due = self.held(|lock| lock.expires_at <= now);
        due.sort_by_key(|lock| lock.expires_at);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn waiters(&mut self) -> Stored<Vec<Waiter>> {
        Ok(self.state.coord.waiters.values().cloned().collect())
    }

    async fn fences(&mut self, paths: &[ResourcePath]) -> Stored<Vec<(ResourcePath, i64)>> {
        let fences = self.state.coord.fences.iter().filter(|(fence, _)| paths.iter().any(|path| path.meets(fence)));
        Ok(fences.map(|(path, token)| (path.clone(), *token)).collect())
    }

    async fn write(&mut self, changes: &Changes) -> Stored<()> {
        for Lock { id, state, ended_at, end_reason, .. } in &changes.ended {
            if let Some(kept) = self.state.coord.locks.get_mut(id) {
                *kept = Lock { state: *state, ended_at: *ended_at, end_reason: end_reason.clone(), ..kept.clone() };
            }
        }
        for Lock { id, ttl_seconds, expires_at, .. } in &changes.extended {
            if let Some(kept) = self.state.coord.locks.get_mut(id) {
                *kept = Lock { ttl_seconds: *ttl_seconds, expires_at: *expires_at, ..kept.clone() };
            }
        }
        changes.added.iter().try_for_each(|lock| self.add_lock(lock))?;
        let coord = &mut self.state.coord;
        coord.waiters.retain(|ticket, _| !changes.left.contains(ticket));
        for ticket in &changes.alive {
            if let (Some(waiter), Some(until)) = (coord.waiters.get_mut(ticket), changes.alive_until) {
                waiter.alive_until = until;
            }
        }
        coord.waiters.extend(changes.queued.iter().map(|waiter| (waiter.ticket, waiter.clone())));
        coord.fences.extend(changes.fences.iter().cloned());
        Ok(())
    }

    async fn detail(&mut self, id: Id<Lock>) -> Stored<Option<LockDetail>> {
        Ok(self.state.coord.locks.get(&id).cloned().map(|lock| self.with_session(lock)))
    }

    async fn list(
        &mut self,
        filter: &LockFilter,
        page: &PageRequest<LockSort>,
        now: Timestamp,
    ) -> Stored<Page<LockDetail>> {
        let locks = self.state.coord.locks.values().filter(|lock| filter.admits(lock, now)).cloned();
        Ok(Page::cut(locks.map(|lock| self.with_session(lock)).collect(), page))
    }

    async fn count_held(&mut self, now: Timestamp) -> Stored<u64> {
        Ok(self.held(|lock| lock.is_live(now)).len() as u64)
    }
}

#[async_trait]
impl PresenceRepository for MemoryTx {
    async fn find(&mut self, session_ids: &[String]) -> Stored<Vec<Presence>> {
        Ok(session_ids.iter().filter_map(|id| self.state.coord.presence.get(id).cloned()).collect())
    }

    async fn put(&mut self, presence: &Presence) -> Stored<()> {
        self.state.coord.presence.insert(presence.session_id.clone(), presence.clone());
        Ok(())
    }

    async fn silent(&mut self, since: Timestamp, limit: u32) -> Stored<Vec<Presence>> {
        let active = self.state.coord.presence.values().filter(|row| row.state == PresenceState::Active);
        let mut silent: Vec<Presence> = active.filter(|row| row.last_seen_at <= since).cloned().collect();
        silent.sort_by_key(|row| row.last_seen_at);
        silent.truncate(limit as usize);
        Ok(silent)
    }

    async fn list(
        &mut self,
        filter: &PresenceFilter,
        page: &PageRequest<PresenceSort>,
        now: Timestamp,
    ) -> Stored<Page<Presence>> {
        let rows = self.state.coord.presence.values().filter(|row| filter.admits(row, now)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
