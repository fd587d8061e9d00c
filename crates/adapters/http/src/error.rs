//! The one table from errors to what a client sees. What the log says is written here too, and is a different text.

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use claudetools_kernel::{Error, Faults, StoreError};
use serde_json::{Map, Value, json};

/// How long a client is asked to wait when the database is away or too busy, in seconds.
const UNAVAILABLE_RETRY_SECONDS: u64 = 30;

/// The codes of the error body, each with its status and when it is used. `docs/api/errors.md` is checked against it.
pub(crate) const CODES: &[(&str, u16, &str)] = &[
    ("INVALID_REQUEST", 400, "the request does not fit the schema"),
    ("UNAUTHORIZED", 401, "no token, or one that is malformed, expired or badly signed"),
    ("FORBIDDEN", 403, "the caller is known, but may not do this; details name the scope that is missing"),
    ("TOKEN_REVOKED", 403, "the token has been revoked"),
    ("NOT_FOUND", 404, "no such row or path, or not visible to the caller"),
    ("METHOD_NOT_ALLOWED", 405, "the path exists, but not for this method; see Allow"),
    ("DUPLICATE_ENTRY", 409, "a unique field is taken; details name it and the row that has it"),
    ("CONFLICT", 409, "the state forbids it"),
    ("PRECONDITION_FAILED", 412, "If-Match does not fit the row any more; details give the current ETag"),
    ("PAYLOAD_TOO_LARGE", 413, "the body is larger than 1 MiB"),
    ("UNSUPPORTED_MEDIA_TYPE", 415, "the body is not application/json"),
    ("VALIDATION_ERROR", 422, "the request fits the schema but makes no sense"),
    ("RATE_LIMIT_EXCEEDED", 429, "too many requests; see Retry-After"),
    ("INTERNAL_ERROR", 500, "a fault of the server; the log has it under the request id"),
    ("DATABASE_ERROR", 500, "a fault of the storage; the log has it under the request id"),
    ("ENCRYPTION_ERROR", 500, "a secret could not be sealed or opened; the log has the reason under the request id"),
    (
        "SERVICE_UNAVAILABLE",
        503,
        "the database is away or too busy; nothing was written unless details.outcome is unknown; see Retry-After",
    ),
];

/// What an error answer says. [`crate::envelope`] turns it into the body that fits the path's prefix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) details: Map<String, Value>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) allow: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Map::new(), retry_after: None, allow: None }
    }

    fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same problem, telling the client when to try again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The status that the table gives the code.
    pub(crate) fn status(&self) -> StatusCode {
        CODES
            .iter()
            .find(|(code, ..)| *code == self.code)
            .and_then(|(_, status, _)| StatusCode::from_u16(*status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem that stands for a bare status, as actix's own layers answer.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = CODES.iter().find(|(_, of, _)| *of == status.as_u16()).map_or_else(
            || if status.is_server_error() { "INTERNAL_ERROR" } else { "INVALID_REQUEST" },
            |(code, ..)| code,
        );
        Self::new(code, status.canonical_reason().unwrap_or("the request failed"))
    }

    /// The message and everything wrong, as the envelope puts them under `detail`.
    pub(crate) fn detail_value(&self) -> Value {
        self.details.get("fields").cloned().unwrap_or_else(|| Value::String(self.message.clone()))
    }
}

/// An error on its way out of a handler or an extractor.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(crate) struct ApiError(pub(crate) Problem);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(problem_of(&error))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        response(self.0.clone())
    }
}

