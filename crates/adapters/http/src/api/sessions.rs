//! Sessions over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_kernel::Id;
use claudetools_sessions::{
    Session, SessionDetail, SessionFields, SessionFilter, SessionRow, SessionSort, SessionStatus, SessionWorkItem,
    WorkItemCategory, WorkItemStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::{Answer, Reply, list as list_of, resource},
    wire::{BlankLine, Block, Day, Field, HoursNumber, Instant, Line, Lines, Nullable, TagNames, Uid, Wire, Word},
};

type StatusWord = Word<SessionStatus>;
type ItemCategoryWord = Word<WorkItemCategory>;
type ItemStatusWord = Word<WorkItemStatus>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A session to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "session_date": "2026-01-16",
    "start_time": "2026-01-16T10:00:00Z", "end_time": "2026-01-16T13:30:00Z", "session_title": "Exchange migration, second wave",
    "technician": "jo@msp.example", "summary": "Moved 40 mailboxes. **Two failed**, see notes.", "tags": ["exchange", "migration"],
    "technologies_used": ["PowerShell", "Exchange Online"]}))]
struct SessionBody {
    /// Whom the work is done for; the project's client unless given.
    client_id: Nullable<Uid>,
    /// A project of the client.
    project_id: Nullable<Uid>,
    /// The machine that the work is done on.
    machine_id: Nullable<Uid>,
    /// The day that the work counts for.
    #[schema(required)]
    session_date: Field<Day>,
    start_time: Nullable<Instant>,
    /// Not before `start_time`, nor more than 366 days after it. Now, when the session is completed without one.
    end_time: Nullable<Instant>,
    #[schema(required)]
    session_title: Field<Line>,
    /// Who does the work; the caller unless given.
    technician: Nullable<BlankLine>,
    /// `in_progress` unless given. What is completed can be reopened with the scope `msp:admin` only.
    status: Field<StatusWord>,
    /// True unless given.
    is_billable: Field<bool>,
    /// The hours to bill. Unless given they are derived: 0 for work that is not billable, else the time from start to end
    /// rounded by the client's rule. `null` goes back to that.
    billable_hours: Nullable<HoursNumber>,
    /// What was done, Markdown.
    summary: Nullable<Block>,
    notes: Nullable<Block>,
    /// Names of tags, up to 100 of 100 characters; those that do not exist are made.
    tags: Field<TagNames>,
    /// Up to 100.
    technologies_used: Field<Lines>,
}

impl From<SessionBody> for SessionFields {
    fn from(body: SessionBody) -> Self {
        Self {
            client_id: body.client_id.get().map(Id::new),
            project_id: body.project_id.get().map(Id::new),
            machine_id: body.machine_id.get().map(Id::new),
            session_date: body.session_date.get(),
            start_time: body.start_time.get(),
            end_time: body.end_time.get(),
            session_title: body.session_title.get(),
            technician: body.technician.get(),
            status: body.status.get(),
            is_billable: body.is_billable.get(),
            billable_hours: body.billable_hours.get(),
            summary: body.summary.get(),
            notes: body.notes.get(),
            tags: body.tags.get(),
            technologies_used: body.technologies_used.get(),
        }
    }
}

/// A session as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionRowView {
    id: Uuid,
    client_id: Option<Uuid>,
    client_name: Option<String>,
    project_id: Option<Uuid>,
    project_name: Option<String>,
    session_date: Day,
    /// Whole minutes from start to end.
    #[schema(minimum = 0, example = 210)]
    duration_minutes: Option<i64>,
    /// `null` while billable work has no end.
    billable_hours: Option<HoursNumber>,
    session_title: String,
    summary: Option<String>,
    status: StatusWord,
    is_billable: bool,
    created_at: Instant,
    updated_at: Instant,
}

impl From<SessionRow> for SessionRowView {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id.uuid(),
            client_id: row.client_id.map(Id::uuid),
            client_name: row.client_name,
            project_id: row.project_id.map(Id::uuid),
            project_name: row.project_name,
            session_date: Day(row.session_date),
            duration_minutes: row.duration_minutes,
            billable_hours: row.billable_hours.map(Wire),
            session_title: row.session_title,
            summary: row.summary,
            status: Word(row.status),
            is_billable: row.is_billable,
            created_at: Wire(row.created_at),
            updated_at: Wire(row.updated_at),
        }
    }
}

/// A session with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
struct SessionView {
    #[serde(flatten)]
    row: SessionRowView,
    machine_id: Option<Uuid>,
    machine_hostname: Option<String>,
    start_time: Option<Instant>,
    end_time: Option<Instant>,
    technician: Option<String>,
    notes: Option<String>,
    /// In the order of their names.
    tags: Vec<String>,
    technologies_used: Vec<String>,
    /// The oldest first.
    work_items: Vec<SessionWorkItemView>,
}

