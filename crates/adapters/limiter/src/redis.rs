//! Counters in Redis, which all replicas share.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use async_trait::async_trait;
use claudetools_kernel::{LimitClass, LimitKey, LimiterUnavailable, RateLimiter, Timestamp, Verdict};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, Script,
    aio::MultiplexedConnection,
};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    budgets::Budgets,
    window::{Reading, Window, verdict},
};

/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// How long Redis may take to prove that it can count; below the patience of `/readyz`.
const PROOF_PATIENCE: Duration = Duration::from_secs(1);
/// Between two attempts to connect again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);
/// A window that nothing is refused in, to find out whether Redis can count.
const PROBE_LENGTH: Duration = Duration::from_secs(1);

/// Where Redis is. Its `Display` shows no user and no password.
#[derive(Clone)]
pub struct RedisUrl(ConnectionInfo);

impl RedisUrl {
    /// Reads `redis://[user:password@]host[:port][/database]` or `unix:///path`. The message of a failure says what to write
    /// instead and never repeats the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if ["rediss:", "valkeys:"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(
                "must be redis://…: TLS to Redis is not built in; keep it in the replicas' own network".to_owned()
            );
        }
        let wanted =
            || "must be redis://[user:password@]host[:port][/database], as in redis://127.0.0.1:6379/0".to_owned();
        text.into_connection_info().map(Self).map_err(|_| wanted())
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => write!(f, "{host}:{port}"),
            ConnectionAddr::Unix(path) => write!(f, "{}", path.display()),
            _ => f.write_str("Redis"),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// How Redis is used.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// What the names of all counters begin with. Installations that share a Redis need different ones.
    pub prefix: String,
    /// How long a request waits for its count at the most.
    pub patience: Duration,
}

/// Why Redis cannot be used from the start.
#[derive(Debug, thiserror::Error)]
#[error("Redis at {at} cannot be used: {reason}")]
pub struct ConnectError {
    at: String,
    reason: String,
}

/// Counts in Redis, by the clock of Redis: one script decides all windows of a request in one round trip.
///
/// When Redis does not answer in time, the connection is given up and made again in the background; until then every
/// request is told at once that nobody counts.
#[derive(Debug, Clone)]
pub struct RedisLimiter(Arc<Shared>);

struct Shared {
    budgets: Budgets,
    options: RedisOptions,
    at: String,
    client: Client,
    script: Script,
    /// The runtime that connections live on: the one that the limiter was made on, not that of a worker that may end.
    runtime: Handle,
    link: RwLock<Link>,
}

/// The connection in use.
#[derive(Clone)]
enum Link {
    Up {
        connection: MultiplexedConnection,
        number: u64,
    },
    /// With the reason. A task tries to connect again.
    Down(String),
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("budgets", &self.budgets).field("at", &self.at).finish_non_exhaustive()
    }
}

impl RedisLimiter {
    /// Connects to the Redis at `url` and proves that it can count.
    ///
    /// # Errors
    /// It does not answer, refuses the user, or may not be written to.
    pub async fn connect(url: RedisUrl, options: RedisOptions, budgets: Budgets) -> Result<Self, ConnectError> {
        let at = url.to_string();
        let failed = |reason| ConnectError { at: at.clone(), reason };
        let client = Client::open(url.0).map_err(|error| failed(error.to_string()))?;
        let shared = Shared {
            budgets,
            options,
            at: at.clone(),
            client,
            script: Script::new(include_str!("take.lua")),
            runtime: Handle::current(),
            link: RwLock::new(Link::Down("not connected yet".to_owned())),
        };
        let connection = shared.open().await.map_err(failed)?;
        shared.set(Link::Up { connection, number: 0 });
        Ok(Self(Arc::new(shared)))
    }

    async fn decide(
        &self,
        class: LimitClass,
        key: LimitKey,
        is_counted: bool,
    ) -> Result<Option<Verdict>, LimiterUnavailable> {
        let plan: Vec<_> = self.0.budgets.plan(class).collect();
        if plan.is_empty() {
            return Ok(None);
        }
        let (mut connection, number) = match self.0.link() {
            Link::Up { connection, number } => (connection, number),
            Link::Down(reason) => return Err(LimiterUnavailable(reason)),
        };
        let name = self.0.name(&format!("{:032x}", u128::from_be_bytes(*key.bytes())));
        let windows: Vec<_> = plan.iter().map(|(window, budget)| (window.name(), *budget, window.length())).collect();
        match timeout(self.0.options.patience, self.0.run(&mut connection, &name, is_counted, &windows)).await {
            Ok(Ok(answer)) => read(&answer, &plan),
            Ok(Err(error)) => Err(self.lose(number, error.to_string())),
            Err(_) => Err(self.lose(number, "no answer in time".to_owned())),
        }
    }

