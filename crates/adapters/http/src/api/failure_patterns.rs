//! Failure patterns over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_infra::failure::{
    Checked, FailurePattern, PatternFields, PatternFilter, PatternSort, PatternType, Plan, Severity, Source, Suggestion,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{commands::ShellWord, environmental_insights::InsightView};
use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, value},
    wire::{BlankLine, Block, Cross, Field, FilledBlock, Instant, Line, Lines, Nullable, Uid, Uids, Word, each},
};

type TypeWord = Word<PatternType>;
type SeverityWord = Word<Severity>;
type SourceWord = Word<Source>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(check).service(list).service(create).service(get).service(update).service(remove);
}

/// A failure pattern to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(PatternFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"pattern_type": "command_compatibility", "pattern_signature": "Get-Content -Raw", "error_pattern": "parameter name '?Raw'?",
    "root_cause": "PowerShell 2.0 has no -Raw", "recommended_solution": "[IO.File]::ReadAllText($path)", "severity": "blocking"}))]
struct PatternBody {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    pattern_type: Field<TypeWord>,
    /// A command line or its beginning: commands that call the same and have the same words are held to fail.
    #[schema(required)]
    pattern_signature: Field<Line>,
    /// What the error looks like, a regular expression in linear-time syntax (without look-around and back-references).
    error_pattern: Nullable<Block>,
    root_cause: Nullable<Block>,
    recommended_solution: Nullable<Block>,
    /// Up to 100.
    alternative_approaches: Field<Lines>,
    /// `major` unless given.
    severity: Field<SeverityWord>,
    /// True unless given.
    is_active: Field<bool>,
    /// Where it fails; everywhere if none is named. Up to 100.
    affected_infrastructure: Field<Uids>,
}

/// What succeeded instead.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Suggestion)]
struct SuggestionView {
    #[schema(example = "type C:\\logs\\app.log")]
    command_text: String,
    /// How often it succeeded where another of the same intent had failed.
    #[schema(minimum = 1, example = 3)]
    support_count: i64,
}

/// A failure pattern.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(FailurePattern)]
struct PatternView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    pattern_type: TypeWord,
    #[schema(example = "Get-Content -Raw")]
    pattern_signature: String,
    error_pattern: Option<String>,
    root_cause: Option<String>,
    recommended_solution: Option<String>,
    alternative_approaches: Vec<String>,
    /// What succeeded instead, the best supported first.
    #[from(each(~))]
    suggestions: Vec<SuggestionView>,
    severity: SeverityWord,
    #[schema(minimum = 0, example = 5)]
    occurrence_count: i64,
    is_active: bool,
    source: SourceWord,
    affected_infrastructure: Vec<Uuid>,
    /// On which it was seen.
    hosts: Vec<String>,
    /// Errors as they were.
    examples: Vec<String>,
    first_seen_at: Option<Instant>,
    last_seen_at: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
}

/// Which patterns to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(PatternFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PatternQuery {
    /// The infrastructure on which they were seen.
    #[o2o(repeat)]
    #[into(~.cross())]
    infrastructure_id: Option<Uuid>,
    /// The client at which they were seen.
    client_id: Option<Uuid>,
    pattern_type: Option<TypeWord>,
    severity: Option<SeverityWord>,
    is_active: Option<bool>,
    /// Substring of signature, error, cause or solution, whatever the case.
    q: Option<String>,
}

/// A command that is to be run.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(Plan)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"command_text": "Get-Content -Raw C:\\logs\\app.log", "host": "DC01", "shell_type": "powershell"}))]
struct CheckBody {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    command_text: Field<FilledBlock>,
    infrastructure_id: Nullable<Uid>,
    /// Where the infrastructure is not known.
    host: Nullable<BlankLine>,
    shell_type: Nullable<ShellWord>,
}

/// What says that a command will fail.
#[derive(Debug, Serialize, ToSchema)]
struct CheckedView {
    /// Whether anything does.
    will_fail: bool,
    /// Those entered by hand first, then the most frequent; at most 200.
    patterns: Vec<PatternView>,
    /// The highest priority first; at most 200.
    insights: Vec<InsightView>,
}

impl From<Checked> for CheckedView {
    fn from(checked: Checked) -> Self {
        let will_fail = !checked.patterns.is_empty() || !checked.insights.is_empty();
        Self { will_fail, patterns: each(checked.patterns), insights: each(checked.insights) }
    }
}

/// Check a command before it is run
///
/// Names the patterns and insights which say that it will fail there. Changes nothing.
#[utoipa::path(request_body = CheckBody, responses((status = 200, body = CheckedView)), security(("bearer" = ["msp:read"])))]
#[post("/failure-patterns/check")]
async fn check(caller: Caller<Read>, body: Body<CheckBody, Plan>) -> Answer {
    caller.check_key()?;
    let checked = caller.services().failure_patterns.check(caller.actor(), body.0).await?;
    value(&CheckedView::from(checked))
}

/// List failure patterns
#[utoipa::path(params(PatternQuery, Paging<PatternSort>), responses((status = 200, body = Listed<PatternView>)), security(("bearer" = ["msp:read"])))]
#[get("/failure-patterns")]
async fn list(caller: Caller<Read>, query: ListQuery<PatternQuery, PatternFilter, PatternSort>) -> Answer {
    let page = caller.services().failure_patterns.list(caller.actor(), &query.0).await?;
    caller.page::<PatternView, _, _>(page, &query.0.page)
}

/// Enter a failure pattern
#[utoipa::path(request_body = PatternBody, responses((status = 201, body = PatternView)), security(("bearer" = ["msp:write"])))]
#[post("/failure-patterns")]
async fn create(caller: Caller<Write>, body: Body<PatternBody, PatternFields>) -> Answer {
    caller.create::<PatternView, _>(|| caller.services().failure_patterns.create(caller.actor(), body.0.clone())).await
}

/// Read a failure pattern
#[utoipa::path(responses((status = 200, body = PatternView)), security(("bearer" = ["msp:read"])))]
#[get("/failure-patterns/{id}")]
async fn get(caller: Caller<Read>, id: PathId<FailurePattern>) -> Answer {
    caller.one::<PatternView, _>(caller.services().failure_patterns.get(caller.actor(), id.0).await?)
}

/// Change a failure pattern
#[utoipa::path(request_body = PatternBody, responses((status = 200, body = PatternView)), security(("bearer" = ["msp:write"])))]
#[route("/failure-patterns/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<FailurePattern>, body: Body<PatternBody, PatternFields>) -> Answer {
    let use_case = || caller.services().failure_patterns.update(caller.actor(), &at.0, body.0.clone());
    caller.change::<PatternView, _>(use_case).await
}

/// Remove a failure pattern with the insight derived from it
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/failure-patterns/{id}")]
async fn remove(caller: Caller<Admin>, at: At<FailurePattern>) -> Answer {
    caller.act(|| caller.services().failure_patterns.delete(caller.actor(), &at.0)).await
}
