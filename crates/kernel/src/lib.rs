//! What every domain shares, and nothing else: ids, time, paging, actors, errors, partial updates, transactions,
//! budgets of requests.
//!
//! A domain crate builds on these types and declares its own ports; adapters fulfil both. Nothing in here knows a
//! database, HTTP, the time of day or a source of randomness: they come in through [`Clock`] and [`IdGenerator`].
//!
//! To add a resource, follow `docs/adding-a-resource.md`; `cargo xtask new-resource` prints the same checklist with the
//! names filled in.
#![warn(missing_docs)]

mod actor;
mod amount;
#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;
mod enumeration;
mod error;
mod id;
mod limit;
mod page;
mod patch;
mod records;
mod secret;
pub mod text;
mod time;
mod transaction;

pub use actor::{Actor, AgentIdentity, Scope, Scopes};
pub use amount::{Hours, Money};
pub use enumeration::Enumeration;
pub use error::{Error, Fault, Faults, Referrer, Result, StoreError};
pub use id::{Detail, Entity, Id, IdGenerator};
pub use limit::{Allowance, LimitClass, LimitKey, LimiterUnavailable, RateLimiter, Verdict};
pub use page::{Direction, Keyed, Page, PageRequest, Position, Query, Sort, SortField, SortKey, SortKind, Start};
pub use patch::{Expected, Patch};
pub use records::{Records, Stored, Target};
pub use secret::Secret;
pub use time::{Clock, Timestamp};
pub use transaction::{
    AfterCommit, AuditEntry, Change, Receipt, Replay, ReplayRecord, StoredReply, Transaction, UnitOfWork,
};

// For the code that `enumeration!` writes in other crates.
#[doc(hidden)]
pub use serde;
