//! The suites that every storage adapter must pass, one per port. Each runs on a fresh, empty store.

mod billing;
mod client;
mod machine;
mod pending_task;
mod project;
mod session;
mod session_lists;
mod tag;
mod task_graph;
mod work_item;

pub use billing::{billable_time, closings, time_blocks, timers};
pub use client::clients;
pub use machine::machines;
pub use pending_task::pending_tasks;
pub use project::projects;
pub use session::sessions;
pub use tag::tags;
pub use work_item::work_items;

use claudetools_kernel::{StoreError, UnitOfWork};

use crate::ports::SessionsTx;

/// A store under test.
pub type Store<'a> = &'a dyn UnitOfWork<dyn SessionsTx>;
/// The outcome of a suite: an error where the storage fails, a panic where a rule does not hold.
pub type Outcome = Result<(), StoreError>;
