//! Locks over HTTP.

use std::time::Duration;

use actix_web::{delete, get, http::StatusCode, post, route};
use chrono::TimeDelta;
use claudetools_coord::{
    Broken, Call, Done, Event, EventKind, Grant, LONGEST_WAIT, Lock, LockDetail, LockFields, LockFilter, LockMode,
    LockSort, LockState, Want,
};
use claudetools_kernel::{Error, Faults, Timestamp};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Body, CoordCaller, Covered, ListQuery, PathId, Query, Read, Write},
    lock_refusal::refuse,
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, Reply, value},
    wire::{
        BlankLine, Cross, Field, Instant, JsonObject, LeaseSeconds, LockToken, Nullable, ResourceText, ResourceTexts,
        SessionText, Word, each,
    },
};

type ModeWord = Word<LockMode>;
type StateWord = Word<LockState>;
type KindWord = Word<EventKind>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_locks).service(acquire).service(lock_history).service(get_lock);
    config.service(renew).service(release).service(check_fence);
}

/// The locks to take.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(LockFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"resource": "clients/acme/dns", "mode": "exclusive", "ttl_seconds": 1800, "session_id": "laptop-7f3a",
    "task": "move the zone", "reason": "ticket 4711", "meta": {"branch": "dns-move"}}))]
struct LockBody {
    /// What to lock, with all that lies below it; or `resources`.
    #[o2o(repeat)]
    #[into(~.cross())]
    resource: Field<ResourceText>,
    /// Several of them: all are locked, or none.
    resources: Field<ResourceTexts>,
    /// `exclusive` unless given.
    mode: Field<ModeWord>,
    /// 1800 unless given.
    ttl_seconds: Field<LeaseSeconds>,
    /// The session that will hold it. It need not have announced itself.
    #[schema(required)]
    session_id: Field<SessionText>,
    task: Nullable<BlankLine>,
    reason: Nullable<BlankLine>,
    /// Anything else, at most 8 KiB.
    meta: Nullable<JsonObject>,
}

/// More time for a lock.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"ttl_seconds": 1800}))]
struct RenewBody {
    /// From now on; the lock's own unless given.
    ttl_seconds: Field<LeaseSeconds>,
    /// The lock's token, to be sure that it is this one; 409 when it is another.
    token: Field<LockToken>,
}

/// A token to be checked.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"resource": "clients/acme/dns", "token": 1_768_557_600_000_i64}))]
struct FenceBody {
    #[schema(required)]
    resource: Field<ResourceText>,
    #[schema(required)]
    token: Field<LockToken>,
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WaitQuery {
    /// Seconds to stand in line for the locks.
    #[param(minimum = 0, maximum = 60)]
    wait: Option<i64>,
}

/// How to end a lock.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReleaseQuery {
    /// Takes it away from its session, which needs `msp:admin`.
    force: Option<bool>,
    /// Why it is taken away; with `force` only.
    #[param(max_length = 255)]
    reason: Option<String>,
}

/// Which locks to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(LockFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LockQuery {
    /// On the resource of this name or below it.
    #[o2o(repeat)]
    #[into(~.cross())]
    project_key: Option<String>,
    session_id: Option<String>,
    /// On exactly this resource.
    resource: Option<String>,
    /// On this resource or one above it: whatever would be in the way of a lock on it.
    #[param(inline, value_type = Option<ResourceText>)]
    #[into(~.map(|path| path.0))]
    covering: Option<Covered>,
    state: Option<StateWord>,
}

/// A lock.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LockView {
    id: Uuid,
    #[schema(example = "clients/acme/dns")]
    resource: String,
    mode: ModeWord,
    /// Rises over all locks. Whoever writes under the lock sends it along, and what is older than the newest is refused.
    #[schema(example = 1_768_557_600_000_i64)]
    token: i64,
    #[schema(example = "laptop-7f3a")]
    session_id: String,
    /// As the session announced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// As the session announced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    task: Option<String>,
    reason: Option<String>,
    #[schema(value_type = Option<Object>)]
    meta: Option<Value>,
    state: StateWord,
    ttl_seconds: i64,
    granted_at: Instant,
    expires_at: Instant,
    /// 0 once it is over.
    expires_in_ms: i64,
    ended_at: Option<Instant>,
    /// Why it was taken away.
    end_reason: Option<String>,
    /// The database's time, by which all of this is judged.
    server_now: Instant,
}

