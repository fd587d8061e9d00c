//! The types of settings that are more than a number or a text.

use std::path::{Path, PathBuf};

pub use claudetools_crypto::JwtAlgorithm;
pub use claudetools_limiter::RedisUrl;

/// Where requests are counted against their budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimitBackend {
    /// In each process.
    Memory,
    /// In Redis, for all replicas.
    Redis,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people at a terminal.
    Pretty,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Where the data is: in this version always a file of `SQLite`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    path: PathBuf,
}

const SCHEME: &str = "sqlite://";

impl DatabaseUrl {
    /// Reads `sqlite://<path>`. The message of a failure says what to write instead and never repeats the text, which
    /// may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Err(refuse_scheme(text));
        };
        // Habit from other programs; creating the file is what this server does anyway.
        let path = rest.strip_suffix("?mode=rwc").unwrap_or(rest);
        if path.is_empty() || path.ends_with('/') {
            return Err("must name a file, as in sqlite://data/claudetools.db".to_owned());
        }
        if path.contains(":memory:") {
            return Err("must name a file: a database in memory would lose acknowledged writes".to_owned());
        }
        // The path goes into a URL and into the file system: with these in it the two would differ.
        if path.contains(['?', '#', '%']) {
            return Err(
                "must be sqlite:// and a path without ?, # and %; the server sets the options itself".to_owned()
            );
        }
        Ok(Self { path: PathBuf::from(path) })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The URL, `sqlite://<path>`.
    pub fn url(&self) -> String {
        format!("{SCHEME}{}", self.path.display())
    }
}

fn refuse_scheme(text: &str) -> String {
    let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if ["mysql", "mariadb", "postgres", "postgresql"].contains(&scheme.as_str()) {
        return "mysql:// and postgres:// are not in this version: use sqlite://<path>".to_owned();
    }
    "must be sqlite://<path>, as in sqlite://data/claudetools.db".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_file_relative_or_absolute() {
        for (text, path) in [
            ("sqlite://data/claudetools.db", "data/claudetools.db"),
            ("sqlite:///var/lib/claudetools/a.db", "/var/lib/claudetools/a.db"),
            ("sqlite://a.db?mode=rwc", "a.db"),
        ] {
            let parsed = DatabaseUrl::parse(text).unwrap();
            assert_eq!(parsed.path(), Path::new(path));
            assert_eq!(parsed.url(), format!("sqlite://{path}"));
        }
    }

    #[test]
    fn other_engines_are_named_as_not_in_this_version() {
        for text in ["mysql://u:geheim@db/x", "postgres://u:geheim@db/x", "MariaDB://u:geheim@db/x"] {
            let message = DatabaseUrl::parse(text).unwrap_err();
            assert!(message.contains("not in this version") && !message.contains("geheim"), "{message}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for text in
            ["", "data.db", "sqlite:data.db", "sqlite://", "sqlite://data/", "sqlite://:memory:", "sqlite://a?mode=ro"]
        {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
