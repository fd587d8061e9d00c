//! What this domain needs of a storage.

use claudetools_kernel::Transaction;

/// A transaction over everything that this domain keeps.
pub trait CoordTx: Transaction {}