impl From<(LockDetail, Timestamp)> for LockView {
    fn from((LockDetail { lock, host, agent }, now): (LockDetail, Timestamp)) -> Self {
        let state = lock.state_at(now);
        let left = if state == LockState::Held { lock.expires_at.since(now) } else { TimeDelta::zero() };
        let ended_at = lock.ended_at.or_else(|| (state == LockState::Expired).then_some(lock.expires_at));
        Self {
            id: lock.id.cross(),
            resource: lock.resource.to_string(),
            mode: lock.mode.cross(),
            token: lock.token,
            session_id: lock.session_id,
            host,
            agent,
            task: lock.task,
            reason: lock.reason,
            meta: lock.meta.and_then(|meta| serde_json::from_str(&meta).ok()),
            state: state.cross(),
            ttl_seconds: lock.ttl_seconds,
            granted_at: lock.granted_at.cross(),
            expires_at: lock.expires_at.cross(),
            expires_in_ms: left.num_milliseconds(),
            ended_at: ended_at.cross(),
            end_reason: lock.end_reason,
            server_now: now.cross(),
        }
    }
}

impl From<(Lock, Timestamp)> for LockView {
    fn from((lock, now): (Lock, Timestamp)) -> Self {
        (LockDetail { lock, host: None, agent: None }, now).into()
    }
}

/// The lock, or all of them when `resources` were named.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the answer is one of the two; this describes it")]
enum TakenView {
    One(Box<LockView>),
    Several(LocksView),
}

/// Several locks that were taken together. With `resource` instead of `resources` the answer is the lock itself.
#[derive(Debug, Serialize, ToSchema)]
struct LocksView {
    locks: Vec<LockView>,
    server_now: Instant,
}

/// Whether the call ended the lock.
#[derive(Debug, Serialize, ToSchema)]
struct ReleasedView {
    released: bool,
    /// How it had ended before.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<StateWord>,
}

/// What happened to a lock.
#[derive(Debug, Serialize, ToSchema)]
struct LockHistoryView {
    history: Vec<LockEventView>,
}

/// An event of a lock.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Event)]
struct LockEventView {
    /// Its place among all events; 0 for one that the feed does not keep any more.
    #[o2o(repeat)]
    #[from(~.cross())]
    seq: i64,
    at: Instant,
    kind: KindWord,
    session_id: Option<String>,
    #[from(payload, serde_json::from_str(&~).unwrap_or_default())]
    #[schema(value_type = Object)]
    details: Value,
}

/// That a token is good.
#[derive(Debug, Serialize, ToSchema)]
struct FenceView {
    passed: bool,
}

fn render(done: &Done, now: Timestamp) -> Result<Reply, Error> {
    match done {
        Done::Granted(grant) => granted(grant, now),
        Done::Renewed(lock) => Reply::plain(StatusCode::OK, &LockView::from((lock.clone(), now))),
        Done::Released => Reply::plain(StatusCode::OK, &ReleasedView { released: true, state: None }),
        Done::HadEnded(state) => {
            Reply::plain(StatusCode::OK, &ReleasedView { released: false, state: Some(state.cross()) })
        }
        Done::Passed => Reply::plain(StatusCode::OK, &FenceView { passed: true }),
    }
}

fn granted(grant: &Grant, now: Timestamp) -> Result<Reply, Error> {
    let status = if grant.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut views = grant.locks.iter().map(|lock| LockView::from((lock.clone(), now)));
    match (grant.is_list, grant.locks.first()) {
        (false, Some(lock)) => {
            let mut reply = Reply::plain(status, &views.next())?;
            reply.0.location = grant.is_new.then(|| format!("/coord/locks/{}", lock.id));
            Ok(reply)
        }
        _ => Reply::plain(status, &LocksView { locks: views.collect(), server_now: now.cross() }),
    }
}

/// List locks
///
/// Held ones and those that were, judged by the database's clock.
#[utoipa::path(params(LockQuery, Paging<LockSort>), responses((status = 200, body = Listed<LockView>)), security(("bearer" = ["msp:read"])))]
#[get("/coord/locks")]
async fn list_locks(caller: CoordCaller<Read>, query: ListQuery<LockQuery, LockFilter, LockSort>) -> Answer {
    let (page, now) = caller.services().locks.list(caller.party(), &query.0).await?;
    caller.page::<LockView, _, _>(page.map(|lock| (lock, now)), &query.0.page)
}

