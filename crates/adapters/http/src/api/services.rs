//! Services over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{
    Named, Service, ServiceFields, ServiceFilter, ServiceSort, ServiceStatus, Transport,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{BlankLine, Block, Cross, Field, Instant, Line, Nullable, PortNumber, RowOf, Uid, Word},
};

type StatusWord = Word<ServiceStatus>;
type TransportWord = Word<Transport>;
type NamedService = Named<Service>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A service to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(ServiceFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"infrastructure_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "service_name": "Intranet", "service_type": "web", "port": 443, "protocol": "tcp",
    "external_url": "https://intranet.acme.example", "version": "nginx 1.28", "status": "running"}))]
struct ServiceBody {
    /// What it runs on.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    infrastructure_id: Field<Uid>,
    #[schema(required)]
    service_name: Field<Line>,
    /// Such as `web` or `database`.
    service_type: Nullable<BlankLine>,
    port: Nullable<PortNumber>,
    protocol: Nullable<TransportWord>,
    /// Where it is used from outside. A password inside is refused.
    external_url: Nullable<BlankLine>,
    /// The same from inside.
    internal_url: Nullable<BlankLine>,
    version: Nullable<BlankLine>,
    /// `running` unless given.
    status: Field<StatusWord>,
    notes: Nullable<Block>,
}

/// A service.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedService)]
pub(super) struct ServiceView {
    #[o2o(repeat)]
    #[child(item)]
    #[from(~.cross())]
    id: Uuid,
    infrastructure_id: Uuid,
    #[schema(example = "FS01")]
    #[o2o(skip_repeat, from(@.names[1].clone()))]
    hostname: Option<String>,
    /// The infrastructure's.
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
    #[o2o(skip_repeat, from(@.names[0].clone()))]
    client_name: Option<String>,
    #[schema(example = "Intranet")]
    service_name: String,
    service_type: Option<String>,
    port: Option<i32>,
    protocol: Option<TransportWord>,
    external_url: Option<String>,
    internal_url: Option<String>,
    version: Option<String>,
    status: StatusWord,
    notes: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

/// Which services to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(ServiceFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ServiceQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    infrastructure_id: Option<Uuid>,
    client_id: Option<Uuid>,
    /// Substring of the type, whatever the case.
    service_type: Option<String>,
    status: Option<StatusWord>,
    /// Substring of name, type, addresses, version or notes, whatever the case.
    q: Option<String>,
}

/// List services
#[utoipa::path(params(ServiceQuery, Paging<ServiceSort>), responses((status = 200, body = Listed<ServiceView>)), security(("bearer" = ["msp:read"])))]
#[get("/services")]
async fn list(caller: Caller<Read>, query: ListQuery<ServiceQuery, ServiceFilter, ServiceSort>) -> Answer {
    let page = caller.services().inventory.services.list(caller.actor(), &query.0).await?;
    caller.page::<ServiceView, _, _>(page, &query.0.page)
}

/// Enter a service
#[utoipa::path(request_body = ServiceBody, responses((status = 201, body = ServiceView)), security(("bearer" = ["msp:write"])))]
#[post("/services")]
async fn create(caller: Caller<Write>, body: Body<ServiceBody, ServiceFields>) -> Answer {
    let services = &caller.services().inventory.services;
    caller.create::<RowOf<ServiceView>, _>(|| services.create(caller.actor(), body.0.clone())).await
}

/// Read a service
#[utoipa::path(responses((status = 200, body = ServiceView)), security(("bearer" = ["msp:read"])))]
#[get("/services/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Service>) -> Answer {
    caller.one::<RowOf<ServiceView>, _>(caller.services().inventory.services.get(caller.actor(), id.0).await?)
}

/// Change a service
#[utoipa::path(request_body = ServiceBody, responses((status = 200, body = ServiceView)), security(("bearer" = ["msp:write"])))]
#[route("/services/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Service>, body: Body<ServiceBody, ServiceFields>) -> Answer {
    let services = &caller.services().inventory.services;
    caller.change::<RowOf<ServiceView>, _>(|| services.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a service that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/services/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Service>) -> Answer {
    caller.act(|| caller.services().inventory.services.delete(caller.actor(), &at.0)).await
}
