//! Why a run could not be made.

use std::{io, path::PathBuf};

/// The result of what this program does.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a run could not be made. What the run found wrong is no failure but a violation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A server, its database or the connection to it.
    #[error(transparent)]
    Harness(#[from] claudetools_harness::Failure),
    /// A file or folder.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// What is needed is not here, or does not do what it must.
    #[error("{0}")]
    Needed(String),
}
