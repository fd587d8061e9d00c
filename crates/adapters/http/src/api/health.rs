//! Probes. They need no token, leave no row in the audit log and answer in time whatever the database does.

use std::sync::atomic::Ordering;

use actix_web::{
    HttpResponse, get,
    http::{StatusCode, header},
};
use claudetools_kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    envelope::OwnBody,
    extract::Public,
    probe::{is_behind, is_connected, limits},
    reply::{Answer, Reply, value},
    wire::{Instant, Wire},
};

/// Outside the prefixes.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(liveness).service(health).service(readiness);
}

/// Under a prefix.
pub(crate) fn api_routes(config: &mut ServiceConfig<'_>) {
    config.service(health);
}

#[derive(Debug, Serialize, ToSchema)]
struct AliveView {
    #[schema(example = "alive")]
    status: &'static str,
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
struct HealthView {
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
    fn new(connected: bool, now: Timestamp) -> Self {
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
struct ReadyView {
    /// `ready` or `not_ready`.
    #[schema(example = "ready")]
    status: &'static str,
    checks: Checks,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Checks {
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
    fn new(connected: bool, behind: Option<bool>, limits: bool, draining: bool) -> Self {
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

    fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

/// Whether the process lives
///
/// Asks nothing else: a process that answers here needs no restart, even while the database is away.
#[utoipa::path(responses((status = 200, body = AliveView)))]
#[get("/healthz")]
async fn liveness() -> Answer {
    value(&AliveView { status: "alive" })
}

/// Whether the service and its database are well
///
/// Answers within two seconds, also when the database hangs.
#[utoipa::path(responses((status = 200, body = HealthView), (status = 503, description = "The database does not answer.", body = HealthView)))]
#[get("/health")]
async fn health(call: Public) -> Answer {
    let services = call.services();
    let connected = is_connected(&*services.health).await;
    verdict(connected, &HealthView::new(connected, services.clock.now()))
}

/// Whether requests should be sent here
///
/// Not while the server is starting or stopping, the schema is behind, or the database or the counters of the rate limits
/// are away; `checks` tells which.
#[utoipa::path(responses((status = 200, body = ReadyView), (status = 503, description = "Not now; see `checks`.", body = ReadyView)))]
#[get("/readyz")]
async fn readiness(call: Public) -> Answer {
    let services = call.services();
    let probe = &*services.health;
    let (connected, behind, limits) = futures::join!(is_connected(probe), is_behind(probe), limits(&*services.limiter));
    let view = ReadyView::new(connected, behind, limits, services.draining.load(Ordering::Relaxed));
    verdict(view.is_ready(), &view)
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

fn verdict(good: bool, view: &impl Serialize) -> Answer {
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
}
