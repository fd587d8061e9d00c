//! Agents and their runs over HTTP.

use actix_web::{get, http::StatusCode, post, route};
use claudetools_identity::{
    AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, AgentStart, AgentType, FinishRun, StartRun, StartedRun,
};
use claudetools_kernel::Error;
use o2o::o2o;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    error::{ApiError, Problem},
    extract::{At, Body, Caller, FromPath, InPath, ListQuery, PathId, Query, Read},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, Reply, resource},
    wire::{Cross, Field, Instant, Nullable, ScopeWord, SecretText, TtlSeconds, Word},
};

type StatusWord = Word<AgentRunStatus>;

/// Words that no agent type can be, because the paths mean something else.
const RESERVED: [&str; 2] = ["heartbeat", "stream"];

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(start).service(list).service(get).service(finish);
}

/// The `{agent_type}` of the path. What it must be like is the domain's business; a reserved word is another path.
struct PathType(String);

impl FromPath for PathType {
    const NAME: &'static str = "agent_type";

    fn from_path(word: &str) -> Result<Self, ApiError> {
        if !RESERVED.contains(&word) {
            return Ok(Self(word.to_owned()));
        }
        Err(ApiError(Problem::new("NOT_FOUND", format!("nothing is at this path: {word} is no type of agent"))))
    }
}

/// An agent to start.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(StartRun)]
#[serde(default, deny_unknown_fields)]
struct AgentBody {
    /// The session to work for.
    #[o2o(repeat)]
    #[into(~.cross())]
    #[schema(required, value_type = Uuid)]
    session_id: Field<Uuid>,
    /// At most the caller's own, never `msp:admin`; `msp:read` alone unless given.
    #[schema(value_type = Vec<ScopeWord>, min_items = 1)]
    scopes: Field<Vec<ScopeWord>>,
    /// What the agent is given: any JSON, at most 64 KiB.
    #[schema(value_type = Value, example = json!({"since": "2026-01-01"}))]
    input: Nullable<Value>,
    /// How long the token lives; an hour unless given.
    ttl_seconds: Field<TtlSeconds>,
    /// Whether an earlier result will not do.
    #[schema(value_type = bool, example = false)]
    #[into(~.cross() == Some(true))]
    fresh: Field<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StartQuery {
    /// The same as in the body; either is enough.
    fresh: Option<bool>,
}

/// How a run ended.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(FinishRun)]
#[serde(default, deny_unknown_fields)]
struct RunEnd {
    /// `completed` or `failed`.
    #[schema(required, value_type = String, example = "completed", pattern = "^(completed|failed)$")]
    #[o2o(repeat)]
    #[into(~.cross())]
    status: Field<StatusWord>,
    /// What the agent found: any JSON, at most 512 KiB.
    #[schema(value_type = Value, example = json!({"open_tasks": 3}))]
    result: Nullable<Value>,
}

/// A run that was started, with its token.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(StartedRun)]
struct StartedView {
    #[o2o(repeat)]
    #[child(run)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "context_recovery")]
    agent_type: String,
    /// The agent's own, for `Authorization: Bearer …`; shown this once.
    #[schema(value_type = String, example = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]
    #[o2o(skip_repeat)]
    #[from(~.cross())]
    access_token: SecretText,
    #[schema(example = "bearer")]
    #[from({"bearer"})]
    token_type: &'static str,
    /// Seconds.
    #[schema(example = 600)]
    #[o2o(skip_repeat)]
    expires_in: i64,
    scopes: Vec<ScopeWord>,
    parent_session: Uuid,
}

/// A run of an agent.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(AgentRun| vars(duration_ms: {@.duration_ms()}))]
struct AgentRunRow {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "context_recovery")]
    agent_type: String,
    /// The session that it works for.
    parent_session: Uuid,
    /// That session's client.
    client_id: Option<Uuid>,
    scopes: Vec<ScopeWord>,
    status: StatusWord,
    started_at: Instant,
    finished_at: Option<Instant>,
    /// Null while it runs.
    #[schema(example = 1500)]
    #[from({duration_ms})]
    duration_ms: Option<i64>,
    /// How many requests it has made; about a second behind.
    #[schema(example = 12)]
    request_count: i64,
    /// The person on whose behalf it works.
    #[schema(example = "jo@example.com")]
    started_by: String,
    /// The id of its access token.
    #[from(token_id, ~.cross())]
    jti: String,
    /// When that token ends.
    expires_at: Instant,
}

/// A run with what it was given and what it found.
#[derive(Debug, Serialize, ToSchema)]
struct AgentRunView {
    #[serde(flatten)]
    run: AgentRunRow,
    #[schema(example = json!({"since": "2026-01-01"}))]
    input: Value,
    #[schema(example = json!({"open_tasks": 3}))]
    result: Value,
}

impl AgentRunView {
    fn of(run: AgentRun) -> Result<Self, Error> {
        Ok(Self { input: json(run.input.as_deref())?, result: json(run.result.as_deref())?, run: run.into() })
    }
}

/// An earlier run that answers the same question.
#[derive(Debug, Serialize, ToSchema)]
struct CachedRunView {
    #[serde(flatten)]
    run: AgentRunView,
    #[schema(example = true)]
    cached: bool,
}

/// Stored JSON, `null` for none.
fn json(stored: Option<&str>) -> Result<Value, Error> {
    stored
        .map_or(Ok(Value::Null), serde_json::from_str)
        .map_err(|error| Error::Internal(format!("JSON of an agent run: {error}")))
}

/// A type of agent in a query, in the spelling of paths or of bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TypeWord(AgentType);

