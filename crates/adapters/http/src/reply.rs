//! Successful answers.

use std::fmt::Write;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
};
use claudetools_kernel::{Error, Page, PageRequest, SortField, StoredReply};
use serde::Serialize;

use crate::{
    error::ApiError,
    extract::{digest, list_body, none_match},
};

/// What handlers return.
pub(crate) type Answer = Result<HttpResponse, ApiError>;

/// The answer to a write, in the form in which it can be kept and repeated.
#[derive(Debug, Clone)]
pub(crate) struct Reply(pub(crate) StoredReply);

impl Reply {
    /// 201 with the new resource. `path` is its path behind the prefix, such as `/clients/…`.
    pub(crate) fn created(path: String, revision: i64, view: &impl Serialize) -> Result<Self, Error> {
        let mut reply = Self::ok(revision, view)?;
        reply.0.status = StatusCode::CREATED.as_u16();
        reply.0.location = Some(path);
        Ok(reply)
    }

    /// 200 with a resource as it now stands.
    pub(crate) fn ok(revision: i64, view: &impl Serialize) -> Result<Self, Error> {
        let body = json(view)?;
        let etag = Some(etag(revision, &body));
        Ok(Self(StoredReply { status: StatusCode::OK.as_u16(), location: None, etag, body }))
    }

    /// 200 or another status with something that is no resource and has no `ETag`.
    pub(crate) fn plain(status: StatusCode, view: &impl Serialize) -> Result<Self, Error> {
        Ok(Self(StoredReply { status: status.as_u16(), location: None, etag: None, body: json(view)? }))
    }

    /// 204.
    #[expect(clippy::unnecessary_wraps, reason = "the form that every answer to a write has")]
    pub(crate) fn no_content() -> Result<Self, Error> {
        let status = StatusCode::NO_CONTENT.as_u16();
        Ok(Self(StoredReply { status, location: None, etag: None, body: Vec::new() }))
    }

    /// The response. `prefix` is the one that the request came in by, so that `Location` stays within it.
    pub(crate) fn into_response(self, prefix: &str) -> HttpResponse {
        let StoredReply { status, location, etag, body } = self.0;
        let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
        if let Some(path) = location {
            response.insert_header((header::LOCATION, format!("{prefix}{path}")));
        }
        if let Some(etag) = etag {
            response.insert_header((header::ETAG, etag));
        }
        if body.is_empty() { response.finish() } else { json_body(response, body) }
    }
}

/// Bodies below this are not worth compressing, in bytes.
const WORTH_COMPRESSING: usize = 1024;

fn json_body(mut response: actix_web::HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    if body.len() < WORTH_COMPRESSING {
        // Tells the compression layer to leave it; the envelope takes the header off again.
        response.insert_header(header::ContentEncoding::Identity);
    }
    response.content_type("application/json").body(body)
}

/// One resource, or 304 when the client has it already.
pub(crate) fn resource(headers: &HeaderMap, revision: i64, view: &impl Serialize) -> Answer {
    let body = json(view)?;
    let etag = etag(revision, &body);
    if none_match(headers, &etag) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag));
    Ok(json_body(response, body))
}

/// A page of a list.
pub(crate) fn list<T: Serialize, S: SortField>(collection: &str, page: Page<T>, request: &PageRequest<S>) -> Answer {
    Ok(json_body(HttpResponse::Ok(), list_body(collection, page, request)?))
}

/// Anything else that answers 200.
pub(crate) fn value(view: &impl Serialize) -> Answer {
    Ok(json_body(HttpResponse::Ok(), json(view)?))
}

/// How much of the body's digest an `ETag` shows, in bytes: enough to tell two states of one row apart.
const ETAG_BYTES: usize = 6;

fn json(view: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(view).map_err(|error| Error::Internal(error.to_string()))
}

fn etag(revision: i64, body: &[u8]) -> String {
    let mut etag = format!("\"{revision}-");
    for byte in digest(body).iter().take(ETAG_BYTES) {
        // Writing to a string cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}
