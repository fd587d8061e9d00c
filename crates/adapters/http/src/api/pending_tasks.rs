//! Pending tasks over HTTP. `tasks.rs` mounts the same under a shorter path.

use actix_web::{delete, get, post, route};
use claudetools_kernel::Id;
use claudetools_sessions::{
    PendingTask, PendingTaskDetail, PendingTaskFields, PendingTaskFilter, PendingTaskRow, Priority, TaskSort,
    TaskStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::{Answer, Reply, list as list_of, resource},
    wire::{BlankLine, Block, Day, Field, Instant, Line, Nullable, Uid, Uids, Wire, Word},
};

type StatusWord = Word<TaskStatus>;
type PriorityWord = Word<Priority>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A task to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "title": "Order two switches", "priority": "high",
    "blocked_by": "Waiting for the supplier's offer", "assigned_to": "jo@msp.example", "due_date": "2026-02-27"}))]
pub(super) struct PendingTaskBody {
    /// Whom it is for; that of the project unless given.
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

impl From<PendingTaskBody> for PendingTaskFields {
    fn from(body: PendingTaskBody) -> Self {
        Self {
            client_id: body.client_id.get().map(Id::new),
            project_id: body.project_id.get().map(Id::new),
            work_item_id: body.work_item_id.get().map(Id::new),
            parent_task_id: body.parent_task_id.get().map(Id::new),
            title: body.title.get(),
            description: body.description.get(),
            priority: body.priority.get(),
            status: body.status.get(),
            blocked_by: body.blocked_by.get(),
            depends_on: body.depends_on.get().map(|ids| ids.into_iter().map(Id::new).collect()),
            assigned_to: body.assigned_to.get(),
            due_date: body.due_date.get(),
        }
    }
}

/// A task as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PendingTaskView {
    id: Uuid,
    client_id: Option<Uuid>,
    client_name: Option<String>,
    project_id: Option<Uuid>,
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

impl From<&PendingTaskRow> for PendingTaskView {
    fn from(PendingTaskRow { task, client_name, project_name }: &PendingTaskRow) -> Self {
        Self {
            id: task.id.uuid(),
            client_id: task.client_id.map(Id::uuid),
            client_name: client_name.clone(),
            project_id: task.project_id.map(Id::uuid),
            project_name: project_name.clone(),
            work_item_id: task.work_item_id.map(Id::uuid),
            parent_task_id: task.parent_task_id.map(Id::uuid),
            title: task.title.clone(),
            description: task.description.clone(),
            priority: Word(task.priority),
            status: Word(task.status),
            blocked_by: task.blocked_by.clone(),
            assigned_to: task.assigned_to.clone(),
            due_date: task.due_date.map(Day),
            completed_at: task.completed_at.map(Wire),
            created_at: Wire(task.created_at),
            updated_at: Wire(task.updated_at),
        }
    }
}

/// A task with what it waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PendingTaskDetailView {
    #[serde(flatten)]
    task: PendingTaskView,
    /// The tasks to be done before this one.
    depends_on: Vec<Uuid>,
}

impl From<&PendingTaskDetail> for PendingTaskDetailView {
    fn from(detail: &PendingTaskDetail) -> Self {
        let depends_on = detail.depends_on.iter().map(|id| id.uuid()).collect();
        Self { task: PendingTaskView::from(&detail.row), depends_on }
    }
}

/// Which tasks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PendingTaskQuery {
    client_id: Option<Uuid>,
    project_id: Option<Uuid>,
    #[param(inline)]
    priority: Option<PriorityWord>,
    #[param(inline)]
    status: Option<StatusWord>,
    /// Substring of the assignee, whatever the case.
    assigned_to: Option<String>,
    /// Due on a day before this one; tasks without a day due are left out.
    #[param(inline)]
    due_before: Option<Day>,
    /// Whether the day due lies before today (in UTC) and the task is neither completed nor cancelled.
    overdue: Option<bool>,
}

