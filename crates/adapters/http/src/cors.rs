//! Cross-origin requests, for the pages named in the configuration and no others.

use actix_cors::Cors;
use actix_web::http::{Method, header};

/// How long a browser may keep the answer to a preflight request, in seconds.
const PREFLIGHT_SECONDS: usize = 3600;

/// The layer that admits `origins`. Tokens travel in a header, so no cookies are admitted with them.
pub fn cors(origins: &[String]) -> Cors {
    let taken = ["authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "x-request-id"];
    let shown = [
        "etag",
        "location",
        "retry-after",
        "x-request-id",
        "idempotent-replayed",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    let layer = Cors::default()
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allowed_headers(taken.map(header::HeaderName::from_static))
        .expose_headers(shown.map(header::HeaderName::from_static))
        .block_on_origin_mismatch(false)
        .max_age(PREFLIGHT_SECONDS);
    origins.iter().fold(layer, |layer, origin| layer.allowed_origin(origin))
}
