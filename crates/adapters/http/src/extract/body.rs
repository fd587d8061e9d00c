//! JSON bodies: strict, and with all faults at once.

use std::{future::Future, marker::PhantomData, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::{Method, header},
    web::{Bytes, Data},
};
use claudetools_kernel::{Error, Faults};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::timeout;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    app::{HttpOptions, Services},
    error::{ApiError, Problem},
};

/// The largest body taken, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// SHA-256 of the body as sent; kept in the request's extensions for the idempotency fingerprint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyDigest(pub(crate) [u8; 32]);

/// A JSON body, read as a `B` and handed on as the domain's `F`. `B` is a struct whose fields may all be absent
/// (`#[serde(default, deny_unknown_fields)]`); those marked `#[schema(required)]` are demanded of a POST.
pub(crate) struct Body<B, F = B>(pub(crate) F, PhantomData<B>);

impl<B: DeserializeOwned + ToSchema + Into<F> + 'static, F: 'static> FromRequest for Body<B, F> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            refuse_other_types(&request, "application/json")?;
            let bytes = whole(&request, bytes).await?;
            let body: B = parse(&bytes, request.method() == Method::POST)?;
            Ok(Self(body.into(), PhantomData))
        })
    }
}

/// A table as text, with the names of the columns first.
pub(crate) struct CsvText(pub(crate) String);

impl FromRequest for CsvText {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            refuse_other_types(&request, "text/csv")?;
            let bytes = whole(&request, bytes).await?;
            let text = String::from_utf8(bytes.to_vec()).map_err(|_| Faults::one("body", "utf8", "must be UTF-8"))?;
            if text.contains('\0') {
                return Err(Faults::one("body", "pattern", "must not contain the NUL character").into());
            }
            Ok(Self(text))
        })
    }
}

/// All of a body, noted for its idempotency key.
async fn whole(
    request: &HttpRequest,
    bytes: impl Future<Output = Result<Bytes, actix_web::Error>>,
) -> Result<Bytes, ApiError> {
    let bytes = timeout(body_timeout(request), bytes).await.map_err(|_| cut_off())?;
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    if request.headers().contains_key("idempotency-key") {
        request.extensions_mut().insert(BodyDigest(digest(&bytes)));
    }
    Ok(bytes)
}

/// SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    out
}

fn refuse_other_types(request: &HttpRequest, wanted: &str) -> Result<(), ApiError> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut parts = given.split(';').map(str::trim);
    let is_wanted = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(wanted));
    let is_utf8 = parts.all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    if is_wanted && is_utf8 {
        return Ok(());
    }
    Err(ApiError(Problem::new("UNSUPPORTED_MEDIA_TYPE", format!("send the body as {wanted} in UTF-8"))))
}

/// How long the body may take to arrive.
fn body_timeout(request: &HttpRequest) -> Duration {
    let options = request.app_data::<Data<Services>>().map(|services| &services.options);
    options.map_or_else(|| HttpOptions::default().body_timeout, |options| options.body_timeout)
}

fn unreadable(error: &actix_web::Error) -> ApiError {
    let overflow = matches!(error.as_error::<PayloadError>(), Some(PayloadError::Overflow))
        || error.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE;
    if overflow {
        return ApiError(Problem::new("PAYLOAD_TOO_LARGE", format!("send at most {MAX_BODY} bytes")));
    }
    cut_off()
}

fn cut_off() -> ApiError {
    Faults::one("body", "complete", "could not be read to its end").into()
}

/// An object read as a `T`, refused with everything that is wrong with it.
pub(crate) fn parse<T: DeserializeOwned + ToSchema>(bytes: &[u8], is_create: bool) -> Result<T, Error> {
    // Asked first: a struct is also read from an array, by the order of its fields.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let failure = match serde_json::from_slice(bytes) {
        Ok(body) if is_object => return Ok(body),
        Ok(_) => return Err(not_an_object()),
        Err(failure) => failure,
    };
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return Err(Faults::one("body", "json", &format!("is not valid JSON: {failure}")));
    };
    let Value::Object(object) = value else { return Err(not_an_object()) };
    let mut faults = faults_of::<T>(&object);
    if is_create {
        let given = |name: &String| object.get(name).is_some_and(|value| !value.is_null());
        for name in required_fields::<T>().iter().filter(|name| !given(name)) {
            faults.schema(name, "required", "is required");
        }
    }
    if faults.is_empty() {
        // Only a repeated key is lost on the way through `Value`.
        faults.schema("body", "json", &format!("is not acceptable: {failure}"));
    }
    Err(Error::Invalid(faults))
}

fn not_an_object() -> Error {
    Faults::one("body", "object", "must be a JSON object")
}

/// Each field read by itself, which finds all that are wrong instead of the first.
fn faults_of<T: DeserializeOwned>(object: &Map<String, Value>) -> Faults {
    let mut faults = Faults::default();
    for (name, value) in object {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        if let Err(error) = serde_json::from_value::<T>(alone) {
            let text = error.to_string();
            match text.strip_prefix("unknown field ") {
                Some(rest) => {
                    let known = rest.split_once(", ").map_or("", |(_, known)| known);
                    faults.schema(name, "unknown_field", &format!("is not a known field; {known}"));
                }
                None => faults.schema(name, "type", &format!("is not acceptable: {text}")),
            }
        }
    }
    faults
}

fn required_fields<T: ToSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.required,
        _ => Vec::new(),
    }
}