impl<'de> Deserialize<'de> for TypeWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let kind = AgentType::from_stored(&word.replace('-', "_")).map(Self);
        kind.ok_or_else(|| de::Error::custom("must be a type of agent such as context_recovery"))
    }
}

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(AgentRunFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AgentRunQuery {
    /// The session that they work for.
    #[o2o(repeat)]
    #[into(~.cross())]
    session_id: Option<Uuid>,
    #[param(
        value_type = Option<String>,
        example = "context_recovery",
        max_length = 64,
        pattern = "^(?!(heartbeat|stream)$)[a-z][a-z0-9]*([-_][a-z0-9]+)*$"
    )]
    #[into(~.map(|word| word.0))]
    agent_type: Option<TypeWord>,
    status: Option<StatusWord>,
}

/// Start an agent for a session
///
/// It gets a token of its own, which names the run and the session. The same type with the same input for the same client within
/// ten minutes of a completed run is answered 200 with that run, and no token is issued, unless `fresh` is set.
#[utoipa::path(
    params(
        ("agent_type" = String, Path, description = "Lower case with `-`.", example = "context-recovery", max_length = 64,
         pattern = "^(?!(heartbeat|stream)$)[a-z][a-z0-9]*(-[a-z0-9]+)*$"),
        StartQuery
    ),
    request_body = AgentBody,
    responses(
        (status = 201, description = "It may begin.", body = StartedView),
        (status = 200, description = "An earlier run has the answer.", body = CachedRunView)
    ),
    security(("bearer" = ["msp:read"]))
)]
#[post("/agents/{agent_type}")]
async fn start(
    caller: Caller<Read>,
    agent_type: InPath<PathType>,
    query: Query<StartQuery>,
    body: Body<AgentBody, StartRun>,
) -> Answer {
    let agent_runs = &caller.services().agent_runs;
    let request = StartRun { fresh: body.0.fresh || query.0.fresh == Some(true), ..body.0 };
    caller.write_secret(|| agent_runs.start(caller.actor(), &agent_type.0.0, request.clone()), start_reply).await
}

fn start_reply(outcome: &AgentStart) -> Result<Reply, Error> {
    match outcome {
        AgentStart::Started(started) => {
            let mut reply = Reply::plain(StatusCode::CREATED, &StartedView::from((**started).clone()))?;
            reply.0.location = Some(format!("/agent-runs/{}", started.run.id));
            Ok(reply)
        }
        AgentStart::Cached(run) => {
            Reply::plain(StatusCode::OK, &CachedRunView { run: AgentRunView::of((**run).clone())?, cached: true })
        }
    }
}

/// List runs of agents
///
/// Without input and result; these stand in the single run.
#[utoipa::path(params(AgentRunQuery, Paging<AgentRunSort>), responses((status = 200, body = Listed<AgentRunRow>)), security(("bearer" = ["msp:read"])))]
#[get("/agent-runs")]
async fn list(caller: Caller<Read>, query: ListQuery<AgentRunQuery, AgentRunFilter, AgentRunSort>) -> Answer {
    let page = caller.services().agent_runs.list(caller.actor(), &query.0).await?;
    caller.page::<AgentRunRow, _, _>(page, &query.0.page)
}

/// Read a run of an agent
#[utoipa::path(responses((status = 200, body = AgentRunView)), security(("bearer" = ["msp:read"])))]
#[get("/agent-runs/{id}")]
async fn get(caller: Caller<Read>, id: PathId<AgentRun>) -> Answer {
    let run = caller.services().agent_runs.get(caller.actor(), id.0).await?;
    resource(caller.headers(), run.revision, &AgentRunView::of(run)?)
}

/// Tell how a run ended
///
/// Once: by the agent itself, or by anyone with `msp:write`. A run that has ended stays as it is (409).
#[utoipa::path(request_body = RunEnd, responses((status = 200, body = AgentRunView)), security(("bearer" = ["msp:read"])))]
#[route("/agent-runs/{id}", method = "PUT", method = "PATCH")]
async fn finish(caller: Caller<Read>, at: At<AgentRun>, body: Body<RunEnd, FinishRun>) -> Answer {
    let agent_runs = &caller.services().agent_runs;
    let use_case = || agent_runs.finish(caller.actor(), &at.0, body.0.clone());
    caller.write(use_case, |run| Reply::ok(run.revision, &AgentRunView::of(run.clone())?)).await
}

#[cfg(test)]
mod tests {
    use actix_web::{FromRequest, dev::Payload, test::TestRequest};

    use super::*;

    async fn path_type(word: &'static str) -> Result<String, u16> {
        let request = TestRequest::default().param("agent_type", word).to_http_request();
        let read = InPath::<PathType>::from_request(&request, &mut Payload::None).await;
        read.map(|kind| kind.0.0).map_err(|error| error.0.status().as_u16())
    }

    #[actix_web::test]
    async fn reserved_words_are_other_paths() {
        assert_eq!(path_type("context-recovery").await, Ok("context-recovery".to_owned()));
        for word in RESERVED {
            assert_eq!(path_type(word).await, Err(404), "{word}");
        }
    }

    #[test]
    fn runs_are_found_by_either_spelling_of_the_type() {
        let parse = |word: &str| serde_urlencoded::from_str::<AgentRunQuery>(&format!("agent_type={word}"));
        let kind = parse("context-recovery").unwrap().agent_type.unwrap();
        assert_eq!(parse("context_recovery").unwrap().agent_type, Some(kind));
        for bad in ["Context", "a--b", "stream", ""] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn absent_json_is_null() {
        assert_eq!(json(None).unwrap(), Value::Null);
        assert_eq!(json(Some("[1]")).unwrap(), serde_json::json!([1]));
        assert!(matches!(json(Some("{")), Err(Error::Internal(_))));
    }
}
