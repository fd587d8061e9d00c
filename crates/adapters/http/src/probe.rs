//! What the probes ask, each within its time, and what they answer, also while the server is starting.

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use async_trait::async_trait;
use claudetools_kernel::{RateLimiter, Timestamp};
use futures::FutureExt;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::{
    envelope::OwnBody,
    reply::{Answer, Reply, value},
    wire::{Instant, Wire},
};

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

/// That the process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AliveView {
    #[schema(example = "alive")]
    pub(crate) status: &'static str,
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `healthy` or `unhealthy`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// `connected` or `disconnected`.
    #[schema(example = "connected")]
    database: &'static str,
    timestamp: Instant,
    /// Of the server.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

impl HealthView {
    pub(crate) fn new(connected: bool, now: Timestamp) -> Self {
        Self {
            status: if connected { "healthy" } else { "unhealthy" },
            database: if connected { "connected" } else { "disconnected" },
            timestamp: Wire(now),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Whether requests should be sent here.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReadyView {
    /// `ready` or `not_ready`.
    #[schema(example = "ready")]
    status: &'static str,
    checks: Checks,
}

/// What readiness depends on.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Checks {
    /// `ok` or `failed`; like the next two `unknown` while the server is starting.
    #[schema(example = "ok")]
    database: &'static str,
    /// `ok`, `pending`, or `unknown` while the database does not answer.
    #[schema(example = "ok")]
    migrations: &'static str,
    /// `ok`, or `failed` while the counters of the rate limits cannot be reached; requests then pass unlimited.
    #[schema(example = "ok")]
    limiter: &'static str,
    /// `yes` until the database is open and its schema up to date for the first time.
    #[schema(example = "no")]
    starting: &'static str,
    /// `yes` once the server has been told to stop.
    #[schema(example = "no")]
    draining: &'static str,
}

impl ReadyView {
    /// `behind` tells whether migrations are pending, if that is known.
    pub(crate) fn new(connected: bool, behind: Option<bool>, limits: bool, draining: bool) -> Self {
        let checks = Checks {
            database: if connected { "ok" } else { "failed" },
            migrations: behind.map_or("unknown", |behind| if behind { "pending" } else { "ok" }),
            limiter: if limits { "ok" } else { "failed" },
            starting: "no",
            draining: if draining { "yes" } else { "no" },
        };
        let ready = connected && behind == Some(false) && limits && !draining;
        Self { status: if ready { "ready" } else { "not_ready" }, checks }
    }

    fn starting() -> Self {
        let unknown = "unknown";
        let checks =
            Checks { database: unknown, migrations: unknown, limiter: unknown, starting: "yes", draining: "no" };
        Self { status: "not_ready", checks }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

/// What a probe is answered while the service is not complete; `None` for other paths.
pub(crate) fn while_starting(path: &str, now: Timestamp) -> Option<Answer> {
    match path {
        "/healthz" => Some(value(&AliveView { status: "alive" })),
        "/readyz" => Some(verdict(false, &ReadyView::starting())),
        "/health" | "/api/v1/health" | "/api/health" => Some(verdict(false, &HealthView::new(false, now))),
        _ => None,
    }
}

/// The answer of a probe, which keeps its own body when it is bad.
pub(crate) fn verdict(good: bool, view: &impl Serialize) -> Answer {
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response: HttpResponse = Reply::plain(status, view)?.into_response("");
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(OwnBody);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_only_when_nothing_stands_against_it() {
        assert!(ReadyView::new(true, Some(false), true, false).is_ready());
        for (connected, behind, limits, draining) in [
            (false, None, true, false),
            (true, Some(true), true, false),
            (true, None, true, false),
            (true, Some(false), false, false),
            (true, Some(false), true, true),
        ] {
            let view = ReadyView::new(connected, behind, limits, draining);
            assert!(!view.is_ready(), "{connected} {behind:?} {limits} {draining}");
        }
        let away = ReadyView::new(false, None, false, true).checks;
        assert_eq!(
            away,
            Checks { database: "failed", migrations: "unknown", limiter: "failed", starting: "no", draining: "yes" }
        );
    }

    #[test]
    fn a_bad_verdict_keeps_its_own_body() {
        let response = verdict(false, &AliveView { status: "x" }).unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.extensions().get::<OwnBody>().is_some());
    }

    #[actix_web::test]
    async fn a_check_that_hangs_or_fails_has_no_answer() {
        let short = Duration::from_millis(5);
        assert_eq!(in_time::<bool>("hung", short, std::future::pending()).await, None);
        assert_eq!(in_time::<bool>("failed", PATIENCE, async { Err("gone".to_owned()) }).await, None);
        assert_eq!(in_time("good", PATIENCE, async { Ok(true) }).await, Some(true));
    }
}
