//! What the probes ask, each within its time.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use claudetools_kernel::RateLimiter;
use futures::FutureExt;
use tokio::time::timeout;

/// How long the database may take; the answer is promised within two seconds.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What the probes ask. The texts of failures are for the log.
#[async_trait]
pub trait HealthProbe: Send + Sync + fmt::Debug {
    /// Whether the database answers.
    async fn database(&self) -> Result<(), String>;
    /// Whether the schema is older than this version of the server.
    async fn migrations_pending(&self) -> Result<bool, String>;
}

/// Whether the database answers.
pub(crate) async fn is_connected(probe: &dyn HealthProbe) -> bool {
    in_time("database", PATIENCE, probe.database()).await.is_some()
}

/// Whether the schema is behind, if that can be told.
pub(crate) async fn is_behind(probe: &dyn HealthProbe) -> Option<bool> {
    in_time("migrations", PATIENCE, probe.migrations_pending()).await
}

/// Whether requests can be counted.
pub(crate) async fn limits(limiter: &dyn RateLimiter) -> bool {
    let probe = limiter.probe().map(|counts| counts.map_err(|error| error.to_string()));
    in_time("limiter", PATIENCE, probe).await.is_some()
}

/// The answer, if there is one in time.
async fn in_time<T>(what: &str, patience: Duration, asked: impl Future<Output = Result<T, String>>) -> Option<T> {
    let error = match timeout(patience, asked).await {
        Ok(Ok(answer)) => return Some(answer),
        Ok(Err(error)) => error,
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(what, error, "a health check failed");
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_check_that_hangs_or_fails_has_no_answer() {
        let short = Duration::from_millis(5);
        assert_eq!(in_time::<bool>("hung", short, std::future::pending()).await, None);
        assert_eq!(in_time::<bool>("failed", PATIENCE, async { Err("gone".to_owned()) }).await, None);
        assert_eq!(in_time("good", PATIENCE, async { Ok(true) }).await, Some(true));
    }
}
