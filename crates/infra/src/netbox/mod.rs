//! The inventory of `NetBox` taken over, from what its `manage.py dumpdata` writes.
//!
//! Tenants become clients, sites sites, devices and virtual machines assets, prefixes with their VLANs networks; addresses go
//! to the assets whose interfaces have them. [`Dump`] reads the file, [`Plan`] decides what becomes of each object without
//! looking at any storage, [`NetboxImport`] brings the storage there. Everything entered bears its origin among its external
//! ids, so that a second run finds it again and changes what has changed.

mod dump;
mod import;
mod plan;
mod plan_assets;
mod report;

use async_trait::async_trait;
use claudetools_kernel::{Result, Timestamp};
use uuid::Uuid;

pub use dump::{Dump, Unreadable};
pub use import::NetboxImport;
pub use plan::Plan;
pub use report::{Fate, Line, Report, Tally};

/// The name under which rows keep their ids of `NetBox`.
pub const SYSTEM: &str = "netbox";

/// A client as an import wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedClient {
    /// Its name.
    pub name: String,
    /// Whether it stands for whatever no customer is named for.
    pub is_internal: bool,
    /// Anything else that is known of it.
    pub notes: Option<String>,
    /// Its id under [`SYSTEM`].
    pub external_id: String,
}

/// What an import does with clients, which another domain keeps.
#[async_trait]
pub trait ClientBook: Send {
    /// Enters the client, or brings the one that has its external id, or else its name and no other id of the system, to what is
    /// wanted. The id is that of a new client.
    async fn put_client(&mut self, id: Uuid, wanted: &ImportedClient, now: Timestamp) -> Result<(Uuid, Fate)>;
}
