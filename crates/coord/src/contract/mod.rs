//! The suites that every storage adapter must pass. Each runs on a fresh store.

mod component;
mod desk;
mod head;
mod lock;
mod message;
mod presence;

pub use component::{components, coord_projects, retention};
pub use desk::desk;
pub use head::{events, head};
pub use lock::{lock_lists, locks};
pub use message::{audiences, messages};
pub use presence::presence;

use claudetools_kernel::{StoreError, Timestamp, UnitOfWork};

use crate::ports::CoordTx;

/// A store under test.
pub type Store<'a> = &'a dyn UnitOfWork<dyn CoordTx>;
/// The outcome of a suite: an error where the storage fails, a panic where a rule does not hold.
pub type Outcome = Result<(), StoreError>;

/// Lets so many seconds pass at least, on whatever engine: the time kept in the head is the floor of the clock.
pub(crate) async fn pass(store: Store<'_>, seconds: i64) -> Result<Timestamp, StoreError> {
    let mut tx = store.begin().await?;
    let mut head = tx.head().lock().await?;
    head.now = head.now.plus(chrono::TimeDelta::seconds(seconds));
    tx.head().save(&head).await?;
    tx.commit().await?;
    Ok(head.now)
}
