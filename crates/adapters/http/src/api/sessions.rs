//! Sessions over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_sessions::{
    Session, SessionDetail, SessionFields, SessionFilter, SessionRow, SessionSort, SessionStatus, SessionWorkItem,
    WorkItemCategory, WorkItemStatus,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::billable_time::SessionTimeView;
use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{
        BlankLine, Block, Cross, Day, Field, HoursNumber, Instant, Line, Lines, Nullable, TagNames, Uid, Word, each,
    },
};

type StatusWord = Word<SessionStatus>;
type ItemCategoryWord = Word<WorkItemCategory>;
type ItemStatusWord = Word<WorkItemStatus>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A session to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(SessionFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "session_date": "2026-01-16",
    "start_time": "2026-01-16T10:00:00Z", "end_time": "2026-01-16T13:30:00Z", "session_title": "Exchange migration, second wave",
    "technician": "jo@msp.example", "summary": "Moved 40 mailboxes. **Two failed**, see notes.", "tags": ["exchange", "migration"],
    "technologies_used": ["PowerShell", "Exchange Online"]}))]
struct SessionBody {
    /// Whom the work is done for; the project's client unless given.
    #[o2o(repeat)]
    #[into(~.cross())]
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

/// A session as lists show it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(SessionRow)]
pub(crate) struct SessionRowView {
    #[o2o(repeat)]
    #[from(~.cross())]
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

/// A session with everything that is known of it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(SessionDetail)]
struct SessionView {
    #[serde(flatten)]
    #[from(SessionRow::new(&@.session, @.client_name, @.project_name).into())]
    row: SessionRowView,
    #[from(@.session.machine_id.cross())]
    machine_id: Option<Uuid>,
    machine_hostname: Option<String>,
    #[from(@.session.start_time.cross())]
    start_time: Option<Instant>,
    #[from(@.session.end_time.cross())]
    end_time: Option<Instant>,
    #[child(session)]
    technician: Option<String>,
    #[child(session)]
    notes: Option<String>,
    /// In the order of their names.
    tags: Vec<String>,
    #[child(session)]
    technologies_used: Vec<String>,
    /// The oldest first.
    #[from(each(~))]
    work_items: Vec<SessionWorkItemView>,
    /// How many commands were run in it.
    commands: i64,
    /// The time entered for it, by day.
    #[from(each(~))]
    billable_time: Vec<SessionTimeView>,
}

/// A work item as its session shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(SessionWorkItem)]
struct SessionWorkItemView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    category: ItemCategoryWord,
    title: String,
    status: ItemStatusWord,
}

/// Which sessions to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(SessionFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SessionQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    project_id: Option<Uuid>,
    machine_id: Option<Uuid>,
    /// Substring of the technician, whatever the case.
    technician: Option<String>,
    /// The first day to list.
    date_from: Option<Day>,
    /// The last day to list.
    date_to: Option<Day>,
    is_billable: Option<bool>,
    status: Option<StatusWord>,
    /// The name of a tag, whatever the case.
    tag: Option<String>,
    /// One of the technologies used, whatever the case.
    technology: Option<String>,
    /// Substring of title, summary or notes, whatever the case.
    q: Option<String>,
}

/// List sessions
#[utoipa::path(params(SessionQuery, Paging<SessionSort>), responses((status = 200, body = Listed<SessionRowView>)), security(("bearer" = ["msp:read"])))]
#[get("/sessions")]
async fn list(caller: Caller<Read>, query: ListQuery<SessionQuery, SessionFilter, SessionSort>) -> Answer {
    let page = caller.services().sessions.list(caller.actor(), &query.0).await?;
    caller.page::<SessionRowView, _, _>(page, &query.0.page)
}

/// Enter a session
#[utoipa::path(request_body = SessionBody, responses((status = 201, body = SessionView)), security(("bearer" = ["msp:write"])))]
#[post("/sessions")]
async fn create(caller: Caller<Write>, body: Body<SessionBody, SessionFields>) -> Answer {
    caller.create::<SessionView, _>(|| caller.services().sessions.create(caller.actor(), body.0.clone())).await
}

/// Read a session
#[utoipa::path(responses((status = 200, body = SessionView)), security(("bearer" = ["msp:read"])))]
#[get("/sessions/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Session>) -> Answer {
    caller.one::<SessionView, _>(caller.services().sessions.get(caller.actor(), id.0).await?)
}

/// Change a session
#[utoipa::path(request_body = SessionBody, responses((status = 200, body = SessionView)), security(("bearer" = ["msp:write"])))]
#[route("/sessions/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Session>, body: Body<SessionBody, SessionFields>) -> Answer {
    caller.change::<SessionView, _>(|| caller.services().sessions.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a session that has no work items
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/sessions/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Session>) -> Answer {
    caller.act(|| caller.services().sessions.delete(caller.actor(), &at.0)).await
}
