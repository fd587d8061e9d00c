//! What this domain needs of a storage.
//!
//! A use case that changes anything begins with [`HeadRepository::lock`] and ends with [`HeadRepository::save`]; in between it numbers
//! its events by the head and adds them with [`EventRepository::append`].

use async_trait::async_trait;
use claudetools_kernel::{Stored, Timestamp, Transaction};

use crate::{Event, Head};

/// A transaction over everything that this domain keeps.
pub trait CoordTx: Transaction {
    /// The head.
    fn head(&mut self) -> &mut dyn HeadRepository;
    /// The events.
    fn events(&mut self) -> &mut dyn EventRepository;
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

    /// The number of the oldest event that is still kept; `None` when there is none.
    async fn oldest(&mut self) -> Stored<Option<i64>>;

    /// Forgets the events before this instant; tells how many.
    async fn prune(&mut self, before: Timestamp) -> Stored<u64>;
}
