//! The measurements, for Prometheus to fetch.

use actix_web::{HttpResponse, get, http::header};
use claudetools_kernel::Error;
use prometheus::TEXT_FORMAT;

use crate::{extract::Public, mounting::ServiceConfig, reply::Answer};

/// Outside the prefixes and under each of them.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(metrics);
}

/// What the service measures of itself
///
/// In the text format of Prometheus. It needs no token and says nothing of any client; a proxy should not pass it on to the
/// outside. Neither limited nor recorded in the audit log.
#[utoipa::path(responses((status = 200, body = String, content_type = "text/plain", example = "claudetools_http_requests_in_flight 1")))]
#[get("/metrics")]
async fn metrics(call: Public) -> Answer {
    let services = call.services();
    let text = services.metrics.render(services.audit.as_ref(), &*services.pools, services.desk.counts());
    let text = text.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(TEXT_FORMAT).insert_header((header::CACHE_CONTROL, "no-store")).body(text))
}
