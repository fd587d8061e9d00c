//! Work items over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_sessions::{
    Priority, WorkItem, WorkItemCategory, WorkItemDetail, WorkItemFields, WorkItemFilter, WorkItemRow, WorkItemSort,
    WorkItemStatus,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{Block, Cross, Day, Field, Instant, Line, Lines, Nullable, TagNames, Uid, Word, WorkMinutes},
};

type CategoryWord = Word<WorkItemCategory>;
type StatusWord = Word<WorkItemStatus>;
type PriorityWord = Word<Priority>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A work item to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(WorkItemFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"session_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "category": "infrastructure",
    "title": "Replace the failed disk in the file server", "priority": "high", "estimated_minutes": 45, "actual_minutes": 60,
    "affected_systems": ["fs01.acme.example"], "technologies_used": ["Windows Server"], "tags": ["storage"]}))]
struct WorkItemBody {
    /// The session that it belongs to.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    session_id: Field<Uid>,
    #[schema(required)]
    category: Field<CategoryWord>,
    #[schema(required)]
    title: Field<Line>,
    description: Nullable<Block>,
    /// `pending` unless given.
    status: Field<StatusWord>,
    /// `medium` unless given.
    priority: Field<PriorityWord>,
    /// True unless given.
    is_billable: Field<bool>,
    estimated_minutes: Nullable<WorkMinutes>,
    actual_minutes: Nullable<WorkMinutes>,
    /// Up to 100.
    affected_systems: Field<Lines>,
    /// Up to 100.
    technologies_used: Field<Lines>,
    /// Names of tags, up to 100 of 100 characters; those that do not exist are made.
    tags: Field<TagNames>,
}

/// A work item as lists show it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(WorkItemRow)]
pub(crate) struct WorkItemRowView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    session_id: Uuid,
    session_title: String,
    /// The session's.
    session_date: Day,
    /// The session's.
    client_id: Option<Uuid>,
    client_name: Option<String>,
    category: CategoryWord,
    title: String,
    status: StatusWord,
    priority: PriorityWord,
    is_billable: bool,
    #[schema(minimum = 0, example = 45)]
    estimated_minutes: Option<i32>,
    #[schema(minimum = 0, example = 60)]
    actual_minutes: Option<i32>,
    /// Set on completion, emptied when the work item is reopened.
    completed_at: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
}

/// A work item.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(WorkItemDetail)]
struct WorkItemView {
    #[serde(flatten)]
    #[from(WorkItemRow::new(&@.item, @.session_title, @.client_name).into())]
    row: WorkItemRowView,
    #[child(item)]
    description: Option<String>,
    #[child(item)]
    affected_systems: Vec<String>,
    #[child(item)]
    technologies_used: Vec<String>,
    /// In the order of their names.
    tags: Vec<String>,
}

/// Which work items to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(WorkItemFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WorkItemQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    session_id: Option<Uuid>,
    /// The session's client.
    client_id: Option<Uuid>,
    category: Option<CategoryWord>,
    status: Option<StatusWord>,
    priority: Option<PriorityWord>,
    is_billable: Option<bool>,
    /// The first day (`session_date`) of sessions whose work items to list.
    date_from: Option<Day>,
    /// The last day (`session_date`) of sessions whose work items to list.
    date_to: Option<Day>,
    /// Substring of title, description or affected systems, whatever the case.
    q: Option<String>,
}

/// List work items
#[utoipa::path(params(WorkItemQuery, Paging<WorkItemSort>), responses((status = 200, body = Listed<WorkItemRowView>)), security(("bearer" = ["msp:read"])))]
#[get("/work-items")]
async fn list(caller: Caller<Read>, query: ListQuery<WorkItemQuery, WorkItemFilter, WorkItemSort>) -> Answer {
    let page = caller.services().work_items.list(caller.actor(), &query.0).await?;
    caller.page::<WorkItemRowView, _, _>(page, &query.0.page)
}

/// Enter a work item
#[utoipa::path(request_body = WorkItemBody, responses((status = 201, body = WorkItemView)), security(("bearer" = ["msp:write"])))]
#[post("/work-items")]
async fn create(caller: Caller<Write>, body: Body<WorkItemBody, WorkItemFields>) -> Answer {
    caller.create::<WorkItemView, _>(|| caller.services().work_items.create(caller.actor(), body.0.clone())).await
}

/// Read a work item
#[utoipa::path(responses((status = 200, body = WorkItemView)), security(("bearer" = ["msp:read"])))]
#[get("/work-items/{id}")]
async fn get(caller: Caller<Read>, id: PathId<WorkItem>) -> Answer {
    caller.one::<WorkItemView, _>(caller.services().work_items.get(caller.actor(), id.0).await?)
}

/// Change a work item
#[utoipa::path(request_body = WorkItemBody, responses((status = 200, body = WorkItemView)), security(("bearer" = ["msp:write"])))]
#[route("/work-items/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<WorkItem>, body: Body<WorkItemBody, WorkItemFields>) -> Answer {
    caller
        .change::<WorkItemView, _>(|| caller.services().work_items.update(caller.actor(), &at.0, body.0.clone()))
        .await
}

/// Remove a work item that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/work-items/{id}")]
async fn remove(caller: Caller<Admin>, at: At<WorkItem>) -> Answer {
    caller.act(|| caller.services().work_items.delete(caller.actor(), &at.0)).await
}
