//! The clients of a run, each an endless loop until the run is over.

pub(crate) mod locks;
pub(crate) mod mail;
pub(crate) mod reader;
pub(crate) mod sessions;
pub(crate) mod writer;
