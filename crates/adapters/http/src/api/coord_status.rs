//! What goes on in coordination, and how long what has ended is kept, over HTTP.

use actix_web::{get, http::StatusCode, post, route};
use claudetools_coord::{ProjectStatus, PruneBounds, Pruned, Retention, RetentionFields, Status};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{coord_components::ComponentView, coord_locks::LockView, coord_sessions::PresenceView};
use crate::{
    extract::{Admin, Body, CoordCaller, OptionalBody, Query, Read},
    mounting::ServiceConfig,
    reply::{Answer, Reply, value},
    wire::{Cross, Field, Instant, KeptDays, Nullable, each},
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(status).service(retention).service(change_retention).service(prune);
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatusQuery {
    /// This project alone.
    project_key: Option<String>,
}

/// What goes on in a project.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectStatusView {
    #[schema(example = "clients/acme")]
    project_key: String,
    /// By name.
    components: Vec<ComponentView>,
    /// Those held on the project and below it, by resource.
    active_locks: Vec<LockView>,
    /// Those active on the project.
    sessions: Vec<PresenceView>,
}

/// What goes on.
#[derive(Debug, Serialize, ToSchema)]
struct StatusView {
    /// By key.
    projects: Vec<ProjectStatusView>,
    /// When, by the database's clock.
    generated_at: Instant,
}

impl From<Status> for StatusView {
    fn from(Status { projects, generated_at: now }: Status) -> Self {
        let project = |project: ProjectStatus| ProjectStatusView {
            project_key: project.project_key,
            components: each(project.components),
            active_locks: project.active_locks.into_iter().map(|lock| (lock, now).into()).collect(),
            sessions: project.sessions.into_iter().map(|session| (session, now).into()).collect(),
        };
        Self { projects: projects.into_iter().map(project).collect(), generated_at: now.cross() }
    }
}

/// How long what is kept, in days.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Retention)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name that callers see")]
struct RetentionView {
    /// Events: how far back the feed can be replayed.
    #[schema(example = 7)]
    events_days: i32,
    /// Messages, from their sending.
    #[schema(example = 30)]
    messages_days: i32,
    /// The history of components.
    #[schema(example = 90)]
    history_days: i32,
    /// Sessions and locks, from their end; sessions that died without a word, from their last sign of life.
    #[schema(example = 30)]
    ended_days: i32,
}

/// How long what is to be kept, in days.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(RetentionFields)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name that callers see")]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"events_days": 14}))]
struct RetentionBody {
    #[o2o(repeat)]
    #[into(~.cross())]
    events_days: Field<KeptDays>,
    messages_days: Field<KeptDays>,
    history_days: Field<KeptDays>,
    ended_days: Field<KeptDays>,
}

/// Before which instants what has ended goes; where none is given, the retention decides.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(PruneBounds)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"events": "2026-01-01T00:00:00Z"}))]
struct PruneBody {
    #[o2o(repeat)]
    #[into(~.cross())]
    events: Nullable<Instant>,
    messages: Nullable<Instant>,
    history: Nullable<Instant>,
    /// Sessions and locks.
    ended: Nullable<Instant>,
}

/// How many rows went.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Pruned)]
struct PrunedView {
    events: u64,
    messages: u64,
    history: u64,
    locks: u64,
    sessions: u64,
}

/// See what goes on
///
/// Per project its components, the locks held, the sessions active. A lock belongs to the project nearest above its resource; where
/// none is known, to one called like the first segment.
#[utoipa::path(params(StatusQuery), responses((status = 200, body = StatusView)), security(("bearer" = ["msp:read"])))]
#[get("/coord/status")]
async fn status(caller: CoordCaller<Read>, query: Query<StatusQuery>) -> Answer {
    let status = caller.services().coord_status.get(caller.party(), query.0.project_key.as_deref()).await?;
    value(&StatusView::from(status))
}

/// Read how long what is kept
#[utoipa::path(responses((status = 200, body = RetentionView)), security(("bearer" = ["msp:read"])))]
#[get("/coord/retention")]
async fn retention(caller: CoordCaller<Read>) -> Answer {
    value(&RetentionView::from(caller.services().retention.get(caller.party()).await?))
}

/// Decide how long what is kept
#[utoipa::path(request_body = RetentionBody, responses((status = 200, body = RetentionView)), security(("bearer" = ["msp:admin"])))]
#[route("/coord/retention", method = "PUT", method = "PATCH")]
async fn change_retention(caller: CoordCaller<Admin>, body: Body<RetentionBody, RetentionFields>) -> Answer {
    let services = caller.services();
    let render = |kept: &Retention| Reply::plain(StatusCode::OK, &RetentionView::from(*kept));
    caller.write(|| services.retention.change(caller.party(), &body.0), render).await
}

/// Remove what has ended long ago
///
/// Every server does so by itself, every ten minutes, with what the retention does not keep.
#[utoipa::path(request_body = PruneBody, responses((status = 200, body = PrunedView)), security(("bearer" = ["msp:admin"])))]
#[post("/coord/prune")]
async fn prune(caller: CoordCaller<Admin>, body: OptionalBody<PruneBody, PruneBounds>) -> Answer {
    let services = caller.services();
    let render = |pruned: &Pruned| Reply::plain(StatusCode::OK, &PrunedView::from(*pruned));
    caller.write(|| services.retention.prune(caller.party(), body.0), render).await
}
