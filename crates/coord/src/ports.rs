//! What this domain needs of a storage.
//!
//! A use case that changes anything begins with [`HeadRepository::lock`] and ends with [`HeadRepository::save`]; in between it numbers
//! its events by the head and adds them with [`EventRepository::append`].

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest, Records, Stored, Timestamp, Transaction};
use uuid::Uuid;

use crate::{
    Changes, Component, ComponentKey, CoordProject, Delivery, Event, Head, HistoryEntry, HistorySort, Lock, LockDetail,
    LockFilter, LockSort, Message, MessageFilter, MessageRow, MessageSort, Presence, PresenceFilter, PresenceSort,
    PruneBounds, Pruned, ResourcePath, Retention, Waiter,
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
    /// The messages.
    fn messages(&mut self) -> &mut dyn MessageRepository;
    /// The components.
    fn components(&mut self) -> &mut dyn ComponentRepository;
    /// The projects of coordination.
    fn coord_projects(&mut self) -> &mut dyn CoordProjectRepository;
    /// How long what has ended is kept.
    fn retention(&mut self) -> &mut dyn RetentionRepository;
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

/// Where messages are kept, with who has received them. Removing one removes its read marks.
#[async_trait]
pub trait MessageRepository: Send {
    /// Adds a message.
    async fn add(&mut self, message: &Message) -> Stored<()>;

    /// The message with this id.
    async fn lookup(&mut self, id: Id<Message>) -> Stored<Option<Message>>;

    /// Removes a message; tells whether there was one.
    async fn remove(&mut self, id: Id<Message>) -> Stored<bool>;

    /// The sessions that have announced themselves, have not ended, and were last seen after `silent_at`; those of a project, where
    /// one is given. In no order.
    async fn present(&mut self, project_key: Option<&str>, silent_at: Timestamp) -> Stored<Vec<String>>;

    /// Puts messages into the hands of recipients, each of whom has it once.
    async fn deliver(&mut self, deliveries: &[Delivery]) -> Stored<()>;

    /// What a session has not received of the messages that were sent after `after`, by others, to all or to the project given, and
    /// that have not expired at `now`: id and place in the order of sending, in that order.
    async fn missed(
        &mut self,
        session_id: &str,
        project_key: Option<&str>,
        after: Timestamp,
        now: Timestamp,
    ) -> Stored<Vec<(Id<Message>, i64)>>;

    /// The recipients of messages so far, by message and session.
    async fn recipients(&mut self, messages: &[Id<Message>]) -> Stored<Vec<Delivery>>;

    /// A message in the hands of one recipient.
    async fn delivery(&mut self, id: Id<Message>, session_id: &str) -> Stored<Option<Delivery>>;

    /// Writes the marks of a delivery.
    async fn mark(&mut self, delivery: &Delivery) -> Stored<()>;

    /// A page of messages.
    async fn list(
        &mut self,
        filter: &MessageFilter,
        now: Timestamp,
        page: &PageRequest<MessageSort>,
    ) -> Stored<Page<MessageRow>>;
}

/// Where components are kept, with their history. Unique: project and name.
#[async_trait]
pub trait ComponentRepository: Records<Component> {
    /// The component at this place.
    async fn at(&mut self, key: &ComponentKey) -> Stored<Option<Component>>;

    /// The components of a project, or of all; by project and name.
    async fn of_project(&mut self, project_key: Option<&str>) -> Stored<Vec<Component>>;

    /// Adds an entry to the history.
    async fn record(&mut self, entry: &HistoryEntry) -> Stored<()>;

    /// A page of a component's history.
    async fn history(&mut self, id: Id<Component>, page: &PageRequest<HistorySort>) -> Stored<Page<HistoryEntry>>;
}

/// Where the projects of coordination are kept. Unique: the key.
#[async_trait]
pub trait CoordProjectRepository: Records<CoordProject> {
    /// The project with this key.
    async fn by_key(&mut self, project_key: &str) -> Stored<Option<CoordProject>>;

    /// The keys of all projects, in their order.
    async fn keys(&mut self) -> Stored<Vec<String>>;
}

/// How long what has ended is kept, and its removal.
#[async_trait]
pub trait RetentionRepository: Send {
    /// What was decided; `None` before anybody has.
    async fn decided(&mut self) -> Stored<Option<Retention>>;

    /// Decides.
    async fn decide(&mut self, retention: &Retention) -> Stored<()>;

    /// Removes what lies before the bounds; tells how much.
    async fn prune(&mut self, bounds: &PruneBounds) -> Stored<Pruned>;
}