/// Take locks
///
/// Two locks keep each other out when their sessions differ, one resource is the other or lies below it, and one of them is exclusive. 200
/// instead of 201 when the session holds them all already: their tokens stay, their time is extended. With `wait` the call stands in line, and
/// nobody passes it.
#[utoipa::path(params(WaitQuery), request_body = LockBody, responses((status = 201, body = TakenView), (status = 200, body = TakenView)), security(("bearer" = ["msp:write"])))]
#[post("/coord/locks")]
async fn acquire(caller: CoordCaller<Write>, query: Query<WaitQuery>, body: Body<LockBody, LockFields>) -> Answer {
    let wait = query.0.wait.unwrap_or_default();
    if !(0..=LONGEST_WAIT).contains(&wait) {
        return Err(Faults::one("wait", "range", "must be a whole number from 0 to 60").into());
    }
    let call = Call::Acquire { want: Want::new(body.0)?, wait: TimeDelta::seconds(wait) };
    caller.submit(call, Duration::from_secs(wait.unsigned_abs()), render, refuse).await
}

/// Read a lock
#[utoipa::path(responses((status = 200, body = LockView)), security(("bearer" = ["msp:read"])))]
#[get("/coord/locks/{id}")]
async fn get_lock(caller: CoordCaller<Read>, id: PathId<Lock>) -> Answer {
    value(&LockView::from(caller.services().locks.get(caller.party(), id.0).await?))
}

/// Read what happened to a lock
#[utoipa::path(responses((status = 200, body = LockHistoryView)), security(("bearer" = ["msp:read"])))]
#[get("/coord/locks/{id}/history")]
async fn lock_history(caller: CoordCaller<Read>, id: PathId<Lock>) -> Answer {
    value(&LockHistoryView { history: each(caller.services().locks.history(caller.party(), id.0).await?) })
}

/// Renew a lock
///
/// 410 once its time has run out, even if nobody took it: a token stands for one unbroken interval.
#[utoipa::path(request_body = RenewBody, responses((status = 200, body = LockView)), security(("bearer" = ["msp:write"])))]
#[route("/coord/locks/{id}", method = "PUT", method = "PATCH")]
async fn renew(caller: CoordCaller<Write>, id: PathId<Lock>, body: Body<RenewBody>) -> Answer {
    let RenewBody { ttl_seconds, token } = body.0;
    caller.submit(Call::renew(id.0, ttl_seconds.cross(), token.cross())?, Duration::ZERO, render, refuse).await
}

/// Release a lock, or take it away
///
/// A second release answers `released: false` and how the lock had ended. With `force` its session is told by a message.
#[utoipa::path(params(ReleaseQuery), responses((status = 200, body = ReleasedView)), security(("bearer" = ["msp:write"])))]
#[delete("/coord/locks/{id}")]
async fn release(caller: CoordCaller<Write>, id: PathId<Lock>, query: Query<ReleaseQuery>) -> Answer {
    let ReleaseQuery { force, reason } = query.0;
    if !force.unwrap_or_default() {
        if reason.is_some() {
            return Err(Faults::one_semantic("reason", "force", "is told when a lock is taken away with force").into());
        }
        return caller.submit(Call::Release { id: id.0 }, Duration::ZERO, render, refuse).await;
    }
    let take = || caller.services().locks.take_away(caller.party(), id.0, reason.clone());
    caller.write(take, |broken: &Broken| released(broken)).await
}

fn released(broken: &Broken) -> Result<Reply, Error> {
    let state = (!broken.was_held).then(|| broken.lock.state.cross());
    Reply::plain(StatusCode::OK, &ReleasedView { released: broken.was_held, state })
}

/// Check a token
///
/// Remembers the highest token of each path. 409 with `max_token` when a higher one was seen on the path, above or below it.
#[utoipa::path(request_body = FenceBody, responses((status = 200, body = FenceView)), security(("bearer" = ["msp:write"])))]
#[post("/coord/fence/check")]
async fn check_fence(caller: CoordCaller<Write>, body: Body<FenceBody>) -> Answer {
    let call = Call::fence(body.0.resource.cross(), body.0.token.cross())?;
    caller.submit(call, Duration::ZERO, render, refuse).await
}