impl From<PendingTaskQuery> for PendingTaskFilter {
    fn from(query: PendingTaskQuery) -> Self {
        Self {
            client_id: query.client_id.map(Id::new),
            project_id: query.project_id.map(Id::new),
            priority: query.priority.map(|word| word.0),
            status: query.status.map(|word| word.0),
            assigned_to: query.assigned_to,
            due_before: query.due_before.map(|day| day.0),
            overdue: query.overdue,
        }
    }
}

pub(super) async fn list_at(
    collection: &'static str,
    caller: &Caller<Read>,
    query: ListQuery<PendingTaskQuery, TaskSort>,
) -> Answer {
    let page = caller.services().pending_tasks.list(caller.actor(), &query.filter.into(), &query.page).await?;
    list_of(collection, page.map(|row| PendingTaskView::from(&row)), &query.page)
}

pub(super) async fn create_at(path: &str, caller: &Caller<Write>, body: PendingTaskBody) -> Answer {
    let (tasks, fields) = (&caller.services().pending_tasks, PendingTaskFields::from(body));
    let use_case = || tasks.create(caller.actor(), fields.clone());
    let render = |new: &PendingTaskDetail| {
        let task = &new.row.task;
        Reply::created(format!("{path}/{}", task.id), task.revision, &PendingTaskDetailView::from(new))
    };
    caller.write(use_case, render).await
}

pub(super) async fn get_one(caller: &Caller<Read>, id: Id<PendingTask>) -> Answer {
    let detail = caller.services().pending_tasks.get(caller.actor(), id).await?;
    resource(caller.headers(), detail.row.task.revision, &PendingTaskDetailView::from(&detail))
}

pub(super) async fn change_one(
    caller: &Caller<Write>,
    id: Id<PendingTask>,
    expected: &IfMatch,
    body: PendingTaskBody,
) -> Answer {
    let (tasks, fields) = (&caller.services().pending_tasks, PendingTaskFields::from(body));
    let use_case = || tasks.update(caller.actor(), id, fields.clone(), &expected.0);
    caller.write(use_case, |now| Reply::ok(now.row.task.revision, &PendingTaskDetailView::from(now))).await
}

pub(super) async fn remove_one(caller: &Caller<Admin>, id: Id<PendingTask>, expected: &IfMatch) -> Answer {
    let tasks = &caller.services().pending_tasks;
    caller.write(|| tasks.delete(caller.actor(), id, &expected.0), |()| Reply::no_content()).await
}

/// List pending tasks
#[utoipa::path(params(PendingTaskQuery, Paging<TaskSort>), responses((status = 200, body = Listed<PendingTaskView>)), security(("bearer" = ["msp:read"])))]
#[get("/pending-tasks")]
async fn list(caller: Caller<Read>, query: ListQuery<PendingTaskQuery, TaskSort>) -> Answer {
    list_at("pending_tasks", &caller, query).await
}

/// Enter a pending task
#[utoipa::path(request_body = PendingTaskBody, responses((status = 201, body = PendingTaskDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/pending-tasks")]
async fn create(caller: Caller<Write>, body: Body<PendingTaskBody>) -> Answer {
    create_at("/pending-tasks", &caller, body.0).await
}

/// Read a pending task
#[utoipa::path(responses((status = 200, body = PendingTaskDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/pending-tasks/{id}")]
async fn get(caller: Caller<Read>, id: PathId<PendingTask>) -> Answer {
    get_one(&caller, id.0).await
}

/// Change a pending task
#[utoipa::path(request_body = PendingTaskBody, responses((status = 200, body = PendingTaskDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/pending-tasks/{id}", method = "PUT", method = "PATCH")]
async fn update(
    caller: Caller<Write>,
    id: PathId<PendingTask>,
    expected: IfMatch,
    body: Body<PendingTaskBody>,
) -> Answer {
    change_one(&caller, id.0, &expected, body.0).await
}

/// Remove a pending task that no other is a part of or waits for
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/pending-tasks/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<PendingTask>, expected: IfMatch) -> Answer {
    remove_one(&caller, id.0, &expected).await
}
