//! What is wrong with the configuration: every fault at once, none of them with a secret in it.

use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The process environment, under this name.
    Environment(String),
    /// The `.env` file, under this name.
    DotEnv(String),
    /// The configuration file of this name, under this key.
    File {
        /// The file as it was named.
        file: String,
        /// The key in it.
        key: String,
    },
    /// Given nowhere.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::DotEnv(name) => write!(f, ".env {name}"),
            Self::File { file, key } => write!(f, "{file} {key}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One thing to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The setting, or the file when it could not be read at all.
    pub name: String,
    /// Where the value came from; `None` when the file itself is at fault.
    pub origin: Option<Origin>,
    /// What is wrong and what to change.
    pub message: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(Origin::Default) => write!(f, "{} (not given): {}", self.name, self.message),
            Some(origin) => write!(f, "{} (from {origin}): {}", self.name, self.message),
            None => write!(f, "{}: {}", self.name, self.message),
        }
    }
}

/// All faults of a configuration, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl std::error::Error for ConfigFaults {}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} fault{}:", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
