//! The configuration: environment, then `.env`, then a TOML file, then defaults.
//!
//! [`SETTINGS`] is the one place where a setting is declared. [`load`] reads all of them from [`Sources`] and reports
//! every fault at once, each with its name, where it came from and what to change, and never with a secret in it.

mod check;
mod fault;
mod parse;
pub mod render;
mod resolve;
mod setting;
mod source;
mod table;
mod value;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use fault::{ConfigFault, ConfigFaults, Origin};
pub use resolve::Effective;
pub use setting::{Empty, Fallback, Machine, Secrecy, Setting};
pub use source::{DEFAULT_FILE, PREFIX, Sources};
pub use table::{Config, SETTINGS};
pub use value::{CoordAuth, DatabaseUrl, JwtAlgorithm, LogFormat, RateLimitBackend, RedisUrl};

/// A configuration that may be used, and what `config check` shows of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Each setting with its value, secrets masked, and its origin.
    pub effective: Vec<Effective>,
}

/// Reads the configuration from `sources`.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigFaults> {
    let mut resolved = resolve::Resolved::of(sources);
    let draft = table::Draft::read(&mut resolved);
    check::cross_check(&draft, &mut resolved);
    let effective = resolved.effective();
    match draft.complete() {
        Some(config) if resolved.faults.is_empty() => Ok(Loaded { config, effective }),
        _ => Err(ConfigFaults(resolved.faults)),
    }
}

impl Config {
    /// The address to listen on.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// The certificate and key files when the server speaks TLS itself.
    pub fn tls_files(&self) -> Option<(&Path, &Path)> {
        self.tls_cert_file.as_deref().zip(self.tls_key_file.as_deref())
    }

    /// Whether clients reach the server over TLS, from itself or from the proxy in front of it.
    pub fn serves_tls(&self) -> bool {
        self.tls_files().is_some() || self.behind_tls_proxy
    }

    /// Where the server keeps token keys that it made itself.
    pub fn key_file(&self) -> PathBuf {
        self.data_dir.join(crate::keys::FILE_NAME)
    }

    /// How long an access token is valid.
    pub fn access_token_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.access_token_expire_minutes) * 60)
    }

    /// How long a client may take to send its headers or body.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds.into())
    }

    /// How long a connection may stay open between two requests.
    pub fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds.into())
    }

    /// How long requests in flight may take once the server is told to stop.
    pub fn shutdown_timeout(&self) -> Duration {
        Duration::from_secs(self.shutdown_timeout_seconds.into())
    }

    /// The networks whose callers need no token for coordination: none when everybody needs one.
    pub fn coord_networks(&self) -> Vec<ipnet::IpNet> {
        match self.coord_auth {
            CoordAuth::TrustedNetwork => self.coord_trusted_networks.clone(),
            CoordAuth::Token => Vec::new(),
        }
    }

    /// How long a statement waits for a lock on the database file.
    pub fn database_busy_timeout(&self) -> Duration {
        Duration::from_millis(self.database_busy_timeout_ms.into())
    }

    /// How long a request waits for Redis at the most.
    pub fn rate_limit_redis_timeout(&self) -> Duration {
        Duration::from_millis(self.rate_limit_redis_timeout_ms.into())
    }
}
