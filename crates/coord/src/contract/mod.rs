//! The suites that every storage adapter must pass. Each runs on a fresh store.

mod component;
mod message;

pub use component::{components, coord_projects, retention};
pub use message::{audiences, messages};

use claudetools_kernel::{StoreError, UnitOfWork};

use crate::ports::CoordTx;

/// A store under test.
pub type Store<'a> = &'a dyn UnitOfWork<dyn CoordTx>;
/// The outcome of a suite: an error where the storage fails, a panic where a rule does not hold.
pub type Outcome = Result<(), StoreError>;
