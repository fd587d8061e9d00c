//! Probes. They need no token, leave no row in the audit log and answer in time whatever the database does.

use std::sync::atomic::Ordering;

use actix_web::get;

use crate::{
    extract::Public,
    mounting::ServiceConfig,
    probe::{AliveView, HealthView, ReadyView, is_behind, is_connected, limits, verdict},
    reply::{Answer, value},
};

/// Outside the prefixes.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(liveness).service(health).service(readiness);
}

/// Under a prefix.
pub(crate) fn api_routes(config: &mut ServiceConfig<'_>) {
    config.service(health);
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