/// A work item as its session shows it.
#[derive(Debug, Serialize, ToSchema)]
struct SessionWorkItemView {
    id: Uuid,
    category: ItemCategoryWord,
    title: String,
    status: ItemStatusWord,
}

impl From<&SessionDetail> for SessionView {
    fn from(detail: &SessionDetail) -> Self {
        let session = &detail.session;
        let row = SessionRow::new(session, detail.client_name.clone(), detail.project_name.clone());
        Self {
            row: row.into(),
            machine_id: session.machine_id.map(Id::uuid),
            machine_hostname: detail.machine_hostname.clone(),
            start_time: session.start_time.map(Wire),
            end_time: session.end_time.map(Wire),
            technician: session.technician.clone(),
            notes: session.notes.clone(),
            tags: detail.tags.clone(),
            technologies_used: session.technologies_used.clone(),
            work_items: detail.work_items.iter().map(SessionWorkItemView::from).collect(),
        }
    }
}

impl From<&SessionWorkItem> for SessionWorkItemView {
    fn from(item: &SessionWorkItem) -> Self {
        let (category, status) = (Word(item.category), Word(item.status));
        Self { id: item.id.uuid(), category, title: item.title.clone(), status }
    }
}

/// Which sessions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionQuery {
    client_id: Option<Uuid>,
    project_id: Option<Uuid>,
    machine_id: Option<Uuid>,
    /// Substring of the technician, whatever the case.
    technician: Option<String>,
    /// The first day to list.
    #[param(inline)]
    date_from: Option<Day>,
    /// The last day to list.
    #[param(inline)]
    date_to: Option<Day>,
    is_billable: Option<bool>,
    #[param(inline)]
    status: Option<StatusWord>,
    /// The name of a tag, whatever the case.
    tag: Option<String>,
    /// One of the technologies used, whatever the case.
    technology: Option<String>,
    /// Substring of title, summary or notes, whatever the case.
    q: Option<String>,
}

impl From<SessionQuery> for SessionFilter {
    fn from(query: SessionQuery) -> Self {
        Self {
            client_id: query.client_id.map(Id::new),
            project_id: query.project_id.map(Id::new),
            machine_id: query.machine_id.map(Id::new),
            technician: query.technician,
            date_from: query.date_from.map(|day| day.0),
            date_to: query.date_to.map(|day| day.0),
            is_billable: query.is_billable,
            status: query.status.map(|word| word.0),
            tag: query.tag,
            technology: query.technology,
            q: query.q,
        }
    }
}

/// List sessions
#[utoipa::path(params(SessionQuery, Paging<SessionSort>), responses((status = 200, body = Listed<SessionRowView>)), security(("bearer" = ["msp:read"])))]
#[get("/sessions")]
async fn list(caller: Caller<Read>, query: ListQuery<SessionQuery, SessionSort>) -> Answer {
    let page = caller.services().sessions.list(caller.actor(), &query.filter.into(), &query.page).await?;
    list_of("sessions", page.map(SessionRowView::from), &query.page)
}

/// Enter a session
#[utoipa::path(request_body = SessionBody, responses((status = 201, body = SessionView)), security(("bearer" = ["msp:write"])))]
#[post("/sessions")]
async fn create(caller: Caller<Write>, body: Body<SessionBody>) -> Answer {
    let (sessions, fields) = (&caller.services().sessions, SessionFields::from(body.0));
    let use_case = || sessions.create(caller.actor(), fields.clone());
    let render = |new: &SessionDetail| {
        let session = &new.session;
        Reply::created(format!("/sessions/{}", session.id), session.revision, &SessionView::from(new))
    };
    caller.write(use_case, render).await
}

/// Read a session
#[utoipa::path(responses((status = 200, body = SessionView)), security(("bearer" = ["msp:read"])))]
#[get("/sessions/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Session>) -> Answer {
    let detail = caller.services().sessions.get(caller.actor(), id.0).await?;
    resource(caller.headers(), detail.session.revision, &SessionView::from(&detail))
}

/// Change a session
#[utoipa::path(request_body = SessionBody, responses((status = 200, body = SessionView)), security(("bearer" = ["msp:write"])))]
#[route("/sessions/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, id: PathId<Session>, expected: IfMatch, body: Body<SessionBody>) -> Answer {
    let (sessions, fields) = (&caller.services().sessions, SessionFields::from(body.0));
    let use_case = || sessions.update(caller.actor(), id.0, fields.clone(), &expected.0);
    caller.write(use_case, |now| Reply::ok(now.session.revision, &SessionView::from(now))).await
}

/// Remove a session that has no work items
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/sessions/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<Session>, expected: IfMatch) -> Answer {
    let sessions = &caller.services().sessions;
    caller.write(|| sessions.delete(caller.actor(), id.0, &expected.0), |()| Reply::no_content()).await
}
