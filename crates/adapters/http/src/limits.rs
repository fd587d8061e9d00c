//! The layer that counts requests against budgets, before anything else looks at them.
//!
//! It stands in front of the routing, so that a request beyond its budget reaches no handler and no extractor, and unknown
//! paths count like known ones. A token is verified here once; `extract::Caller` takes the caller from what was noted.

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};
use claudetools_identity::ThrottleState;
use claudetools_kernel::{Actor, Allowance, LimitClass, LimitKey, Verdict};

use crate::{
    app::Services,
    error::{self, ApiError, Problem},
    extract::{RequestInfo, bearer, digest},
};

/// Paths that are neither counted nor recorded in the audit log: probes, metrics and the description.
pub(crate) fn is_aside(path: &str) -> bool {
    const ASIDE: [&str; 10] = [
        "/health",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/api/v1/health",
        "/api/health",
        "/api/v1/metrics",
        "/api/metrics",
        "/docs",
    ];
    ASIDE.contains(&path) || path == "/api/docs" || path.starts_with("/docs/") || path.starts_with("/api/docs/")
}

/// Paths whose requests count for the caller's address whatever token they bear: each gives a new token with a budget of its
/// own, so that a token must not pay for it.
fn gives_tokens(path: &str) -> bool {
    let path = path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/api")).unwrap_or_default();
    matches!(path, "/auth/token" | "/auth/refresh")
}

/// Counts the request and passes it on, unless a budget is used up. For `wrap(from_fn(limit))`, inside [`crate::Envelope`],
/// which writes the headers.
///
/// # Errors
/// Those of the layers inside.
pub async fn limit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match refusal(&request).await {
        Some(problem) => Ok(request.into_response(error::response(problem)).map_into_right_body()),
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

/// The answer to a request beyond its budget. One that nobody can count is let through: the limiter protects the service,
/// and must not be what makes it fail.
async fn refusal(request: &ServiceRequest) -> Option<Problem> {
    let services = request.app_data::<Data<Services>>()?;
    let info = RequestInfo::of(request.request())?;
    if is_aside(&info.path) {
        return None;
    }
    let verified = if gives_tokens(&info.path) { None } else { verify(request, services) };
    let (class, key) = match &verified {
        Some(actor) => (LimitClass::Token, token_key(actor)),
        None => (LimitClass::Address, address_key(&info)),
    };
    let verdict = services.limiter.take(class, key).await.unwrap_or_else(|_| {
        // Whoever counts logs when it goes and when it is back, not for each request.
        services.metrics.limiter_failed();
        None
    });
    info.allowance.set(verdict.map(|verdict| *verdict.allowance()));
    let Some(Verdict::Refused(allowance)) = verdict else {
        info.verified.replace(verified);
        return None;
    };
    // The audit row of a refused request names its caller too.
    info.actor.replace(verified);
    services.metrics.rate_limited(class);
    Some(beyond(&allowance, "requests"))
}

/// Counts the reading of a secret against the caller's budget for that, which is spent besides the one for all requests.
pub(crate) async fn count_decrypt(services: &Services, info: &RequestInfo, actor: &Actor) -> Result<(), ApiError> {
    let verdict = services.limiter.take(LimitClass::Decrypt, token_key(actor)).await.unwrap_or_else(|_| {
        services.metrics.limiter_failed();
        None
    });
    let Some(verdict) = verdict else { return Ok(()) };
    let allowance = *verdict.allowance();
    // The headers show the budget that is nearest to its end.
    if info.allowance.get().is_none_or(|other| allowance.remaining <= other.remaining) {
        info.allowance.set(Some(allowance));
    }
    if verdict.is_passed() {
        return Ok(());
    }
    services.metrics.rate_limited(LimitClass::Decrypt);
    Err(ApiError(beyond(&allowance, "secrets read")))
}

/// What a request beyond its budget is answered.
fn beyond(allowance: &Allowance, what: &str) -> Problem {
    let wait = allowance.resets_in_seconds;
    let plural = if wait == 1 { "" } else { "s" };
    Problem::new("RATE_LIMIT_EXCEEDED", format!("too many {what}; try again in {wait} second{plural}"))
        .retry_after(wait)
}

fn verify(request: &ServiceRequest, services: &Services) -> Option<Actor> {
    services.authenticate(bearer(request.headers()).ok()?).ok()
}

fn token_key(actor: &Actor) -> LimitKey {
    key(&["token", &actor.subject, &actor.token_id])
}

/// An IPv4 address, or the /64 of an IPv6 one, as for failed log-ins.
fn address_key(info: &RequestInfo) -> LimitKey {
    key(&["address", &info.client_ip.map(ThrottleState::ip_key).unwrap_or_default()])
}

fn key(parts: &[&str]) -> LimitKey {
    // None of the parts can hold a line break.
    let digest = digest(parts.join("\n").as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    LimitKey::new(half)
}

/// `X-RateLimit-*` on the answer to a request that was counted.
pub(crate) fn set_headers(headers: &mut HeaderMap, allowance: &Allowance) {
    // Rounded up, so that at that second the window is over.
    let reset = (allowance.resets_at.micros() + 999_999).div_euclid(1_000_000);
    headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(allowance.limit));
    headers.insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(allowance.remaining));
    headers.insert(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(reset));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_metrics_and_the_description_are_aside_and_nothing_else_is() {
        for path in ["/health", "/metrics", "/api/metrics", "/api/v1/health", "/docs", "/docs/x.js", "/api/docs/"] {
            assert!(is_aside(path), "{path}");
        }
        for path in ["/", "/api/v1/clients", "/docsx", "/api/docsx", "/health/", "/api/v2/health", "/api/v1/docs"] {
            assert!(!is_aside(path), "{path}");
        }
    }

    #[test]
    fn what_gives_tokens_counts_for_the_address_under_both_prefixes() {
        for path in ["/api/v1/auth/token", "/api/auth/token", "/api/v1/auth/refresh", "/api/auth/refresh"] {
            assert!(gives_tokens(path), "{path}");
        }
        for path in ["/auth/token", "/api/v1/auth/me", "/api/v1/auth/revoke", "/api/v1/auth/token/"] {
            assert!(!gives_tokens(path), "{path}");
        }
    }
}
