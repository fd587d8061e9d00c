//! Projects over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_kernel::Hours;
use claudetools_sessions::{
    Priority, Project, ProjectDetail, ProjectFields, ProjectFilter, ProjectRow, ProjectSort, ProjectStatus,
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
    wire::{Amount, BlankLine, Block, Cross, Day, Field, HoursNumber, Instant, Line, Nullable, Slug, Uid, Word},
};

type StatusWord = Word<ProjectStatus>;
type PriorityWord = Word<Priority>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A project to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(ProjectFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "name": "Office 365 Migration", "slug": "office-365-migration",
    "category": "migration", "status": "active", "priority": "high", "started_on": "2026-01-12", "due_date": "2026-02-27",
    "estimated_hours": 40, "hourly_rate": "140.00"}))]
struct ProjectBody {
    /// Whom it is done for. It cannot change any more once sessions or tasks refer to the project.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// Unique among the client's projects, whatever the case.
    #[schema(required)]
    name: Field<Line>,
    /// Its name in paths and file names, unique among the client's projects. Made from the name unless given, with a number
    /// behind it where that is taken; a later change of the name leaves it as it is.
    slug: Field<Slug>,
    category: Nullable<BlankLine>,
    description: Nullable<Block>,
    /// `active` unless given.
    status: Field<StatusWord>,
    /// `medium` unless given.
    priority: Field<PriorityWord>,
    started_on: Nullable<Day>,
    /// Not before `started_on`.
    due_date: Nullable<Day>,
    /// Today (in UTC) when the project is completed, unless given; emptied when it is reopened.
    completed_on: Nullable<Day>,
    estimated_hours: Nullable<HoursNumber>,
    /// Price of an hour in the client's currency, instead of the client's own.
    hourly_rate: Nullable<Amount>,
    notes: Nullable<Block>,
}

/// A project.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ProjectRow)]
struct ProjectView {
    #[o2o(repeat)]
    #[child(project)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
    #[o2o(skip_repeat)]
    client_name: String,
    name: String,
    #[schema(example = "office-365-migration")]
    slug: String,
    category: Option<String>,
    description: Option<String>,
    status: StatusWord,
    priority: PriorityWord,
    started_on: Option<Day>,
    due_date: Option<Day>,
    completed_on: Option<Day>,
    estimated_hours: Option<HoursNumber>,
    hourly_rate: Option<Amount>,
    notes: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

/// A project with what has been done for it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ProjectDetail)]
struct ProjectDetailView {
    #[serde(flatten)]
    #[from(@.row.into())]
    project: ProjectView,
    /// What its sessions took together.
    #[from(Hours::from_minutes(@.totals.minutes).cross())]
    hours_so_far: HoursNumber,
    #[schema(minimum = 0, example = 12)]
    #[from(@.totals.sessions)]
    sessions_count: u64,
}

/// Which projects to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(ProjectFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProjectQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    status: Option<StatusWord>,
    /// Substring of name, slug, category, description or notes, whatever the case.
    q: Option<String>,
}

/// List projects
#[utoipa::path(params(ProjectQuery, Paging<ProjectSort>), responses((status = 200, body = Listed<ProjectView>)), security(("bearer" = ["msp:read"])))]
#[get("/projects")]
async fn list(caller: Caller<Read>, query: ListQuery<ProjectQuery, ProjectFilter, ProjectSort>) -> Answer {
    let page = caller.services().projects.list(caller.actor(), &query.0).await?;
    caller.page::<ProjectView, _, _>(page, &query.0.page)
}

/// Enter a project
#[utoipa::path(request_body = ProjectBody, responses((status = 201, body = ProjectDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/projects")]
async fn create(caller: Caller<Write>, body: Body<ProjectBody, ProjectFields>) -> Answer {
    caller.create::<ProjectDetailView, _>(|| caller.services().projects.create(caller.actor(), body.0.clone())).await
}

/// Read a project
#[utoipa::path(responses((status = 200, body = ProjectDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/projects/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Project>) -> Answer {
    caller.one::<ProjectDetailView, _>(caller.services().projects.get(caller.actor(), id.0).await?)
}

/// Change a project
#[utoipa::path(request_body = ProjectBody, responses((status = 200, body = ProjectDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/projects/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Project>, body: Body<ProjectBody, ProjectFields>) -> Answer {
    caller
        .change::<ProjectDetailView, _>(|| caller.services().projects.update(caller.actor(), &at.0, body.0.clone()))
        .await
}

/// Remove a project that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/projects/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Project>) -> Answer {
    caller.act(|| caller.services().projects.delete(caller.actor(), &at.0)).await
}
