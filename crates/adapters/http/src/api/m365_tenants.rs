//! Tenants of Microsoft 365 over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{M365Tenant, M365TenantFields, M365TenantFilter, M365TenantSort, Named};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{BlankLine, Block, Cross, Email, Field, Instant, Line, Nullable, RowOf, Uid},
};

type NamedM365Tenant = Named<M365Tenant>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A tenant of Microsoft 365 to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(M365TenantFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "tenant_id": "b6e0a5d2-1d4b-4f3e-9c0a-2f8c1d7e5a90", "tenant_name": "Acme Dental",
    "default_domain": "acme.onmicrosoft.com", "admin_email": "admin@acme.onmicrosoft.com", "cipp_name": "acme"}))]
struct M365TenantBody {
    /// Whose it is.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// Its id at Microsoft; unique.
    #[schema(required)]
    tenant_id: Field<Uid>,
    #[schema(required)]
    tenant_name: Field<Line>,
    default_domain: Nullable<BlankLine>,
    admin_email: Nullable<Email>,
    /// What it is called in CIPP.
    cipp_name: Nullable<BlankLine>,
    notes: Nullable<Block>,
}

/// A tenant of Microsoft 365.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedM365Tenant)]
pub(super) struct M365TenantView {
    #[o2o(repeat)]
    #[child(item)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
    #[o2o(skip_repeat, from(@.names[0].clone()))]
    client_name: Option<String>,
    tenant_id: Uuid,
    #[schema(example = "Acme Dental")]
    tenant_name: String,
    default_domain: Option<String>,
    admin_email: Option<String>,
    cipp_name: Option<String>,
    notes: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

/// Which tenants of Microsoft 365 to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(M365TenantFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct M365TenantQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    /// Substring of names, domain, address or notes, whatever the case.
    q: Option<String>,
}

/// List tenants of Microsoft 365
#[utoipa::path(params(M365TenantQuery, Paging<M365TenantSort>), responses((status = 200, body = Listed<M365TenantView>)), security(("bearer" = ["msp:read"])))]
#[get("/m365-tenants")]
async fn list(caller: Caller<Read>, query: ListQuery<M365TenantQuery, M365TenantFilter, M365TenantSort>) -> Answer {
    let page = caller.services().inventory.m365_tenants.list(caller.actor(), &query.0).await?;
    caller.page::<M365TenantView, _, _>(page, &query.0.page)
}

/// Enter a tenant of Microsoft 365
#[utoipa::path(request_body = M365TenantBody, responses((status = 201, body = M365TenantView)), security(("bearer" = ["msp:write"])))]
#[post("/m365-tenants")]
async fn create(caller: Caller<Write>, body: Body<M365TenantBody, M365TenantFields>) -> Answer {
    let m365_tenants = &caller.services().inventory.m365_tenants;
    caller.create::<RowOf<M365TenantView>, _>(|| m365_tenants.create(caller.actor(), body.0.clone())).await
}

/// Read a tenant of Microsoft 365
#[utoipa::path(responses((status = 200, body = M365TenantView)), security(("bearer" = ["msp:read"])))]
#[get("/m365-tenants/{id}")]
async fn get(caller: Caller<Read>, id: PathId<M365Tenant>) -> Answer {
    caller.one::<RowOf<M365TenantView>, _>(caller.services().inventory.m365_tenants.get(caller.actor(), id.0).await?)
}

/// Change a tenant of Microsoft 365
#[utoipa::path(request_body = M365TenantBody, responses((status = 200, body = M365TenantView)), security(("bearer" = ["msp:write"])))]
#[route("/m365-tenants/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<M365Tenant>, body: Body<M365TenantBody, M365TenantFields>) -> Answer {
    let m365_tenants = &caller.services().inventory.m365_tenants;
    caller.change::<RowOf<M365TenantView>, _>(|| m365_tenants.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a tenant of Microsoft 365
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/m365-tenants/{id}")]
async fn remove(caller: Caller<Admin>, at: At<M365Tenant>) -> Answer {
    caller.act(|| caller.services().inventory.m365_tenants.delete(caller.actor(), &at.0)).await
}
