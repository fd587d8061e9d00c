//! Components of projects, and the projects of coordination, over HTTP.

use actix_web::{get, route};
use claudetools_coord::{
    Component, ComponentFields, ComponentKey, ComponentState, CoordProject, CoordProjectFields, HistoryEntry,
    HistorySort, Reported,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, Body, ComponentPath, CoordCaller, ListQuery, Named, ProjectKey, ProjectPath, Read, Write},
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{BlankLine, Block, Cross, Field, Instant, Lines, LockToken, Nullable, Word},
};

type StateWord = Word<ComponentState>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(component_history)
        .service(get_component)
        .service(report_component)
        .service(get_project)
        .service(pin_project);
}

/// A report on a component. Of what it leaves out, version and notes stay as they are.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(ComponentFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"state": "deployed", "version": "2.4.1", "notes": "behind the new proxy", "updated_by": "laptop-7f3a"}))]
struct ComponentReport {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    state: Field<StateWord>,
    version: Nullable<BlankLine>,
    notes: Nullable<Block>,
    /// Who reports; nobody unless given.
    updated_by: Nullable<BlankLine>,
    /// When it was so; now unless given. What is older than the state that is known goes into the history alone.
    observed_at: Nullable<Instant>,
    /// The token of the lock under which it is written: 409 with `details.max_token` when a higher one was seen.
    lock_token: Nullable<LockToken>,
    /// The version that the component must have now, else 412.
    if_version: Nullable<BlankLine>,
}

/// A component as it stands.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Component)]
pub(super) struct ComponentView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[child(key)]
    #[schema(example = "clients/acme")]
    project_key: String,
    #[child(key)]
    #[schema(example = "dns")]
    component: String,
    #[child(report)]
    state: StateWord,
    #[child(report)]
    version: Option<String>,
    #[child(report)]
    notes: Option<String>,
    #[child(report)]
    updated_by: Option<String>,
    /// When it was so.
    #[child(report)]
    observed_at: Instant,
    created_at: Instant,
    /// When that was entered.
    updated_at: Instant,
}

/// A component after a report.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Reported)]
struct ReportedView {
    #[serde(flatten)]
    #[from(~.into())]
    component: ComponentView,
    /// Whether something newer was known already, so that the report changed nothing.
    #[from(@.entry.late)]
    late: bool,
}

/// What was said of a component.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(HistoryEntry)]
struct HistoryView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[child(report)]
    state: StateWord,
    #[child(report)]
    version: Option<String>,
    #[child(report)]
    notes: Option<String>,
    #[child(report)]
    updated_by: Option<String>,
    /// When it was so.
    #[child(report)]
    observed_at: Instant,
    /// When it was entered.
    recorded_at: Instant,
    /// Whether something newer was known already, so that it changed nothing.
    late: bool,
}

/// Which entries to list: all.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {}

impl From<HistoryQuery> for () {
    fn from(_: HistoryQuery) -> Self {}
}

/// What a project is called and may have.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(CoordProjectFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"name": "Acme Dental", "allowed_components": ["dns", "mail"], "allowed_states": ["deploying", "deployed", "degraded"]}))]
struct CoordProjectBody {
    #[o2o(repeat)]
    #[into(~.cross())]
    name: Nullable<BlankLine>,
    /// Others are 422 from then on; null admits any.
    allowed_components: Nullable<Lines>,
    /// Others are 422 from then on; null admits any.
    allowed_states: Nullable<Vec<StateWord>>,
}

/// A project of coordination.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(CoordProject)]
struct CoordProjectView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "clients/acme")]
    project_key: String,
    name: Option<String>,
    /// Null when any are admitted.
    allowed_components: Option<Vec<String>>,
    /// Null when any are admitted.
    allowed_states: Option<Vec<StateWord>>,
    created_at: Instant,
    updated_at: Instant,
}

/// Report on a component
///
/// The component, and its project, spring into being with the first report.
#[utoipa::path(params(ComponentPath), request_body = ComponentReport, responses((status = 200, body = ReportedView)), security(("bearer" = ["msp:write"])))]
#[route("/coord/components/{project_key:[^/]+(?:/[^/]+)?}/{component}", method = "PUT", method = "PATCH")]
async fn report_component(
    caller: CoordCaller<Write>,
    at: Named<ComponentPath, ComponentKey>,
    body: Body<ComponentReport, ComponentFields>,
) -> Answer {
    let services = caller.services();
    caller.change::<ReportedView, _>(|| services.components.report(caller.party(), &at.0, &at.1, body.0.clone())).await
}

/// Read a component
#[utoipa::path(params(ComponentPath), responses((status = 200, body = ComponentView)), security(("bearer" = ["msp:read"])))]
#[get("/coord/components/{project_key:[^/]+(?:/[^/]+)?}/{component}")]
async fn get_component(caller: CoordCaller<Read>, at: Named<ComponentPath, ComponentKey>) -> Answer {
    caller.one::<ComponentView, _>(caller.services().components.get(caller.party(), &at.0).await?)
}

/// List what was said of a component
///
/// The latest entry first, late ones among them.
#[utoipa::path(params(ComponentPath, HistoryQuery, Paging<HistorySort>), responses((status = 200, body = Listed<HistoryView>)), security(("bearer" = ["msp:read"])))]
#[get("/coord/components/{project_key:[^/]+(?:/[^/]+)?}/{component}/history")]
async fn component_history(
    caller: CoordCaller<Read>,
    at: Named<ComponentPath, ComponentKey>,
    query: ListQuery<HistoryQuery, (), HistorySort>,
) -> Answer {
    let page = caller.services().components.history(caller.party(), &at.0, &query.0.page).await?;
    caller.page::<HistoryView, _, _>(page, &query.0.page)
}

/// Read a project of coordination
#[utoipa::path(params(ProjectPath), responses((status = 200, body = CoordProjectView)), security(("bearer" = ["msp:read"])))]
#[get("/coord/projects/{project_key:[^/]+(?:/[^/]+)?}")]
async fn get_project(caller: CoordCaller<Read>, at: Named<ProjectPath, ProjectKey>) -> Answer {
    caller.one::<CoordProjectView, _>(caller.services().components.get_project(caller.party(), &at.0.0).await?)
}

/// Name a project, or pin what it may have
///
/// It need not have been heard of before. Components that it has already stay as they are until somebody reports on them.
#[utoipa::path(params(ProjectPath), request_body = CoordProjectBody, responses((status = 200, body = CoordProjectView)), security(("bearer" = ["msp:admin"])))]
#[route("/coord/projects/{project_key:[^/]+(?:/[^/]+)?}", method = "PUT", method = "PATCH")]
async fn pin_project(
    caller: CoordCaller<Admin>,
    at: Named<ProjectPath, ProjectKey>,
    body: Body<CoordProjectBody, CoordProjectFields>,
) -> Answer {
    let (components, fields) = (&caller.services().components, || body.0.clone());
    caller.change::<CoordProjectView, _>(|| components.change_project(caller.party(), &at.0.0, &at.1, fields())).await
}