    /// Gives up the connection with this number and has another one made.
    fn lose(&self, number: u64, reason: String) -> LimiterUnavailable {
        let mut link = self.0.link.write().unwrap_or_else(PoisonError::into_inner);
        // Of all the requests that were waiting on it one gives it up.
        if matches!(*link, Link::Up { number: present, .. } if present == number) {
            tracing::warn!(at = self.0.at, reason, "Redis is lost; requests are not limited until it is back");
            *link = Link::Down(reason.clone());
            self.0.runtime.spawn(connect_again(Arc::downgrade(&self.0), number + 1));
        }
        LimiterUnavailable(reason)
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn take(&self, class: LimitClass, key: LimitKey) -> Result<Option<Verdict>, LimiterUnavailable> {
        self.decide(class, key, true).await
    }

    async fn look(&self, class: LimitClass, key: LimitKey) -> Result<Option<Verdict>, LimiterUnavailable> {
        self.decide(class, key, false).await
    }

    async fn probe(&self) -> Result<(), LimiterUnavailable> {
        let (mut connection, number) = match self.0.link() {
            Link::Up { connection, number } => (connection, number),
            Link::Down(reason) => return Err(LimiterUnavailable(reason)),
        };
        self.0.prove(&mut connection).await.map_err(|reason| self.lose(number, reason))
    }
}

/// Tries until there is a connection, or nobody wants it any more.
async fn connect_again(shared: Weak<Shared>, number: u64) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        match shared.open().await {
            Ok(connection) => {
                shared.set(Link::Up { connection, number });
                tracing::info!(at = shared.at, "Redis is back");
                return;
            }
            Err(reason) => shared.set(Link::Down(reason)),
        }
        drop(shared);
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

impl Shared {
    fn link(&self) -> Link {
        self.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, link: Link) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
    }

    fn name(&self, of: &str) -> String {
        format!("{}{of}", self.options.prefix)
    }

    /// A connection that has been proved.
    async fn open(&self) -> Result<MultiplexedConnection, String> {
        // Without limits of its own: those here tell what was waited for.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let opening = self.client.get_multiplexed_async_connection_with_config(&config);
        let opened = timeout(CONNECT_PATIENCE, opening).await.map_err(|_| "no connection in time".to_owned())?;
        let mut connection = opened.map_err(|error| error.to_string())?;
        self.prove(&mut connection).await?;
        Ok(connection)
    }

    /// Whether counting works: a Redis that is read-only, full or forbids scripts answers pings.
    async fn prove(&self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        let name = self.name("probe");
        let windows = [("probe", u32::MAX, PROBE_LENGTH)];
        match timeout(PROOF_PATIENCE, self.run(connection, &name, true, &windows)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        name: &str,
        is_counted: bool,
        windows: &[(&str, u32, Duration)],
    ) -> Result<Vec<i64>, RedisError> {
        let mut call = self.script.prepare_invoke();
        call.key(name).arg(u8::from(is_counted));
        for (window, budget, length) in windows {
            call.arg(*window).arg(*budget).arg(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
        }
        call.invoke_async(connection).await
    }
}

/// What the script answered for the windows of `plan`.
fn read(answer: &[i64], plan: &[(Window, u32)]) -> Result<Option<Verdict>, LimiterUnavailable> {
    let garbled = || LimiterUnavailable(format!("the script answered {answer:?}"));
    let [refused, now, counters @ ..] = answer else { return Err(garbled()) };
    if counters.len() != plan.len() * 2 {
        return Err(garbled());
    }
    let instant = |millis: i64| millis.checked_mul(1000).and_then(Timestamp::from_micros).ok_or_else(garbled);
    let mut readings = Vec::with_capacity(plan.len());
    for ((_, budget), counter) in plan.iter().zip(counters.chunks_exact(2)) {
        let [used, ends] = counter else { return Err(garbled()) };
        readings.push(Reading {
            budget: *budget,
            used: u32::try_from(*used).unwrap_or(u32::MAX),
            ends: instant(*ends)?,
        });
    }
    Ok(verdict(*refused == 0, readings.into_iter(), instant(*now)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password_and_never_quoted_in_a_fault() {
        let url = RedisUrl::parse("redis://limits:geheim@cache.internal:7000/3").unwrap();
        assert_eq!(url.to_string(), "cache.internal:7000");
        assert!(!format!("{url:?}").contains("geheim"));
        assert_eq!(RedisUrl::parse("redis://cache").unwrap().to_string(), "cache:6379");
        for text in ["", "cache:6379", "http://u:geheim@cache", "rediss://u:geheim@cache", "redis://u:geheim@cache/x"] {
            let message = RedisUrl::parse(text).unwrap_err();
            assert!(message.starts_with("must be redis://") && !message.contains("geheim"), "{text}: {message}");
        }
    }

    #[test]
    fn an_answer_of_another_form_is_a_failure_and_no_verdict() {
        let plan = [(Window::Minute, 2)];
        let verdict = read(&[1, 1000, 2, 61_000], &plan).unwrap().unwrap();
        assert!(!verdict.is_passed());
        assert_eq!((verdict.allowance().remaining, verdict.allowance().resets_in_seconds), (0, 60));
        for bad in [&[][..], &[0], &[0, 1, 2], &[0, 1, 2, 3, 4], &[0, 1, 2, i64::MAX]] {
            assert!(read(bad, &plan).is_err(), "{bad:?}");
        }
    }
}
