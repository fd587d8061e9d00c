//! Pending tasks under their shorter path.

use actix_web::{delete, get, post, route};
use claudetools_sessions::{PendingTask, TaskSort};
use utoipa_actix_web::service_config::ServiceConfig;

use super::pending_tasks::{
    PendingTaskBody, PendingTaskDetailView, PendingTaskQuery, PendingTaskView, change_one, create_at, get_one, list_at,
    remove_one,
};
use crate::{
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::Answer,
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// List pending tasks (the same as /pending-tasks)
#[utoipa::path(params(PendingTaskQuery, Paging<TaskSort>), responses((status = 200, body = Listed<PendingTaskView>)), security(("bearer" = ["msp:read"])))]
#[get("/tasks")]
async fn list(caller: Caller<Read>, query: ListQuery<PendingTaskQuery, TaskSort>) -> Answer {
    list_at("tasks", &caller, query).await
}

/// Enter a pending task (the same as /pending-tasks)
#[utoipa::path(request_body = PendingTaskBody, responses((status = 201, body = PendingTaskDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/tasks")]
async fn create(caller: Caller<Write>, body: Body<PendingTaskBody>) -> Answer {
    create_at("/tasks", &caller, body.0).await
}

/// Read a pending task (the same as /pending-tasks)
#[utoipa::path(responses((status = 200, body = PendingTaskDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/tasks/{id}")]
async fn get(caller: Caller<Read>, id: PathId<PendingTask>) -> Answer {
    get_one(&caller, id.0).await
}

/// Change a pending task (the same as /pending-tasks)
#[utoipa::path(request_body = PendingTaskBody, responses((status = 200, body = PendingTaskDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/tasks/{id}", method = "PUT", method = "PATCH")]
async fn update(
    caller: Caller<Write>,
    id: PathId<PendingTask>,
    expected: IfMatch,
    body: Body<PendingTaskBody>,
) -> Answer {
    change_one(&caller, id.0, &expected, body.0).await
}

/// Remove a pending task (the same as /pending-tasks)
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/tasks/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<PendingTask>, expected: IfMatch) -> Answer {
    remove_one(&caller, id.0, &expected).await
}
