//! Why a scenario could not be measured.

use std::{io, path::PathBuf};

/// The result of what a scenario does.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a scenario could not be measured.
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
    /// The connection to the server.
    #[error("the connection to the server: {0}")]
    Http(#[from] hyper::Error),
    /// A request that cannot be sent.
    #[error("a request that cannot be sent: {0}")]
    Request(#[from] hyper::http::Error),
    /// An answer that is not JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The rows to measure with.
    #[error(transparent)]
    Seed(#[from] claudetools_seed::SeedError),
    /// The database of those rows.
    #[error(transparent)]
    Store(#[from] claudetools_kernel::StoreError),
    /// A database server.
    #[error("the database: {0}")]
    Sql(#[from] sqlx::Error),
    /// A peer's database file.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The goals.
    #[error("goals.toml: {0}")]
    Goals(String),
    /// The server has not done what it was asked.
    #[error("{0}")]
    Server(String),
}
