//! What this domain needs of a storage.
//!
//! A use case that changes anything begins with [`HeadRepository::lock`] and ends with [`HeadRepository::save`]; in between it numbers
//! its events by the head and adds them with [`EventRepository::append`].

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest, Stored, Timestamp, Transaction};
use uuid::Uuid;

use crate::{
    Changes, Event, Head, Lock, LockDetail, LockFilter, LockSort, Presence, PresenceFilter, PresenceSort, ResourcePath,
    Waiter,
};

/// A transaction over everything that this domain keeps.
pub trait CoordTx: Transaction {
    /// The head.
    fn head(&mut self) -> &mut dyn HeadRepository;
    /// The events.
    fn events(&mut self) -> &mut dyn EventRepository;
    /// Locks, those who wait for them, and fences.
    fn locks(&mut self) -> &mut dyn LockRepository;
    /// Sessions that announced themselves.
    fn presence(&mut self) -> &mut dyn PresenceRepository;
}

/// The one row that orders everything.
#[async_trait]
pub trait HeadRepository: Send {
    /// Locks the head until the end of the transaction, and reads the database's clock once it is locked. Nobody else gets the head
    /// meanwhile, on any replica.
    async fn lock(&mut self) -> Stored<Head>;

    /// The head as it is, without a lock: for reading, where what has passed by the clock is to be judged.
    async fn peek(&mut self) -> Stored<Head>;

    /// Writes the locked head back. Its `now` becomes the floor of all later readings of the clock.
    async fn save(&mut self, head: &Head) -> Stored<()>;
}

/// The events.
#[async_trait]
pub trait EventRepository: Send {
    /// Adds events that the locked head has numbered.
    async fn append(&mut self, events: &[Event]) -> Stored<()>;

    /// The first `limit` events behind number `seq`, in order.
    async fn after(&mut self, seq: i64, limit: u32) -> Stored<Vec<Event>>;

    /// The events about a lock, a message or a component, in order.
    async fn about(&mut self, subject: Uuid) -> Stored<Vec<Event>>;

    /// The number of the oldest event that is still kept; `None` when there is none.
    async fn oldest(&mut self) -> Stored<Option<i64>>;

    /// Forgets the events before this instant; tells how many.
    async fn prune(&mut self, before: Timestamp) -> Stored<u64>;
}

/// Locks, those who wait for them, and fences.
#[async_trait]
pub trait LockRepository: Send {
    /// The locks not marked as ended on these paths, above and below them.
    async fn meeting(&mut self, paths: &[ResourcePath]) -> Stored<Vec<Lock>>;

    /// The locks with these ids, whatever their state.
    async fn by_ids(&mut self, ids: &[Id<Lock>]) -> Stored<Vec<Lock>>;

    /// The locks of a session not marked as ended.
    async fn of_session(&mut self, session_id: &str) -> Stored<Vec<Lock>>;

    /// The first `limit` locks not marked as ended whose time has run out at `now`.
    async fn due(&mut self, now: Timestamp, limit: u32) -> Stored<Vec<Lock>>;

    /// Everybody in line, in its order.
    async fn waiters(&mut self) -> Stored<Vec<Waiter>>;

    /// The highest tokens seen on these paths, above and below them.
    async fn fences(&mut self, paths: &[ResourcePath]) -> Stored<Vec<(ResourcePath, i64)>>;

    /// Writes what a table has decided, besides events and head. That the path of a live exclusive lock and every token are unique is
    /// held here once more: what breaks it is a [`claudetools_kernel::StoreError::Constraint`].
    async fn write(&mut self, changes: &Changes) -> Stored<()>;

    /// A lock with what its session announced.
    async fn detail(&mut self, id: Id<Lock>) -> Stored<Option<LockDetail>>;

    /// A page of locks, their states judged at `now`.
    async fn list(
        &mut self,
        filter: &LockFilter,
        page: &PageRequest<LockSort>,
        now: Timestamp,
    ) -> Stored<Page<LockDetail>>;

    /// How many locks are held at `now`.
    async fn count_held(&mut self, now: Timestamp) -> Stored<u64>;
}

/// Sessions that announced themselves.
#[async_trait]
pub trait PresenceRepository: Send {
    /// The sessions with these ids, ended ones among them.
    async fn find(&mut self, session_ids: &[String]) -> Stored<Vec<Presence>>;

    /// Adds a session, or replaces what was known of it. The head is locked.
    async fn put(&mut self, presence: &Presence) -> Stored<()>;

    /// The first `limit` sessions marked as active that were last seen at `since` or before.
    async fn silent(&mut self, since: Timestamp, limit: u32) -> Stored<Vec<Presence>>;

    /// A page of sessions, their states judged at `now`.
    async fn list(
        &mut self,
        filter: &PresenceFilter,
        page: &PageRequest<PresenceSort>,
        now: Timestamp,
    ) -> Stored<Page<Presence>>;
}
