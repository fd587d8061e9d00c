//! What this domain needs of a storage. Each method is one statement (or a fixed few); rules live in the services.
//!
//! In all repositories:
//! - `add` fails with [`StoreError::Constraint`] when a unique key is taken or a foreign key names no row. Services look
//!   first, so this means another writer came in between, and the whole use case is repeated.
//! - `save` replaces the row that has the revision before the one given; when there is none it fails with
//!   [`StoreError::Contention`]: somebody else changed or removed the row since it was read.
//! - `lookup` answers `None` for a row that does not exist.
//! - `remove` tells whether there was a row to remove.
//! - `list` returns rows in the order of the request, ties broken by id in the same direction.

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest, Referrer, StoreError, Transaction};

use crate::{Client, ClientFilter, ClientSort};

/// The result of a storage call.
pub type Stored<T> = Result<T, StoreError>;

/// A transaction over everything this domain stores.
pub trait SessionsTx: Transaction {
    /// The clients.
    fn clients(&mut self) -> &mut dyn ClientRepository;
}

/// Where clients are kept.
#[async_trait]
pub trait ClientRepository: Send {
    /// Adds a client.
    async fn add(&mut self, client: &Client) -> Stored<()>;
    /// Replaces the client of the revision before.
    async fn save(&mut self, client: &Client) -> Stored<()>;
    /// Removes a client that nothing refers to.
    async fn remove(&mut self, id: Id<Client>) -> Stored<bool>;
    /// The client with this id.
    async fn lookup(&mut self, id: Id<Client>) -> Stored<Option<Client>>;
    /// The client with this name, in the form of [`claudetools_kernel::text::fold`].
    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Client>>>;
    /// A page of clients.
    async fn list(&mut self, filter: &ClientFilter, page: &PageRequest<ClientSort>) -> Stored<Page<Client>>;
    /// What refers to the client, kinds without rows left out.
    async fn referrers(&mut self, id: Id<Client>) -> Stored<Vec<Referrer>>;
}
