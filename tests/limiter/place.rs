//! A limiter of each kind with counters of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claudetools_kernel::{Clock, LimitKey, RateLimiter, Timestamp};
use claudetools_limiter::{Budgets, MemoryLimiter, RedisLimiter, RedisOptions, RedisUrl};
use claudetools_testkit::{clear_redis, redis_url};
use redis::{AsyncCommands, Client, aio::MultiplexedConnection};

pub(crate) const BUDGETS: Budgets = Budgets { per_minute: 100, per_hour: 150, decrypts_per_minute: 20 };

pub(crate) fn key(number: u8) -> LimitKey {
    LimitKey::new([number; 16])
}

/// The system's clock, moved.
#[derive(Debug, Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
        let micros = i64::try_from(now.as_micros()).expect("a time before the year 10000");
        Timestamp::from_micros(micros + self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

/// What keeps the counters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Memory,
    Redis,
}

/// Where requests are counted.
pub(crate) enum Place {
    Memory { clock: Arc<MovedClockHandle>, limiter: Arc<MemoryLimiter> },
    Redis { connection: MultiplexedConnection, prefix: String, url: String },
}

/// So that the clock's type stays here.
pub(crate) struct MovedClockHandle(Arc<MovedClock>);

impl Place {
    pub(crate) async fn of(kind: Kind, budgets: Budgets) -> Self {
        match kind {
            Kind::Memory => Self::memory(budgets),
            Kind::Redis => Self::redis().await,
        }
    }

    pub(crate) fn memory(budgets: Budgets) -> Self {
        let clock = Arc::new(MovedClock::default());
        let limiter = Arc::new(MemoryLimiter::new(budgets, clock.clone()));
        Self::Memory { clock: Arc::new(MovedClockHandle(clock)), limiter }
    }

    pub(crate) async fn redis() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let url = redis_url();
        let client = Client::open(url.as_str()).expect("a URL");
        let connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("claudetools-test:{}:{number}:", std::process::id());
        Self::Redis { connection, prefix, url }
    }

    /// What the names of the test's counters in Redis begin with.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Memory { .. } => "",
            Self::Redis { prefix, .. } => prefix,
        }
    }

    /// Another limiter over the same counters: in Redis one with a connection of its own, as another replica has.
    pub(crate) async fn limiter(&self, budgets: Budgets) -> Arc<dyn RateLimiter> {
        match self {
            Self::Memory { limiter, .. } => limiter.clone(),
            Self::Redis { prefix, url, .. } => Arc::new(connect(url, prefix, budgets).await),
        }
    }

    /// Lets so many seconds pass: for Redis, whose clock is its own, by making the counters older.
    pub(crate) async fn pass(&self, seconds: i64) {
        match self {
            Self::Memory { clock, .. } => {
                clock.0.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
            }
            Self::Redis { connection, prefix, .. } => {
                let mut connection = connection.clone();
                let keys: Vec<String> = connection.keys(format!("{prefix}*")).await.expect("the keys");
                for key in keys {
                    let fields: Vec<String> = connection.hkeys(&key).await.expect("the fields");
                    for field in fields.iter().filter(|field| field.ends_with(":ends")) {
                        let _: i64 = connection.hincr(&key, field, -seconds * 1000).await.expect("an older counter");
                    }
                }
            }
        }
    }

    /// How many milliseconds the counters of a key have to live in Redis; none in memory, where they are swept.
    pub(crate) async fn life_of(&self, key: LimitKey) -> i64 {
        let Self::Redis { connection, prefix, .. } = self else { return 0 };
        let name = format!("{prefix}{:032x}", u128::from_be_bytes(*key.bytes()));
        connection.clone().pttl(name).await.expect("a time")
    }

    /// Removes what the test has left in Redis.
    pub(crate) async fn clear(self) {
        if let Self::Redis { prefix, .. } = self {
            clear_redis(&prefix).await;
        }
    }
}

pub(crate) async fn connect(url: &str, prefix: &str, budgets: Budgets) -> RedisLimiter {
    let url = RedisUrl::parse(url).expect("a URL");
    RedisLimiter::connect(url, options(prefix), budgets).await.expect("a Redis that counts")
}

pub(crate) fn options(prefix: &str) -> RedisOptions {
    // Generous, because machines that run tests are busy.
    RedisOptions { prefix: prefix.to_owned(), patience: Duration::from_secs(2) }
}
