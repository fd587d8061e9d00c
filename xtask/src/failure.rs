//! The one error of the project's commands: a sentence for whoever ran the command.

use std::{fmt, path::Path};

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What the commands return.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure described by a sentence.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A failure at a file; an I/O error alone does not name it.
    pub(crate) fn at(path: &Path, cause: impl fmt::Display) -> Self {
        Self(format!("{}: {cause}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<cargo_metadata::Error> for Failure {
    fn from(error: cargo_metadata::Error) -> Self {
        Self(format!("cargo metadata: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("JSON: {error}"))
    }
}
