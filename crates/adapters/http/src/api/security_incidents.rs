//! Security incidents over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{
    IncidentMove, IncidentSeverity, IncidentStatus, IncidentType, Named, SecurityIncident, SecurityIncidentFields,
    SecurityIncidentFilter, SecurityIncidentSort, Shown,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{Block, Cross, Day, Field, Instant, Line, Lines, Nullable, Uid, Uids, Word, each},
};

type TypeWord = Word<IncidentType>;
type SeverityWord = Word<IncidentSeverity>;
type StatusWord = Word<IncidentStatus>;
type NamedSecurityIncident = Named<SecurityIncident>;
type ShownSecurityIncident = Shown<SecurityIncident>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A security incident to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(SecurityIncidentFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "title": "Mailbox of the bookkeeper taken over", "incident_type": "bec",
    "severity": "high", "status": "contained", "incident_date": "2026-01-16", "affected_users": ["pat@acme.example"]}))]
struct SecurityIncidentBody {
    /// Whom it befell.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    #[schema(required)]
    title: Field<Line>,
    incident_type: Nullable<TypeWord>,
    /// `medium` unless given.
    severity: Field<SeverityWord>,
    /// `investigating` unless given. Every move is kept.
    status: Field<StatusWord>,
    /// The day it happened.
    #[schema(required)]
    incident_date: Field<Day>,
    description: Nullable<Block>,
    findings: Nullable<Block>,
    remediation_steps: Nullable<Block>,
    affected_users: Field<Lines>,
    /// Infrastructure of the client; repeats count once.
    affected_infrastructure: Field<Uids>,
    /// Now when the incident is resolved, unless given; emptied when it is taken up again.
    resolved_at: Nullable<Instant>,
    notes: Nullable<Block>,
}

/// A security incident.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedSecurityIncident)]
pub(super) struct SecurityIncidentView {
    #[o2o(repeat)]
    #[child(item)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
    #[o2o(skip_repeat, from(@.names[0].clone()))]
    client_name: Option<String>,
    #[schema(example = "Mailbox of the bookkeeper taken over")]
    title: String,
    incident_type: Option<TypeWord>,
    severity: SeverityWord,
    status: StatusWord,
    incident_date: Day,
    description: Option<String>,
    findings: Option<String>,
    remediation_steps: Option<String>,
    affected_users: Vec<String>,
    affected_infrastructure: Vec<Uuid>,
    resolved_at: Option<Instant>,
    notes: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

/// An incident with its history.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ShownSecurityIncident)]
struct SecurityIncidentDetailView {
    #[serde(flatten)]
    #[from(@.row.into())]
    incident: SecurityIncidentView,
    /// Where it stood, the first move first.
    #[from(each(@.extra.history))]
    history: Vec<IncidentMoveView>,
}

/// A move of an incident from one status to another.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(IncidentMove)]
struct IncidentMoveView {
    /// Empty when the incident was entered.
    #[o2o(repeat)]
    #[from(~.cross())]
    from: Option<StatusWord>,
    to: StatusWord,
    at: Instant,
    /// Who moved it.
    #[schema(example = "jo@msp.example")]
    by: String,
}

/// Which security incidents to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(SecurityIncidentFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SecurityIncidentQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    severity: Option<SeverityWord>,
    status: Option<StatusWord>,
    /// Substring of title, description, findings, steps, users or notes, whatever the case.
    q: Option<String>,
}

/// List security incidents
#[utoipa::path(params(SecurityIncidentQuery, Paging<SecurityIncidentSort>), responses((status = 200, body = Listed<SecurityIncidentView>)), security(("bearer" = ["msp:read"])))]
#[get("/security-incidents")]
async fn list(
    caller: Caller<Read>,
    query: ListQuery<SecurityIncidentQuery, SecurityIncidentFilter, SecurityIncidentSort>,
) -> Answer {
    let page = caller.services().inventory.security_incidents.list(caller.actor(), &query.0).await?;
    caller.page::<SecurityIncidentView, _, _>(page, &query.0.page)
}

/// Enter a security incident
#[utoipa::path(request_body = SecurityIncidentBody, responses((status = 201, body = SecurityIncidentDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/security-incidents")]
async fn create(caller: Caller<Write>, body: Body<SecurityIncidentBody, SecurityIncidentFields>) -> Answer {
    let security_incidents = &caller.services().inventory.security_incidents;
    caller.create::<SecurityIncidentDetailView, _>(|| security_incidents.create(caller.actor(), body.0.clone())).await
}

/// Read a security incident
#[utoipa::path(responses((status = 200, body = SecurityIncidentDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/security-incidents/{id}")]
async fn get(caller: Caller<Read>, id: PathId<SecurityIncident>) -> Answer {
    caller.one::<SecurityIncidentDetailView, _>(
        caller.services().inventory.security_incidents.get(caller.actor(), id.0).await?,
    )
}

/// Change a security incident
#[utoipa::path(request_body = SecurityIncidentBody, responses((status = 200, body = SecurityIncidentDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/security-incidents/{id}", method = "PUT", method = "PATCH")]
async fn update(
    caller: Caller<Write>,
    at: At<SecurityIncident>,
    body: Body<SecurityIncidentBody, SecurityIncidentFields>,
) -> Answer {
    let security_incidents = &caller.services().inventory.security_incidents;
    caller
        .change::<SecurityIncidentDetailView, _>(|| security_incidents.update(caller.actor(), &at.0, body.0.clone()))
        .await
}

/// Remove a security incident
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/security-incidents/{id}")]
async fn remove(caller: Caller<Admin>, at: At<SecurityIncident>) -> Answer {
    caller.act(|| caller.services().inventory.security_incidents.delete(caller.actor(), &at.0)).await
}
