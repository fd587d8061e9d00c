//! What all use cases of this domain stand on.

use std::{fmt, sync::Arc};

use claudetools_kernel::{IdGenerator, UnitOfWork};

use crate::ports::CoordTx;

/// Storage and ids. There is no clock: the time is that of the database.
#[derive(Clone)]
pub struct Context {
    /// The storage.
    pub store: Arc<dyn UnitOfWork<dyn CoordTx>>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}
