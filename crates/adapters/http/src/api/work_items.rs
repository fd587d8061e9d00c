//! Work items over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_kernel::Id;
use claudetools_sessions::{
    Priority, WorkItem, WorkItemCategory, WorkItemDetail, WorkItemFields, WorkItemFilter, WorkItemRow, WorkItemSort,
    WorkItemStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::{Answer, Reply, list as list_of, resource},
    wire::{Block, Day, Field, Instant, Line, Lines, Nullable, TagNames, Uid, Wire, Word, WorkMinutes},
};

type CategoryWord = Word<WorkItemCategory>;
type StatusWord = Word<WorkItemStatus>;
type PriorityWord = Word<Priority>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A work item to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"session_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "category": "infrastructure",
    "title": "Replace the failed disk in the file server", "priority": "high", "estimated_minutes": 45, "actual_minutes": 60,
    "affected_systems": ["fs01.acme.example"], "technologies_used": ["Windows Server"], "tags": ["storage"]}))]
struct WorkItemBody {
    /// The session that it belongs to.
    #[schema(required)]
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

impl From<WorkItemBody> for WorkItemFields {
    fn from(body: WorkItemBody) -> Self {
        Self {
            session_id: body.session_id.get().map(Id::new),
            category: body.category.get(),
            title: body.title.get(),
            description: body.description.get(),
            status: body.status.get(),
            priority: body.priority.get(),
            is_billable: body.is_billable.get(),
            estimated_minutes: body.estimated_minutes.get(),
            actual_minutes: body.actual_minutes.get(),
            affected_systems: body.affected_systems.get(),
            technologies_used: body.technologies_used.get(),
            tags: body.tags.get(),
        }
    }
}

/// A work item as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkItemRowView {
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

impl From<WorkItemRow> for WorkItemRowView {
    fn from(row: WorkItemRow) -> Self {
        Self {
            id: row.id.uuid(),
            session_id: row.session_id.uuid(),
            session_title: row.session_title,
            session_date: Day(row.session_date),
            client_id: row.client_id.map(Id::uuid),
            client_name: row.client_name,
            category: Word(row.category),
            title: row.title,
            status: Word(row.status),
            priority: Word(row.priority),
            is_billable: row.is_billable,
            estimated_minutes: row.estimated_minutes,
            actual_minutes: row.actual_minutes,
            completed_at: row.completed_at.map(Wire),
            created_at: Wire(row.created_at),
            updated_at: Wire(row.updated_at),
        }
    }
}

/// A work item.
#[derive(Debug, Serialize, ToSchema)]
struct WorkItemView {
    #[serde(flatten)]
    row: WorkItemRowView,
    description: Option<String>,
    affected_systems: Vec<String>,
    technologies_used: Vec<String>,
    /// In the order of their names.
    tags: Vec<String>,
}

impl From<&WorkItemDetail> for WorkItemView {
    fn from(detail: &WorkItemDetail) -> Self {
        let item = &detail.item;
        Self {
            row: WorkItemRow::new(item, detail.session_title.clone(), detail.client_name.clone()).into(),
            description: item.description.clone(),
            affected_systems: item.affected_systems.clone(),
            technologies_used: item.technologies_used.clone(),
            tags: detail.tags.clone(),
        }
    }
}

/// Which work items to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WorkItemQuery {
    session_id: Option<Uuid>,
    /// The session's client.
    client_id: Option<Uuid>,
    #[param(inline)]
    category: Option<CategoryWord>,
    #[param(inline)]
    status: Option<StatusWord>,
    #[param(inline)]
    priority: Option<PriorityWord>,
    is_billable: Option<bool>,
    /// The first day (`session_date`) of sessions whose work items to list.
    #[param(inline)]
    date_from: Option<Day>,
    /// The last day (`session_date`) of sessions whose work items to list.
    #[param(inline)]
    date_to: Option<Day>,
    /// Substring of title, description or affected systems, whatever the case.
    q: Option<String>,
}

impl From<WorkItemQuery> for WorkItemFilter {
    fn from(query: WorkItemQuery) -> Self {
        Self {
            session_id: query.session_id.map(Id::new),
            client_id: query.client_id.map(Id::new),
            category: query.category.map(|word| word.0),
            status: query.status.map(|word| word.0),
            priority: query.priority.map(|word| word.0),
            is_billable: query.is_billable,
            date_from: query.date_from.map(|day| day.0),
            date_to: query.date_to.map(|day| day.0),
            q: query.q,
        }
    }
}

/// List work items
#[utoipa::path(params(WorkItemQuery, Paging<WorkItemSort>), responses((status = 200, body = Listed<WorkItemRowView>)), security(("bearer" = ["msp:read"])))]
#[get("/work-items")]
async fn list(caller: Caller<Read>, query: ListQuery<WorkItemQuery, WorkItemSort>) -> Answer {
    let page = caller.services().work_items.list(caller.actor(), &query.filter.into(), &query.page).await?;
    list_of("work_items", page.map(WorkItemRowView::from), &query.page)
}

/// Enter a work item
#[utoipa::path(request_body = WorkItemBody, responses((status = 201, body = WorkItemView)), security(("bearer" = ["msp:write"])))]
#[post("/work-items")]
async fn create(caller: Caller<Write>, body: Body<WorkItemBody>) -> Answer {
    let (items, fields) = (&caller.services().work_items, WorkItemFields::from(body.0));
    let use_case = || items.create(caller.actor(), fields.clone());
    let render = |new: &WorkItemDetail| {
        Reply::created(format!("/work-items/{}", new.item.id), new.item.revision, &WorkItemView::from(new))
    };
    caller.write(use_case, render).await
}

/// Read a work item
#[utoipa::path(responses((status = 200, body = WorkItemView)), security(("bearer" = ["msp:read"])))]
#[get("/work-items/{id}")]
async fn get(caller: Caller<Read>, id: PathId<WorkItem>) -> Answer {
    let detail = caller.services().work_items.get(caller.actor(), id.0).await?;
    resource(caller.headers(), detail.item.revision, &WorkItemView::from(&detail))
}

/// Change a work item
#[utoipa::path(request_body = WorkItemBody, responses((status = 200, body = WorkItemView)), security(("bearer" = ["msp:write"])))]
#[route("/work-items/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, id: PathId<WorkItem>, expected: IfMatch, body: Body<WorkItemBody>) -> Answer {
    let (items, fields) = (&caller.services().work_items, WorkItemFields::from(body.0));
    let use_case = || items.update(caller.actor(), id.0, fields.clone(), &expected.0);
    caller.write(use_case, |now| Reply::ok(now.item.revision, &WorkItemView::from(now))).await
}

/// Remove a work item that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/work-items/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<WorkItem>, expected: IfMatch) -> Answer {
    let items = &caller.services().work_items;
    caller.write(|| items.delete(caller.actor(), id.0, &expected.0), |()| Reply::no_content()).await
}
