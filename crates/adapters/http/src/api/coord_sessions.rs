//! Presence of agents' sessions over HTTP.

use actix_web::{delete, get, http::StatusCode, put, route};
use claudetools_coord::{Presence, PresenceFields, PresenceFilter, PresenceSort, PresenceState, SignOfLife};
use claudetools_kernel::{Error, Timestamp};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    extract::{Body, CoordCaller, InPath, ListQuery, Read, SessionName, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, Reply},
    wire::{BlankLine, CoordKey, Cross, Instant, Nullable, SessionText, Switch, Word},
};

type StateWord = Word<PresenceState>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_sessions).service(heartbeat).service(announce).service(end);
}

/// What a session says about itself.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(PresenceFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"machine": "TECH-LAPTOP-07", "host": "tech-laptop-07.lan", "agent": "coder", "project_key": "clients/acme",
    "task": "move the zone", "pid": 4711}))]
struct PresenceBody {
    #[o2o(repeat)]
    #[into(~.cross())]
    machine: Nullable<BlankLine>,
    host: Nullable<BlankLine>,
    agent: Nullable<BlankLine>,
    project_key: Nullable<CoordKey>,
    task: Nullable<BlankLine>,
    pid: Nullable<crate::wire::ProcessId>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PresenceView {
    #[schema(example = "laptop-7f3a")]
    session_id: String,
    machine: Option<String>,
    host: Option<String>,
    agent: Option<String>,
    project_key: Option<String>,
    task: Option<String>,
    pid: Option<i64>,
    /// `stale` after a quarter of an hour without a sign of life.
    state: StateWord,
    started_at: Instant,
    last_seen_at: Instant,
    ended_at: Option<Instant>,
    /// How many locks the call renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    renewed_locks: Option<usize>,
    /// The database's time, by which all of this is judged.
    server_now: Instant,
}

impl From<(Presence, Timestamp)> for PresenceView {
    fn from((row, now): (Presence, Timestamp)) -> Self {
        Self {
            state: row.state_at(now).cross(),
            session_id: row.session_id,
            machine: row.machine,
            host: row.host,
            agent: row.agent,
            project_key: row.project_key,
            task: row.task,
            pid: row.pid,
            started_at: row.started_at.cross(),
            last_seen_at: row.last_seen_at.cross(),
            ended_at: row.ended_at.cross(),
            renewed_locks: None,
            server_now: now.cross(),
        }
    }
}

/// Which sessions to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(PresenceFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PresenceQuery {
    /// Those that give signs of life; with `false` the others. No value means true.
    #[o2o(repeat)]
    #[into(~.cross())]
    #[param(inline)]
    active: Option<Switch>,
    project_key: Option<String>,
}

/// List sessions
#[utoipa::path(params(PresenceQuery, Paging<PresenceSort>), responses((status = 200, body = Listed<PresenceView>)), security(("bearer" = ["msp:read"])))]
#[get("/coord/sessions")]
async fn list_sessions(
    caller: CoordCaller<Read>,
    query: ListQuery<PresenceQuery, PresenceFilter, PresenceSort>,
) -> Answer {
    let (page, now) = caller.services().presence.list(caller.party(), &query.0).await?;
    caller.page::<PresenceView, _, _>(page.map(|row| (row, now)), &query.0.page)
}

/// Announce a session
///
/// 201 for one that was not there, or had ended. What was said before and is not said now stays.
#[utoipa::path(
    params(("session_id" = inline(SessionText), Path, description = "1 to 128 visible characters.", example = "laptop-7f3a")),
    request_body = PresenceBody, responses((status = 201, body = PresenceView), (status = 200, body = PresenceView)),
    security(("bearer" = ["msp:write"]))
)]
#[route("/coord/sessions/{session_id}", method = "PUT", method = "PATCH")]
async fn announce(
    caller: CoordCaller<Write>,
    session: InPath<SessionName>,
    body: Body<PresenceBody, PresenceFields>,
) -> Answer {
    let presence = &caller.services().presence;
    caller.write(|| presence.announce(caller.party(), &session.0.0, body.0.clone()), render).await
}

/// Give a sign of life
///
/// Renews all locks of the session that are held, each by its own time, and never one that has expired.
#[utoipa::path(
    params(("session_id" = inline(SessionText), Path, description = "1 to 128 visible characters.", example = "laptop-7f3a")),
    responses((status = 200, body = PresenceView)), security(("bearer" = ["msp:write"]))
)]
#[put("/coord/sessions/{session_id}/heartbeat")]
async fn heartbeat(caller: CoordCaller<Write>, session: InPath<SessionName>) -> Answer {
    let presence = &caller.services().presence;
    caller.write(|| presence.heartbeat(caller.party(), &session.0.0), render).await
}

fn render(sign: &SignOfLife) -> Result<Reply, Error> {
    let status = if sign.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let view = PresenceView {
        renewed_locks: Some(sign.renewed.len()),
        ..PresenceView::from((sign.presence.clone(), sign.now))
    };
    let mut reply = Reply::plain(status, &view)?;
    // A session's id is ASCII without blanks; what else a URL cannot bear is escaped.
    let name: String = serde_urlencoded::to_string([("", sign.presence.session_id.as_str())]).unwrap_or_default();
    reply.0.location = sign.is_new.then(|| format!("/coord/sessions/{}", name.trim_start_matches('=')));
    Ok(reply)
}

/// End a session
///
/// Its locks are released.
#[utoipa::path(
    params(("session_id" = inline(SessionText), Path, description = "1 to 128 visible characters.", example = "laptop-7f3a")),
    responses((status = 204)), security(("bearer" = ["msp:write"]))
)]
#[delete("/coord/sessions/{session_id}")]
async fn end(caller: CoordCaller<Write>, session: InPath<SessionName>) -> Answer {
    caller.act(|| caller.services().presence.end(caller.party(), &session.0.0)).await
}
