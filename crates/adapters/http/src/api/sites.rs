//! Sites over HTTP.

use std::collections::BTreeMap;

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{Named, Site, SiteFields, SiteFilter, SiteSort};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{
        Address, BlankLine, Block, Cidr, Cross, DegreesNumber, ExternalIds, Field, Instant, Line, Lines, Nullable,
        RowOf, Uid,
    },
};

type NamedSite = Named<Site>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A site to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(SiteFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "name": "Head office", "address": "1 Main Street", "city": "Scranton",
    "state": "PA", "postal_code": "18503", "country": "US", "network_subnet": "10.20.0.0/16", "vpn_required": true, "vpn_subnet": "10.99.0.0/24",
    "gateway_ip": "10.20.0.1", "dns_servers": ["10.20.0.2"], "latitude": 41.4089, "longitude": -75.6624}))]
struct SiteBody {
    /// Whose it is. It cannot change any more once anything refers to the site.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// Unique among the client's sites, whatever the case.
    #[schema(required)]
    name: Field<Line>,
    address: Nullable<BlankLine>,
    city: Nullable<BlankLine>,
    state: Nullable<BlankLine>,
    postal_code: Nullable<BlankLine>,
    country: Nullable<BlankLine>,
    /// CIDR, IPv4 or IPv6; host bits are cleared.
    network_subnet: Nullable<Cidr>,
    /// Whether it is reached through a VPN alone; false unless given.
    vpn_required: Field<bool>,
    /// The network that the VPN gives out.
    vpn_subnet: Nullable<Cidr>,
    gateway_ip: Nullable<Address>,
    /// Addresses of name servers.
    dns_servers: Field<Lines>,
    /// Degrees north, -90 to 90.
    latitude: Nullable<DegreesNumber>,
    /// Degrees east, -180 to 180.
    longitude: Nullable<DegreesNumber>,
    notes: Nullable<Block>,
    /// Ids in other systems.
    external_ids: Field<ExternalIds>,
}

/// A site.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedSite)]
pub(super) struct SiteView {
    #[o2o(repeat)]
    #[child(item)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
    #[o2o(skip_repeat, from(@.names[0].clone()))]
    client_name: Option<String>,
    #[schema(example = "Head office")]
    name: String,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
    network_subnet: Option<String>,
    vpn_required: bool,
    vpn_subnet: Option<String>,
    gateway_ip: Option<String>,
    dns_servers: Vec<String>,
    latitude: Option<DegreesNumber>,
    longitude: Option<DegreesNumber>,
    notes: Option<String>,
    external_ids: BTreeMap<String, String>,
    created_at: Instant,
    updated_at: Instant,
}

/// Which sites to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(SiteFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SiteQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    /// Substring of name, address or notes, whatever the case.
    q: Option<String>,
}

/// List sites
#[utoipa::path(params(SiteQuery, Paging<SiteSort>), responses((status = 200, body = Listed<SiteView>)), security(("bearer" = ["msp:read"])))]
#[get("/sites")]
async fn list(caller: Caller<Read>, query: ListQuery<SiteQuery, SiteFilter, SiteSort>) -> Answer {
    let page = caller.services().inventory.sites.list(caller.actor(), &query.0).await?;
    caller.page::<SiteView, _, _>(page, &query.0.page)
}

/// Enter a site
#[utoipa::path(request_body = SiteBody, responses((status = 201, body = SiteView)), security(("bearer" = ["msp:write"])))]
#[post("/sites")]
async fn create(caller: Caller<Write>, body: Body<SiteBody, SiteFields>) -> Answer {
    let sites = &caller.services().inventory.sites;
    caller.create::<RowOf<SiteView>, _>(|| sites.create(caller.actor(), body.0.clone())).await
}

/// Read a site
#[utoipa::path(responses((status = 200, body = SiteView)), security(("bearer" = ["msp:read"])))]
#[get("/sites/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Site>) -> Answer {
    caller.one::<RowOf<SiteView>, _>(caller.services().inventory.sites.get(caller.actor(), id.0).await?)
}

/// Change a site
#[utoipa::path(request_body = SiteBody, responses((status = 200, body = SiteView)), security(("bearer" = ["msp:write"])))]
#[route("/sites/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Site>, body: Body<SiteBody, SiteFields>) -> Answer {
    let sites = &caller.services().inventory.sites;
    caller.change::<RowOf<SiteView>, _>(|| sites.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a site that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/sites/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Site>) -> Answer {
    caller.act(|| caller.services().inventory.sites.delete(caller.actor(), &at.0)).await
}