/// An answer that carries `problem` to the envelope, which writes the body.
pub(crate) fn response(problem: Problem) -> HttpResponse {
    let mut response = HttpResponse::build(problem.status());
    if problem.code == "UNAUTHORIZED" {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if let Some(seconds) = problem.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if let Some(allow) = &problem.allow {
        response.insert_header((header::ALLOW, allow.as_str()));
    }
    let mut response = response.finish();
    response.extensions_mut().insert(problem);
    response
}

/// The status that an error will be answered with.
pub(crate) fn status_of(error: &Error) -> u16 {
    // Cheap enough for the error path, and it keeps the table the only place that knows.
    problem_without_log(error).status().as_u16()
}

fn problem_of(error: &Error) -> Problem {
    match error {
        Error::Store(StoreError::Unavailable(_) | StoreError::Undecided(_)) | Error::Busy(_) => {
            tracing::warn!(%error, "unavailable");
        }
        Error::Store(_) | Error::Encryption(_) | Error::Internal(_) => tracing::error!(%error, "request failed"),
        _ => {}
    }
    problem_without_log(error)
}

/// What an error answer would say, for an answer that tells of several things.
pub(crate) fn problem_without_log(error: &Error) -> Problem {
    let text = error.to_string();
    match error {
        Error::Invalid(faults) => invalid(faults),
        Error::Unauthorized(_) => Problem::new("UNAUTHORIZED", text),
        Error::Forbidden { required } => Problem::new("FORBIDDEN", text).detail("required_scope", required.to_string()),
        Error::NotPermitted(_) => Problem::new("FORBIDDEN", text),
        Error::TokenRevoked => Problem::new("TOKEN_REVOKED", text),
        Error::NotFound { resource_type, resource_id } => Problem::new("NOT_FOUND", text)
            .detail("resource_type", *resource_type)
            .detail("resource_id", resource_id.as_str()),
        Error::Duplicate { field, existing } => {
            Problem::new("DUPLICATE_ENTRY", text).detail("field", *field).detail("existing_id", existing.to_string())
        }
        Error::Conflict(_) => Problem::new("CONFLICT", text),
        Error::StillReferenced { resource_type, resource_id, referrers } => {
            let rows: Vec<Value> =
                referrers.iter().map(|r| json!({"resource_type": r.resource_type, "count": r.count})).collect();
            Problem::new("CONFLICT", text)
                .detail("resource_type", *resource_type)
                .detail("resource_id", resource_id.to_string())
                .detail("referenced_by", rows)
        }
        Error::PreconditionFailed { current } => {
            Problem::new("PRECONDITION_FAILED", text).detail("current_etag", format!("\"{current}\""))
        }
        Error::TooManyRequests { retry_after_seconds } => {
            Problem::new("RATE_LIMIT_EXCEEDED", text).retry_after(*retry_after_seconds)
        }
        Error::Busy(_) | Error::Store(StoreError::Unavailable(_) | StoreError::Contention(_)) => Problem::new(
            "SERVICE_UNAVAILABLE",
            "the service is too busy or its database is away; nothing was written, try again later",
        )
        .retry_after(UNAVAILABLE_RETRY_SECONDS),
        Error::Store(StoreError::Undecided(_)) => Problem::new(
            "SERVICE_UNAVAILABLE",
            "the database went away in the middle of the write, so that it may have been done or not; repeat it under its \
             Idempotency-Key, or look whether it was done",
        )
        .detail("outcome", "unknown")
        .retry_after(UNAVAILABLE_RETRY_SECONDS),
        Error::Store(StoreError::Constraint(_)) => {
            Problem::new("CONFLICT", "another request changed the same thing at the same moment; try again")
        }
        Error::Store(StoreError::Corrupt { .. } | StoreError::Database(_)) => {
            Problem::new("DATABASE_ERROR", "the storage failed; quote the request id when you report it")
        }
        Error::Encryption(_) => {
            Problem::new("ENCRYPTION_ERROR", "the secret could not be sealed or opened; quote the request id when you report it")
        }
        Error::Internal(_) => {
            Problem::new("INTERNAL_ERROR", "the server failed; quote the request id when you report it")
        }
    }
}

fn invalid(faults: &Faults) -> Problem {
    let list = faults.list();
    let code = if list.iter().all(|fault| fault.semantic) { "VALIDATION_ERROR" } else { "INVALID_REQUEST" };
    let problem = Problem::new(code, faults.to_string());
    match list {
        [only] => problem.detail("field", only.field.as_str()).detail("constraint", only.constraint.as_str()),
        several => {
            let fields: Vec<Value> = several
                .iter()
                .map(|f| json!({"field": f.field, "constraint": f.constraint, "message": f.message}))
                .collect();
            problem.detail("fields", fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn the_documented_codes_are_those_of_the_table() {
        let text = include_str!("../../../../docs/api/errors.md");
        let documented: Vec<(&str, u16, &str)> = text
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
                let code = cells.next()?.strip_suffix('`')?;
                let (status, when, advice) = (cells.next()?.parse().ok()?, cells.next()?, cells.next()?);
                assert!(!advice.is_empty(), "{code} says nothing to the client");
                Some((code, status, when))
            })
            .collect();
        assert_eq!(documented, CODES);
    }
}
