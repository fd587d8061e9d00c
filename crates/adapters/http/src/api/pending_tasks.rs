//! Pending tasks over HTTP, in a scope of their own, because they stand under two paths.

use actix_web::{delete, get, post, route};
use claudetools_sessions::{
    PendingTask, PendingTaskDetail, PendingTaskFields, PendingTaskFilter, PendingTaskRow, Priority, TaskSort,
    TaskStatus,
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
    wire::{BlankLine, Block, Cross, Day, Field, Instant, Line, Nullable, Uid, Uids, Word},
};

type StatusWord = Word<TaskStatus>;
type PriorityWord = Word<Priority>;

/// What stands under each of the paths.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A task to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(PendingTaskFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "title": "Order two switches", "priority": "high",
    "blocked_by": "Waiting for the supplier's offer", "assigned_to": "jo@msp.example", "due_date": "2026-02-27"}))]
pub(super) struct PendingTaskBody {
    /// Whom it is for; that of the project unless given.
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Nullable<Uid>,
    /// A project of the client.
    project_id: Nullable<Uid>,
    /// The work item that it came out of.
    work_item_id: Nullable<Uid>,
    /// The task that it is a part of. No task is a part of itself, not even by way of others.
    parent_task_id: Nullable<Uid>,
    #[schema(required)]
    title: Field<Line>,
    description: Nullable<Block>,
    /// `medium` unless given.
    priority: Field<PriorityWord>,
    /// `pending` unless given.
    status: Field<StatusWord>,
    /// What holds it up, in words.
    blocked_by: Nullable<Block>,
    /// The tasks to be done before this one, all of them; repeats count once. No task waits for itself, not even by way of
    /// others.
    depends_on: Field<Uids>,
    assigned_to: Nullable<BlankLine>,
    due_date: Nullable<Day>,
}

/// A task as lists show it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(PendingTaskRow)]
pub(crate) struct PendingTaskView {
    #[o2o(repeat)]
    #[child(task)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Option<Uuid>,
    #[o2o(skip_repeat)]
    client_name: Option<String>,
    project_id: Option<Uuid>,
    #[o2o(skip_repeat)]
    project_name: Option<String>,
    work_item_id: Option<Uuid>,
    parent_task_id: Option<Uuid>,
    #[schema(example = "Order two switches")]
    title: String,
    description: Option<String>,
    priority: PriorityWord,
    status: StatusWord,
    blocked_by: Option<String>,
    assigned_to: Option<String>,
    due_date: Option<Day>,
    /// Set when the task is completed, emptied when it is reopened.
    completed_at: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
}

/// A task with what it waits for.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(PendingTaskDetail)]
pub(super) struct PendingTaskDetailView {
    #[serde(flatten)]
    #[from(@.row.into())]
    task: PendingTaskView,
    /// The tasks to be done before this one.
    #[from(~.cross())]
    depends_on: Vec<Uuid>,
}

/// Which tasks to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(PendingTaskFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PendingTaskQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    project_id: Option<Uuid>,
    priority: Option<PriorityWord>,
    status: Option<StatusWord>,
    /// Substring of the assignee, whatever the case.
    assigned_to: Option<String>,
    /// Due on a day before this one; tasks without a day due are left out.
    due_before: Option<Day>,
    /// Whether the day due lies before today (in UTC) and the task is neither completed nor cancelled.
    overdue: Option<bool>,
}

/// List pending tasks
#[utoipa::path(params(PendingTaskQuery, Paging<TaskSort>), responses((status = 200, body = Listed<PendingTaskView>)), security(("bearer" = ["msp:read"])))]
#[get("")]
async fn list(caller: Caller<Read>, query: ListQuery<PendingTaskQuery, PendingTaskFilter, TaskSort>) -> Answer {
    let page = caller.services().pending_tasks.list(caller.actor(), &query.0).await?;
    caller.page::<PendingTaskView, _, _>(page, &query.0.page)
}

/// Enter a pending task
#[utoipa::path(request_body = PendingTaskBody, responses((status = 201, body = PendingTaskDetailView)), security(("bearer" = ["msp:write"])))]
#[post("")]
async fn create(caller: Caller<Write>, body: Body<PendingTaskBody, PendingTaskFields>) -> Answer {
    caller
        .create::<PendingTaskDetailView, _>(|| caller.services().pending_tasks.create(caller.actor(), body.0.clone()))
        .await
}

/// Read a pending task
#[utoipa::path(responses((status = 200, body = PendingTaskDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/{id}")]
async fn get(caller: Caller<Read>, id: PathId<PendingTask>) -> Answer {
    caller.one::<PendingTaskDetailView, _>(caller.services().pending_tasks.get(caller.actor(), id.0).await?)
}

/// Change a pending task
#[utoipa::path(request_body = PendingTaskBody, responses((status = 200, body = PendingTaskDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<PendingTask>, body: Body<PendingTaskBody, PendingTaskFields>) -> Answer {
    caller
        .change::<PendingTaskDetailView, _>(|| {
            caller.services().pending_tasks.update(caller.actor(), &at.0, body.0.clone())
        })
        .await
}

/// Remove a pending task that no other is a part of or waits for
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/{id}")]
async fn remove(caller: Caller<Admin>, at: At<PendingTask>) -> Answer {
    caller.act(|| caller.services().pending_tasks.delete(caller.actor(), &at.0)).await
}
