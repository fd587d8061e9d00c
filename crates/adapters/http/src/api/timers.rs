//! Timers over HTTP.

use actix_web::{delete, get, post};
use claudetools_kernel::Target;
use claudetools_sessions::{Timer, TimerFields, TimerFilter, TimerRow, TimerSort};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::billable_time::BillableTimeView;
use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{Amount, Block, Cross, Field, Instant, Line, Nullable, Uid},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_timers)
        .service(start_timer)
        .service(stop_timer)
        .service(pause_timer)
        .service(resume_timer)
        .service(get_timer)
        .service(remove_timer);
}

/// A timer to start.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(TimerFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "description": "Mail is down"}))]
struct TimerBody {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// A project of the client.
    project_id: Nullable<Uid>,
    /// A session of the client, or of nobody; that of the work item unless given.
    session_id: Nullable<Uid>,
    work_item_id: Nullable<Uid>,
    /// Who works; the caller unless given.
    technician: Field<Line>,
    description: Nullable<Block>,
    /// True unless given.
    is_billable: Field<bool>,
    /// Price of an hour, instead of the project's and the client's.
    hourly_rate: Nullable<Amount>,
}

/// A timer.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(TimerRow)]
pub(super) struct TimerView {
    #[o2o(repeat)]
    #[child(timer)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[o2o(skip_repeat)]
    client_name: String,
    project_id: Option<Uuid>,
    #[o2o(skip_repeat)]
    project_name: Option<String>,
    session_id: Option<Uuid>,
    work_item_id: Option<Uuid>,
    technician: String,
    description: Option<String>,
    is_billable: bool,
    hourly_rate: Option<Amount>,
    started_at: Instant,
    /// Since when it is paused.
    paused_at: Option<Instant>,
    #[o2o(skip_repeat)]
    #[from(@.timer.paused_at.is_none())]
    is_running: bool,
    /// Whole minutes worked so far, without the pauses.
    #[o2o(skip_repeat)]
    minutes: i64,
    created_at: Instant,
    updated_at: Instant,
}

/// Which timers to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(TimerFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TimerQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    /// Substring of the technician, whatever the case.
    technician: Option<String>,
    /// Whether they run, or are paused.
    is_running: Option<bool>,
}

/// List the timers that run or are paused
#[utoipa::path(params(TimerQuery, Paging<TimerSort>), responses((status = 200, body = Listed<TimerView>)), security(("bearer" = ["msp:read"])))]
#[get("/billable-time/timers")]
async fn list_timers(caller: Caller<Read>, query: ListQuery<TimerQuery, TimerFilter, TimerSort>) -> Answer {
    let page = caller.services().billing.timers.list(caller.actor(), &query.0).await?;
    caller.page::<TimerView, _, _>(page, &query.0.page)
}

/// Start a timer
///
/// One runs for a technician at a time: while it does, a second is 409 `DUPLICATE_ENTRY`, and `details.existing_id` names the first.
/// Timers are in the database and go on whatever happens to the server.
#[utoipa::path(request_body = TimerBody, responses((status = 201, body = TimerView)), security(("bearer" = ["msp:write"])))]
#[post("/billable-time/timers")]
async fn start_timer(caller: Caller<Write>, body: Body<TimerBody, TimerFields>) -> Answer {
    caller.create::<TimerView, _>(|| caller.services().billing.timers.start(caller.actor(), body.0.clone())).await
}

/// Stop a timer
///
/// It becomes an entry of billable time, which is the answer, and is gone. The entry counts for the day of the start on the client's
/// calendar; its end is now, or the last pause; its minutes leave the pauses out. 409 when that day has been closed meanwhile, or the
/// start is more than 31 days ago.
#[utoipa::path(responses((status = 200, body = BillableTimeView)), security(("bearer" = ["msp:write"])))]
#[post("/billable-time/timers/{id}/stop")]
async fn stop_timer(caller: Caller<Write>, id: PathId<Timer>) -> Answer {
    let target = Target::any(id.0);
    caller.change::<BillableTimeView, _>(|| caller.services().billing.timers.stop(caller.actor(), &target)).await
}

/// Pause a timer
///
/// The technician can start another one meanwhile. 409 when it is paused already.
#[utoipa::path(responses((status = 200, body = TimerView)), security(("bearer" = ["msp:write"])))]
#[post("/billable-time/timers/{id}/pause")]
async fn pause_timer(caller: Caller<Write>, id: PathId<Timer>) -> Answer {
    let target = Target::any(id.0);
    caller.change::<TimerView, _>(|| caller.services().billing.timers.pause(caller.actor(), &target)).await
}

/// Let a paused timer run again
///
/// 409 when it runs already, or another runs for the technician: `details.existing_id` names that.
#[utoipa::path(responses((status = 200, body = TimerView)), security(("bearer" = ["msp:write"])))]
#[post("/billable-time/timers/{id}/resume")]
async fn resume_timer(caller: Caller<Write>, id: PathId<Timer>) -> Answer {
    let target = Target::any(id.0);
    caller.change::<TimerView, _>(|| caller.services().billing.timers.resume(caller.actor(), &target)).await
}

/// Read a timer
#[utoipa::path(responses((status = 200, body = TimerView)), security(("bearer" = ["msp:read"])))]
#[get("/billable-time/timers/{id}")]
async fn get_timer(caller: Caller<Read>, id: PathId<Timer>) -> Answer {
    caller.one::<TimerView, _>(caller.services().billing.timers.get(caller.actor(), id.0).await?)
}

/// Throw a timer away
///
/// No entry comes of it.
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/billable-time/timers/{id}")]
async fn remove_timer(caller: Caller<Admin>, at: At<Timer>) -> Answer {
    caller.act(|| caller.services().billing.timers.delete(caller.actor(), &at.0)).await
}
