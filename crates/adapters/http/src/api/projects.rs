//! Projects over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_kernel::{Hours, Id};
use claudetools_sessions::{
    Priority, Project, ProjectDetail, ProjectFields, ProjectFilter, ProjectRow, ProjectSort, ProjectStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::{Answer, Reply, list as list_of, resource},
    wire::{Amount, BlankLine, Block, Day, Field, HoursNumber, Instant, Line, Nullable, Slug, Uid, Wire, Word},
};

type StatusWord = Word<ProjectStatus>;
type PriorityWord = Word<Priority>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A project to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "name": "Office 365 Migration", "slug": "office-365-migration",
    "category": "migration", "status": "active", "priority": "high", "started_on": "2026-01-12", "due_date": "2026-02-27",
    "estimated_hours": 40, "hourly_rate": "140.00"}))]
struct ProjectBody {
    /// Whom it is done for. It cannot change any more once sessions or tasks refer to the project.
    #[schema(required)]
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

impl From<ProjectBody> for ProjectFields {
    fn from(body: ProjectBody) -> Self {
        Self {
            client_id: body.client_id.get().map(Id::new),
            name: body.name.get(),
            slug: body.slug.get(),
            category: body.category.get(),
            description: body.description.get(),
            status: body.status.get(),
            priority: body.priority.get(),
            started_on: body.started_on.get(),
            due_date: body.due_date.get(),
            completed_on: body.completed_on.get(),
            estimated_hours: body.estimated_hours.get(),
            hourly_rate: body.hourly_rate.get(),
            notes: body.notes.get(),
        }
    }
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectView {
    id: Uuid,
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
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

impl From<&ProjectRow> for ProjectView {
    fn from(ProjectRow { project, client_name }: &ProjectRow) -> Self {
        Self {
            id: project.id.uuid(),
            client_id: project.client_id.uuid(),
            client_name: client_name.clone(),
            name: project.name.clone(),
            slug: project.slug.clone(),
            category: project.category.clone(),
            description: project.description.clone(),
            status: Word(project.status),
            priority: Word(project.priority),
            started_on: project.started_on.map(Day),
            due_date: project.due_date.map(Day),
            completed_on: project.completed_on.map(Day),
            estimated_hours: project.estimated_hours.map(Wire),
            hourly_rate: project.hourly_rate.map(Wire),
            notes: project.notes.clone(),
            created_at: Wire(project.created_at),
            updated_at: Wire(project.updated_at),
        }
    }
}

/// A project with what has been done for it.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectDetailView {
    #[serde(flatten)]
    project: ProjectView,
    /// What its sessions took together.
    hours_so_far: HoursNumber,
    #[schema(minimum = 0, example = 12)]
    sessions_count: u64,
}

impl From<&ProjectDetail> for ProjectDetailView {
    fn from(detail: &ProjectDetail) -> Self {
        Self {
            project: ProjectView::from(&detail.row),
            hours_so_far: Wire(Hours::from_minutes(detail.totals.minutes)),
            sessions_count: detail.totals.sessions,
        }
    }
}

/// Which projects to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProjectQuery {
    client_id: Option<Uuid>,
    #[param(inline)]
    status: Option<StatusWord>,
    /// Substring of name, slug, category, description or notes, whatever the case.
    q: Option<String>,
}

impl From<ProjectQuery> for ProjectFilter {
    fn from(query: ProjectQuery) -> Self {
        Self { client_id: query.client_id.map(Id::new), status: query.status.map(|word| word.0), q: query.q }
    }
}

/// List projects
#[utoipa::path(params(ProjectQuery, Paging<ProjectSort>), responses((status = 200, body = Listed<ProjectView>)), security(("bearer" = ["msp:read"])))]
#[get("/projects")]
async fn list(caller: Caller<Read>, query: ListQuery<ProjectQuery, ProjectSort>) -> Answer {
    let page = caller.services().projects.list(caller.actor(), &query.filter.into(), &query.page).await?;
    list_of("projects", page.map(|row| ProjectView::from(&row)), &query.page)
}

/// Enter a project
#[utoipa::path(request_body = ProjectBody, responses((status = 201, body = ProjectDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/projects")]
async fn create(caller: Caller<Write>, body: Body<ProjectBody>) -> Answer {
    let (projects, fields) = (&caller.services().projects, ProjectFields::from(body.0));
    let use_case = || projects.create(caller.actor(), fields.clone());
    let render = |new: &ProjectDetail| {
        let project = &new.row.project;
        Reply::created(format!("/projects/{}", project.id), project.revision, &ProjectDetailView::from(new))
    };
    caller.write(use_case, render).await
}

/// Read a project
#[utoipa::path(responses((status = 200, body = ProjectDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/projects/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Project>) -> Answer {
    let detail = caller.services().projects.get(caller.actor(), id.0).await?;
    resource(caller.headers(), detail.row.project.revision, &ProjectDetailView::from(&detail))
}

/// Change a project
#[utoipa::path(request_body = ProjectBody, responses((status = 200, body = ProjectDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/projects/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, id: PathId<Project>, expected: IfMatch, body: Body<ProjectBody>) -> Answer {
    let (projects, fields) = (&caller.services().projects, ProjectFields::from(body.0));
    let use_case = || projects.update(caller.actor(), id.0, fields.clone(), &expected.0);
    caller.write(use_case, |now| Reply::ok(now.row.project.revision, &ProjectDetailView::from(now))).await
}

/// Remove a project that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/projects/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<Project>, expected: IfMatch) -> Answer {
    let projects = &caller.services().projects;
    caller.write(|| projects.delete(caller.actor(), id.0, &expected.0), |()| Reply::no_content()).await
}
