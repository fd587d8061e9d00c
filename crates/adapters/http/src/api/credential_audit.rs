//! The audit chain of the vault over HTTP.

use actix_web::get;
use claudetools_credentials::{AuditAction, AuditRow, ChainFault, ChainFilter, ChainReport, ChainSort, Head};
use claudetools_kernel::Faults;
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, Caller, ListQuery, Query},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, value},
    wire::{Cross, Day, Instant, Word},
};

type ActionWord = Word<AuditAction>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(verify).service(list);
}

/// A row of the audit chain.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(AuditRow)]
struct AuditRowView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    /// Its place in the chain, counted from 1 without gaps.
    seq: i64,
    /// The stretch of the chain that one audit key belongs to.
    epoch: i64,
    #[o2o(stop_repeat)]
    #[o2o(repeat)]
    #[child(event)]
    #[from(~.cross())]
    at: Instant,
    action: ActionWord,
    /// Null for what concerns the vault as a whole.
    credential_id: Option<Uuid>,
    /// As it was called then.
    credential_name: Option<String>,
    /// An address, `agent:` and a type, `share` for whoever holds a link, `cli` for the command line.
    #[schema(example = "jo@example.com")]
    subject: String,
    agent_type: Option<String>,
    parent_session: Option<Uuid>,
    client_ip: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    reason: Option<String>,
    /// HMAC-SHA256 of the hash before and this row, in hexadecimal digits.
    #[o2o(skip_repeat)]
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    #[from(~.cross())]
    hash: String,
}

/// The end of the chain, to be compared with one noted elsewhere.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Head)]
struct HeadView {
    /// The last row's place; 0 before the first.
    #[o2o(repeat)]
    #[from(~.cross())]
    seq: i64,
    /// The last row's hash, in hexadecimal digits.
    hash: String,
}

/// What is wrong first.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ChainFault)]
struct FaultView {
    /// `altered` (also inserted or moved), `removed`, `forged`, `epoch`, `no_head` or `head_altered`.
    #[schema(example = "removed")]
    #[from(@.kind())]
    kind: &'static str,
    /// The place of the row.
    #[from(@.seq())]
    seq: i64,
    #[schema(example = "row 17 was removed: row 18 follows row 16")]
    #[from(@.to_string())]
    message: String,
}

/// Whether the chain is whole.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ChainReport)]
struct ReportView {
    #[from(@.fault.is_none())]
    is_whole: bool,
    /// How many rows were looked at.
    rows: u64,
    #[o2o(repeat)]
    #[from(~.map(Into::into))]
    head: Option<HeadView>,
    fault: Option<FaultView>,
}

/// Which rows to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(ChainFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChainQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    credential_id: Option<Uuid>,
    /// Compared whole.
    subject: Option<String>,
    action: Option<ActionWord>,
    /// The first day, in UTC.
    date_from: Option<Day>,
    /// The last day, in UTC.
    date_to: Option<Day>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VerifyQuery {
    /// The first row to look at; the one before it is taken as it is.
    #[param(minimum = 1)]
    since: Option<i64>,
}

/// Verify the audit chain
///
/// Reads all of it, or what follows `since`, and names the first row that was altered, removed, inserted or reordered. Compare the
/// head with one noted elsewhere: nothing inside the database can tell that all of it was put back to an earlier state.
#[utoipa::path(params(VerifyQuery), responses((status = 200, body = ReportView)), security(("bearer" = ["msp:admin"])))]
#[get("/credential-audit-logs/verify")]
async fn verify(caller: Caller<Admin>, query: Query<VerifyQuery>) -> Answer {
    if query.0.since.is_some_and(|since| since < 1) {
        return Err(Faults::one("since", "range", "must be a whole number from 1 on").into());
    }
    let report = caller.services().chain.verify(caller.actor(), query.0.since).await?;
    value(&ReportView::from(report))
}

/// List the accesses to credentials
///
/// The rows of the audit chain, the latest first.
#[utoipa::path(params(ChainQuery, Paging<ChainSort>), responses((status = 200, body = Listed<AuditRowView>)), security(("bearer" = ["msp:admin"])))]
#[get("/credential-audit-logs")]
async fn list(caller: Caller<Admin>, query: ListQuery<ChainQuery, ChainFilter, ChainSort>) -> Answer {
    let page = caller.services().chain.list(caller.actor(), &query.0).await?;
    caller.page::<AuditRowView, _, _>(page, &query.0.page)
}
