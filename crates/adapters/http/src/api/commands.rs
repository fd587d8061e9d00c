//! Commands over HTTP.

use actix_web::{get, post};
use claudetools_infra::failure::{
    Command, CommandFields, CommandFilter, CommandLogged, CommandSort, FailureCategory, ShellType,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, Reply},
    wire::{BlankLine, Block, Cross, Day, ExitCode, Field, FilledBlock, Instant, Milliseconds, Nullable, Uid, Word},
};

pub(super) type ShellWord = Word<ShellType>;
type CategoryWord = Word<FailureCategory>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get);
}

/// A command that was run. Passwords, tokens and keys in its texts are taken out before anything is stored.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(CommandFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"session_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "command_text": "Get-Content -Raw C:\\logs\\app.log", "host": "DC01",
    "shell_type": "powershell", "success": false, "exit_code": 1, "duration_ms": 210,
    "error_message": "Get-Content : A parameter cannot be found that matches parameter name 'Raw'."}))]
struct CommandBody {
    /// The session in which it was run.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    session_id: Field<Uid>,
    /// A work item of the session.
    work_item_id: Nullable<Uid>,
    /// Where it was run; found by `host` unless given.
    infrastructure_id: Nullable<Uid>,
    /// That of the infrastructure unless given.
    host: Nullable<BlankLine>,
    shell_type: Nullable<ShellWord>,
    #[schema(required)]
    command_text: Field<FilledBlock>,
    #[schema(required)]
    success: Field<bool>,
    exit_code: Nullable<ExitCode>,
    error_message: Nullable<Block>,
    output_excerpt: Nullable<Block>,
    /// Found by the analysis unless given; only of a command that failed.
    failure_category: Nullable<CategoryWord>,
    duration_ms: Nullable<Milliseconds>,
    /// Now unless given.
    executed_at: Nullable<Instant>,
}

/// A command that was entered.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_ref(CommandLogged)]
struct LoggedView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    created_at: Instant,
    /// Whether it failed, and will be analysed.
    failure_logged: bool,
}

/// A command.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Command)]
struct CommandView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    session_id: Uuid,
    work_item_id: Option<Uuid>,
    /// The session's.
    client_id: Option<Uuid>,
    infrastructure_id: Option<Uuid>,
    #[schema(example = "DC01")]
    host: Option<String>,
    shell_type: Option<ShellWord>,
    #[schema(example = "Get-Content -Raw C:\\logs\\app.log")]
    command_text: String,
    success: bool,
    #[schema(example = 1)]
    exit_code: Option<i32>,
    error_message: Option<String>,
    output_excerpt: Option<String>,
    failure_category: Option<CategoryWord>,
    /// The pattern of its failure, once the analysis has seen it; none where it could not be analysed.
    pattern_id: Option<Uuid>,
    #[schema(minimum = 0, example = 210)]
    duration_ms: Option<i64>,
    executed_at: Instant,
    created_at: Instant,
}

/// Which commands to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(CommandFilter)]
#[ghosts(client_id: {None})]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CommandQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    session_id: Option<Uuid>,
    work_item_id: Option<Uuid>,
    /// Substring of the host, whatever the case.
    host: Option<String>,
    success: Option<bool>,
    failure_category: Option<CategoryWord>,
    /// The first day (UTC) on which they were run.
    date_from: Option<Day>,
    /// The last day (UTC) on which they were run.
    date_to: Option<Day>,
    /// Substring of command or error, whatever the case.
    q: Option<String>,
}

/// List commands
#[utoipa::path(params(CommandQuery, Paging<CommandSort>), responses((status = 200, body = Listed<CommandView>)), security(("bearer" = ["msp:read"])))]
#[get("/commands")]
async fn list(caller: Caller<Read>, query: ListQuery<CommandQuery, CommandFilter, CommandSort>) -> Answer {
    let page = caller.services().commands.list(caller.actor(), &query.0).await?;
    caller.page::<CommandView, _, _>(page, &query.0.page)
}

/// Enter a command that was run
///
/// Why it failed, and what other failures it is one with, is found out in the background.
#[utoipa::path(request_body = CommandBody, responses((status = 201, body = LoggedView)), security(("bearer" = ["msp:write"])))]
#[post("/commands")]
async fn create(caller: Caller<Write>, body: Body<CommandBody, CommandFields>) -> Answer {
    let use_case = || caller.services().commands.create(caller.actor(), body.0.clone());
    caller.write(use_case, |new| Reply::created(format!("/commands/{}", new.id), 1, &LoggedView::from(new))).await
}

/// Read a command
#[utoipa::path(responses((status = 200, body = CommandView)), security(("bearer" = ["msp:read"])))]
#[get("/commands/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Command>) -> Answer {
    caller.one::<CommandView, _>(caller.services().commands.get(caller.actor(), id.0).await?)
}
