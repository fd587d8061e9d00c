//! The outermost layer: request id, log span, panics, security headers, error bodies, the audit of what wrote nothing, and
//! the measuring of all.

use std::{
    cell::Cell,
    fmt,
    future::{Ready, ready},
    panic::AssertUnwindSafe,
    rc::Rc,
    time::Instant,
};

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::Data,
};
use claudetools_kernel::{AuditEntry, Timestamp};
use futures::future::{FutureExt, LocalBoxFuture};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::{
    app::{HttpOptions, Services},
    error::{self, Problem},
    extract::RequestInfo,
    fallback::template,
    limits::{self, is_aside},
    metrics::Meter,
};

/// Set in a response's extensions when its body stays as it is although the status is one of an error: probes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnBody;

/// The layer. It wraps everything else, so that no answer leaves without passing it.
#[derive(Debug, Clone, Copy)]
pub struct Envelope;

impl<S, B> Transform<S, ServiceRequest> for Envelope
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = EnvelopeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(EnvelopeService { service: Rc::new(service), meter: Meter::default() }))
    }
}

/// [`Envelope`] around a service.
#[derive(Debug)]
pub struct EnvelopeService<S> {
    service: Rc<S>,
    meter: Meter,
}

impl<S, B> Service<ServiceRequest> for EnvelopeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, meter) = (Rc::clone(&self.service), self.meter.clone());
        // Not by the service's clock, which may be put back while a request runs.
        let arrived = Instant::now();
        Box::pin(async move {
            let Some(services) = request.app_data::<Data<Services>>().cloned() else {
                return Err(actix_web::error::ErrorInternalServerError("the services are not mounted"));
            };
            let _in_flight = services.metrics.enter();
            let info = note_request(&request, &services);
            let span =
                tracing::info_span!("request", request_id = %info.request_id, method = %info.method, path = %info.path);
            let answer = answer(service, request, &services, &info).instrument(span.clone()).await;
            let status = answer.as_ref().map_or_else(|finished| finished.status, ServiceResponse::status).as_u16();
            let took = services.clock.now().since(info.started);
            span.in_scope(|| tracing::info!(status, took_us = took.num_microseconds(), "answered"));
            meter.observe(&services.metrics, &info.method, info.route.borrow().as_deref(), status, arrived.elapsed());
            answer.map_err(Error::from)
        })
    }
}

fn note_request(request: &ServiceRequest, services: &Services) -> Rc<RequestInfo> {
    let (ids, clock) = (&*services.ids, &*services.clock);
    let info = Rc::new(RequestInfo::new(request.request(), &services.options.trusted_proxies, ids, clock));
    request.extensions_mut().insert(Rc::clone(&info));
    info
}

async fn answer<S, B>(
    service: Rc<S>,
    request: ServiceRequest,
    services: &Services,
    info: &RequestInfo,
) -> Result<ServiceResponse<BoxBody>, Finished>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let (request, response) = match AssertUnwindSafe(service.call(request)).catch_unwind().await {
        Ok(Ok(answered)) => {
            let (request, response) = answered.into_parts();
            info.route.replace(request.match_pattern().as_deref().map(template));
            (Some(request), response.map_into_boxed_body())
        }
        Ok(Err(error)) => (None, error.error_response()),
        Err(_) => {
            tracing::error!("a handler panicked");
            let problem = Problem::new("INTERNAL_ERROR", "the server failed; quote the request id when you report it");
            (None, error::response(problem))
        }
    };
    let mut response = with_error_body(response, info, services.clock.now());
    set_headers(&mut response, info, &services.options);
    if let Some(agent) = info.actor.borrow().as_ref().and_then(|actor| actor.agent.as_ref()) {
        services.requests.count(agent.run_id);
    }
    if let (Some(sink), false) = (&services.audit, info.is_audited.get() || is_aside(&info.path)) {
        sink.record(entry(info, services, response.status().as_u16())).await;
    }
    match request {
        Some(request) => Ok(ServiceResponse::new(request, response)),
        None => Err(Finished { status: response.status(), response: Cell::new(Some(response)) }),
    }
}

/// An answer whose request is gone, with the handler that panicked or the layer that failed. actix takes it as an error.
struct Finished {
    status: StatusCode,
    response: Cell<Option<HttpResponse>>,
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("status", &self.status).finish_non_exhaustive()
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered with {}", self.status)
    }
}

impl ResponseError for Finished {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        // actix asks once; a second time would only lose the body.
        self.response.take().unwrap_or_else(|| HttpResponse::new(self.status))
    }
}

/// Gives an error answer the body that fits its prefix. Errors of actix's own layers come without a problem and get one here.
pub(crate) fn with_error_body(mut response: HttpResponse, info: &RequestInfo, now: Timestamp) -> HttpResponse {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.extensions().get::<OwnBody>().is_some() {
        return response;
    }
    let noted = response.extensions_mut().remove::<Problem>();
    let problem = noted.unwrap_or_else(|| Problem::of_status(status));
    let body = if is_first_generation(&info.path) {
        json!({ "error": problem.message, "details": problem.details, "path": info.path })
    } else {
        let mut error = json!({ "code": problem.code, "message": problem.message, "details": problem.details });
        if let (Some(seconds), Value::Object(error)) = (problem.retry_after, &mut error) {
            error.insert("retry_after".to_owned(), seconds.into());
        }
        json!({
            "error": error,
            "detail": problem.detail_value(),
            "path": info.path,
            "timestamp": now,
            "request_id": info.request_id,
        })
    };
    let mut response = response.set_body(BoxBody::new(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Whether the path stands under `/api` without a version, where the first generation's error body is expected.
fn is_first_generation(path: &str) -> bool {
    path.strip_prefix("/api/").is_some_and(|rest| rest != "v1" && !rest.starts_with("v1/"))
}

/// The headers of every answer.
pub(crate) fn set_headers(response: &mut HttpResponse, info: &RequestInfo, options: &HttpOptions) {
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "identity") {
        headers.remove(header::CONTENT_ENCODING);
    }
    if let Ok(id) = HeaderValue::from_str(&info.request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Some(allowance) = info.allowance.get() {
        limits::set_headers(headers, &allowance);
    }
    for (name, value) in options.security_headers.pairs() {
        headers.insert(name.clone(), value.clone());
    }
}

/// The row of the audit log for this request.
pub(crate) fn entry(info: &RequestInfo, services: &Services, status: u16) -> AuditEntry {
    let actor = info.actor.borrow();
    let agent = actor.as_ref().and_then(|actor| actor.agent.as_ref());
    let proven = || info.proven_subject.borrow().clone();
    AuditEntry {
        id: services.ids.next(),
        at: info.started,
        request_id: info.request_id.clone(),
        subject: actor.as_ref().map(|actor| actor.subject.clone()).or_else(proven),
        agent_type: agent.map(|agent| agent.agent_type.clone()),
        parent_session: agent.map(|agent| agent.parent_session),
        method: info.method.clone(),
        route: info.route.borrow().clone(),
        path: info.path.clone(),
        status,
        duration_micros: services.clock.now().since(info.started).num_microseconds().unwrap_or(i64::MAX),
        client_ip: info.caller_ip,
        user_agent: info.user_agent.clone(),
    }
}
