//! Blocks of hours over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_sessions::{TimeBlock, TimeBlockFields, TimeBlockFilter, TimeBlockRow, TimeBlockSort};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::billable_time::BalanceView;
use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{Block, Cross, Day, Field, HoursNumber, Instant, Nullable, Uid},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A block of hours to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(TimeBlockFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "hours": 20, "from": "2026-01-01", "until": "2026-03-31",
    "rollover": true}))]
struct TimeBlockBody {
    /// Cannot be changed.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// How much was paid for; more than 0.
    #[schema(required)]
    hours: Field<HoursNumber>,
    /// The first day that it can be drawn on.
    #[schema(required)]
    from: Field<Day>,
    /// The last one, not before `from`; the block lasts until it is used up unless given.
    until: Nullable<Day>,
    /// Whether what is left after the last day goes to the client's next block: the first that lasts longer. False unless given: it is
    /// lost.
    rollover: Field<bool>,
    notes: Nullable<Block>,
}

/// A block of hours.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(TimeBlockRow)]
struct TimeBlockView {
    #[o2o(repeat)]
    #[child(block)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[o2o(skip_repeat)]
    client_name: String,
    hours: HoursNumber,
    from: Day,
    until: Option<Day>,
    rollover: bool,
    notes: Option<String>,
    /// At the end of today, in UTC.
    #[o2o(skip_repeat)]
    #[from(~.into())]
    balance: BalanceView,
    created_at: Instant,
    updated_at: Instant,
}

/// Which blocks to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(TimeBlockFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TimeBlockQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    /// Those that can be drawn on on this day.
    on: Option<Day>,
}

/// List blocks of hours
#[utoipa::path(params(TimeBlockQuery, Paging<TimeBlockSort>), responses((status = 200, body = Listed<TimeBlockView>)), security(("bearer" = ["msp:read"])))]
#[get("/time-blocks")]
async fn list(caller: Caller<Read>, query: ListQuery<TimeBlockQuery, TimeBlockFilter, TimeBlockSort>) -> Answer {
    let page = caller.services().billing.blocks.list(caller.actor(), &query.0).await?;
    caller.page::<TimeBlockView, _, _>(page, &query.0.page)
}

/// Enter a block of hours
///
/// Billable time of the client draws on it by itself, what was entered before included. 409 when it would begin in a closed period.
#[utoipa::path(request_body = TimeBlockBody, responses((status = 201, body = TimeBlockView)), security(("bearer" = ["msp:write"])))]
#[post("/time-blocks")]
async fn create(caller: Caller<Write>, body: Body<TimeBlockBody, TimeBlockFields>) -> Answer {
    caller.create::<TimeBlockView, _>(|| caller.services().billing.blocks.create(caller.actor(), body.0.clone())).await
}

/// Read a block of hours
#[utoipa::path(responses((status = 200, body = TimeBlockView)), security(("bearer" = ["msp:read"])))]
#[get("/time-blocks/{id}")]
async fn get(caller: Caller<Read>, id: PathId<TimeBlock>) -> Answer {
    caller.one::<TimeBlockView, _>(caller.services().billing.blocks.get(caller.actor(), id.0).await?)
}

/// Change a block of hours
///
/// 409 when it begins in a closed period, before the change or after it; its notes can be changed all the same.
#[utoipa::path(request_body = TimeBlockBody, responses((status = 200, body = TimeBlockView)), security(("bearer" = ["msp:write"])))]
#[route("/time-blocks/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<TimeBlock>, body: Body<TimeBlockBody, TimeBlockFields>) -> Answer {
    let blocks = &caller.services().billing.blocks;
    caller.change::<TimeBlockView, _>(|| blocks.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a block of hours
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/time-blocks/{id}")]
async fn remove(caller: Caller<Admin>, at: At<TimeBlock>) -> Answer {
    caller.act(|| caller.services().billing.blocks.delete(caller.actor(), &at.0)).await
}
