//! The closing of periods over HTTP.

use actix_web::{get, http::StatusCode, post};
use claudetools_sessions::{CloseFields, Closing, ClosingFilter, ClosingSort, PeriodState, ReopenFields};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller, ListQuery, Read},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, Reply},
    wire::{Cross, Day, Field, Instant, Nullable, Uid, each},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(close_period).service(reopen_period).service(list_closings);
}

/// A period to close.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(CloseFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "through": "2026-01-31"}))]
struct CloseBody {
    /// Whose; everybody's unless given.
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Nullable<Uid>,
    /// The last day to close.
    #[schema(required)]
    through: Field<Day>,
}

/// A period to open again.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(ReopenFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "through": "2026-01-31"}))]
struct ReopenBody {
    /// Whose; everybody's unless given.
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Nullable<Uid>,
    /// What was closed through this day or a later one is opened; everything unless given.
    through: Nullable<Day>,
}

/// A closing, and its undoing.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Closing)]
struct ClosingView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    /// `null` for everybody.
    client_id: Option<Uuid>,
    /// The last day closed.
    through: Day,
    closed_at: Instant,
    closed_by: String,
    reopened_at: Option<Instant>,
    reopened_by: Option<String>,
}

/// How far time is closed.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(PeriodState)]
struct PeriodView {
    #[o2o(repeat)]
    #[from(~.cross())]
    client_id: Option<Uuid>,
    /// The last day that is still closed, for this client or for everybody; `null` when none is.
    closed_through: Option<Day>,
    /// The closings that were made or undone.
    #[o2o(skip_repeat)]
    #[from(each(~))]
    closings: Vec<ClosingView>,
}

/// Which closings to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(ClosingFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ClosingQuery {
    /// Those that name this client.
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    /// Whether they hold, or were undone.
    is_closed: Option<bool>,
}

/// Close a period
///
/// Entries whose day is not after `through` can then neither be made nor changed nor removed (409), and blocks of hours that begin by
/// then stay as they are. Who closed what is kept beside the API audit log. 409 when that day is closed already.
#[utoipa::path(request_body = CloseBody, responses((status = 200, body = PeriodView)), security(("bearer" = ["msp:admin"])))]
#[post("/billable-time/close")]
async fn close_period(caller: Caller<Admin>, body: Body<CloseBody, CloseFields>) -> Answer {
    let periods = &caller.services().billing.periods;
    caller.write(|| periods.close(caller.actor(), &body.0), told).await
}

/// Open a period again
///
/// Undoes the closings through `through` or a later day, of the client named or those of everybody. What was closed through an earlier
/// day stays closed, as does what another closing covers: a client's, or everybody's. 409 when there is nothing to undo.
#[utoipa::path(request_body = ReopenBody, responses((status = 200, body = PeriodView)), security(("bearer" = ["msp:admin"])))]
#[post("/billable-time/reopen")]
async fn reopen_period(caller: Caller<Admin>, body: Body<ReopenBody, ReopenFields>) -> Answer {
    let periods = &caller.services().billing.periods;
    caller.write(|| periods.reopen(caller.actor(), &body.0), told).await
}

fn told(state: &PeriodState) -> Result<Reply, claudetools_kernel::Error> {
    Reply::plain(StatusCode::OK, &PeriodView::from(state.clone()))
}

/// List the closings of periods
///
/// The record of who closed and reopened what, and when.
#[utoipa::path(params(ClosingQuery, Paging<ClosingSort>), responses((status = 200, body = Listed<ClosingView>)), security(("bearer" = ["msp:read"])))]
#[get("/billable-time/closings")]
async fn list_closings(caller: Caller<Read>, query: ListQuery<ClosingQuery, ClosingFilter, ClosingSort>) -> Answer {
    let page = caller.services().billing.periods.list(caller.actor(), &query.0).await?;
    caller.page::<ClosingView, _, _>(page, &query.0.page)
}
