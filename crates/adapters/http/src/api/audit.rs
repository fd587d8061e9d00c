//! The API audit log over HTTP.

use actix_web::get;
use claudetools_identity::{AuditFilter, AuditSort};
use claudetools_kernel::AuditEntry;
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, Caller, ListQuery},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{Cross, Day, Instant},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// A request that was answered.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(AuditEntry)]
struct AuditView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    /// When the request came in.
    at: Instant,
    /// The `X-Request-Id` of the answer.
    request_id: String,
    /// Null when nobody proved to be calling.
    #[schema(example = "jo@example.com")]
    subject: Option<String>,
    /// Null unless an agent called.
    #[schema(example = "context_recovery")]
    agent_type: Option<String>,
    /// The session that the agent worked for.
    parent_session: Option<Uuid>,
    #[schema(example = "GET")]
    method: String,
    /// Null when nothing is at the path.
    #[schema(example = "/api/v1/sessions/{id}")]
    route: Option<String>,
    /// Without the query.
    #[schema(example = "/api/v1/sessions/01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f")]
    path: String,
    #[schema(minimum = 100, maximum = 599, example = 200)]
    status: u16,
    #[schema(example = 1.25)]
    #[from(millis(@.duration_micros))]
    duration_ms: f64,
    #[schema(example = "203.0.113.9")]
    client_ip: Option<String>,
    #[schema(example = "ct/0.1.0")]
    user_agent: Option<String>,
}

#[expect(clippy::cast_precision_loss, reason = "no request takes the 2^53 microseconds from which a float loses any")]
fn millis(micros: i64) -> f64 {
    micros as f64 / 1000.0
}

/// A status that HTTP knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
struct HttpStatus(u16);

impl TryFrom<u16> for HttpStatus {
    type Error = &'static str;

    fn try_from(status: u16) -> Result<Self, Self::Error> {
        if (100..=599).contains(&status) { Ok(Self(status)) } else { Err("must be from 100 to 599") }
    }
}

/// Which requests to list. Subject, route and request id are compared whole.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(AuditFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// The caller: an address as the account has it, or `agent:` and a type.
    #[o2o(repeat)]
    #[into(~.cross())]
    subject: Option<String>,
    /// The route's template.
    route: Option<String>,
    #[param(value_type = Option<u16>, minimum = 100, maximum = 599)]
    #[into(~.map(|status| status.0))]
    status: Option<HttpStatus>,
    /// The first day, in UTC.
    date_from: Option<Day>,
    /// The last day, in UTC.
    date_to: Option<Day>,
    request_id: Option<String>,
    /// The session whose agents called.
    parent_session: Option<Uuid>,
}

/// List the requests that were answered
///
/// Probes and the description leave no row. A write's row is there as soon as the write is answered, a read's at most a second later.
#[utoipa::path(params(AuditQuery, Paging<AuditSort>), responses((status = 200, body = Listed<AuditView>)), security(("bearer" = ["msp:admin"])))]
#[get("/api-audit-logs")]
async fn list(caller: Caller<Admin>, query: ListQuery<AuditQuery, AuditFilter, AuditSort>) -> Answer {
    let page = caller.services().audit_log.list(caller.actor(), &query.0).await?;
    caller.page::<AuditView, _, _>(page, &query.0.page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_that_http_knows_is_looked_for() {
        let parse = |text: &str| serde_urlencoded::from_str::<AuditQuery>(text).map(|query| query.status);
        assert_eq!(parse("status=404").unwrap(), Some(HttpStatus(404)));
        assert_eq!(parse("").unwrap(), None);
        for bad in ["status=99", "status=600", "status=x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
