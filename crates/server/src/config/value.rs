//! The types of settings that are more than a number or a text.

use std::fmt;
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

/// Who may call coordination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoordAuth {
    /// Whoever is in a trusted network, and whoever has a token.
    TrustedNetwork,
    /// Whoever has a token.
    Token,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people at a terminal.
    Pretty,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Where the data is: a file of `SQLite`, or a database on a server.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    /// The URL as given. It may hold a password.
    Server(String),
}

const FILE_SCHEME: &str = "sqlite://";
const SERVER_SCHEMES: [&str; 4] = ["mysql", "mariadb", "postgres", "postgresql"];

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::setting::mask_userinfo(&self.url()))
    }
}

impl DatabaseUrl {
    /// Reads `sqlite://<path>`, `mysql://…` or `postgres://…`. The message of a failure says what to write instead and never
    /// repeats the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix(FILE_SCHEME) {
            return file(rest).map(|path| Self(Place::File(path)));
        }
        let scheme = text.split(':').next().unwrap_or_default();
        if SERVER_SCHEMES.contains(&scheme) {
            return server(text, scheme).map(|()| Self(Place::Server(text.to_owned())));
        }
        Err("must be sqlite://<path>, mysql://<user>:<password>@<host>/<database> or postgres://…, as in \
             sqlite://data/claudetools.db"
            .to_owned())
    }

    /// The database file; `None` for a database on a server.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Server(_) => None,
        }
    }

    /// The URL, password included.
    pub fn url(&self) -> String {
        match &self.0 {
            Place::File(path) => format!("{FILE_SCHEME}{}", path.display()),
            Place::Server(url) => url.clone(),
        }
    }
}

fn file(rest: &str) -> Result<PathBuf, String> {
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
        return Err("must be sqlite:// and a path without ?, # and %; the server sets the options itself".to_owned());
    }
    Ok(PathBuf::from(path))
}

fn server(text: &str, scheme: &str) -> Result<(), String> {
    let form = format!("must be {scheme}://<user>:<password>@<host>[:<port>]/<database>");
    let url = url::Url::parse(text)
        .map_err(|_| format!("{form}; characters of the password that have a meaning in URLs are written as %XX"))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("{form}: the host is missing"));
    }
    if url.path().trim_matches('/').is_empty() || url.path().trim_matches('/').contains('/') {
        return Err(format!("{form}: the name of the database is missing"));
    }
    Ok(())
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
            assert_eq!(parsed.file(), Some(Path::new(path)));
            assert_eq!(parsed.url(), format!("sqlite://{path}"));
        }
    }

    #[test]
    fn a_database_on_a_server_is_taken_as_given_and_its_password_not_shown() {
        for text in
            ["mysql://u:geheim@db/x", "mariadb://u:geheim@db:3307/x", "postgres://u:geheim@[::1]/x?sslmode=require"]
        {
            let parsed = DatabaseUrl::parse(text).unwrap();
            assert_eq!((parsed.file(), parsed.url().as_str()), (None, text));
            assert!(!format!("{parsed:?}").contains("geheim"));
        }
    }

    #[test]
    fn a_server_without_host_or_database_is_refused_without_repeating_the_password() {
        for text in ["mysql://u:geheim@db", "mysql://u:geheim@db/", "postgres:///x", "postgres://u:ge#heim@db/x"] {
            let message = DatabaseUrl::parse(text).unwrap_err();
            assert!(message.contains("<database>") && !message.contains("heim"), "{message}");
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
