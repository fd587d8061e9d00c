//! What can go wrong with a process, a connection or the system.

use std::{io, path::PathBuf};

/// The result of what this crate does.
pub type Result<T> = std::result::Result<T, Failure>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file, a folder or a program.
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
    /// A database server.
    #[error("the database: {0}")]
    Sql(#[from] sqlx::Error),
    /// The system tells of a process what nobody understands, or no more.
    #[error("/proc: {0}")]
    Process(String),
    /// The server has not done what it was asked.
    #[error("{0}")]
    Server(String),
}
