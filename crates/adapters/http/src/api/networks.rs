//! Networks over HTTP.

use std::collections::BTreeMap;

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{Named, Network, NetworkFields, NetworkFilter, NetworkSort, NetworkType, Shown};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{
        Address, BlankLine, Block, Cidr, Cross, ExternalIds, Field, Instant, IpText, Line, Nullable, Uid, VlanNumber,
        WantedAddress, Word,
    },
};

type TypeWord = Word<NetworkType>;
type NamedNetwork = Named<Network>;
type ShownNetwork = Shown<Network>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A network to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(NetworkFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "name": "Office", "network_type": "vlan", "cidr": "10.20.30.0/24", "vlan_id": 30,
    "gateway_ip": "10.20.30.1", "dhcp_range": "10.20.30.100-10.20.30.200"}))]
struct NetworkBody {
    /// Whose it is.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// A site of the client.
    site_id: Nullable<Uid>,
    #[schema(required)]
    name: Field<Line>,
    /// `lan` unless given.
    network_type: Field<TypeWord>,
    /// IPv4 or IPv6; host bits are cleared. It may share addresses with other networks.
    #[schema(required)]
    cidr: Field<Cidr>,
    vlan_id: Nullable<VlanNumber>,
    gateway_ip: Nullable<Address>,
    dhcp_range: Nullable<BlankLine>,
    notes: Nullable<Block>,
    /// Ids in other systems.
    external_ids: Field<ExternalIds>,
}

/// A network.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedNetwork)]
pub(super) struct NetworkView {
    #[o2o(repeat)]
    #[child(item)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
    #[o2o(skip_repeat, from(@.names[0].clone()))]
    client_name: Option<String>,
    site_id: Option<Uuid>,
    #[schema(example = "Head office")]
    #[o2o(skip_repeat, from(@.names[1].clone()))]
    site_name: Option<String>,
    #[schema(example = "Office")]
    name: String,
    network_type: TypeWord,
    #[schema(example = "10.20.30.0/24")]
    cidr: String,
    vlan_id: Option<i32>,
    gateway_ip: Option<String>,
    dhcp_range: Option<String>,
    notes: Option<String>,
    external_ids: BTreeMap<String, String>,
    created_at: Instant,
    updated_at: Instant,
}

/// A network and those that share addresses with it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ShownNetwork)]
struct NetworkDetailView {
    #[serde(flatten)]
    #[from(@.row.into())]
    network: NetworkView,
    /// The client's other networks that share addresses with this one, at most 200.
    #[from(@.extra.overlaps.cross())]
    overlaps: Vec<Uuid>,
}

/// Which networks to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(NetworkFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NetworkQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    site_id: Option<Uuid>,
    network_type: Option<TypeWord>,
    /// An address that lies in it.
    #[param(inline, value_type = Option<IpText>, example = "10.20.30.40")]
    contains: Option<WantedAddress>,
    /// Substring of name, network, gateway or notes, whatever the case.
    q: Option<String>,
}

/// List networks
#[utoipa::path(params(NetworkQuery, Paging<NetworkSort>), responses((status = 200, body = Listed<NetworkView>)), security(("bearer" = ["msp:read"])))]
#[get("/networks")]
async fn list(caller: Caller<Read>, query: ListQuery<NetworkQuery, NetworkFilter, NetworkSort>) -> Answer {
    let page = caller.services().inventory.networks.list(caller.actor(), &query.0).await?;
    caller.page::<NetworkView, _, _>(page, &query.0.page)
}

/// Enter a network
#[utoipa::path(request_body = NetworkBody, responses((status = 201, body = NetworkDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/networks")]
async fn create(caller: Caller<Write>, body: Body<NetworkBody, NetworkFields>) -> Answer {
    let networks = &caller.services().inventory.networks;
    caller.create::<NetworkDetailView, _>(|| networks.create(caller.actor(), body.0.clone())).await
}

/// Read a network
#[utoipa::path(responses((status = 200, body = NetworkDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/networks/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Network>) -> Answer {
    caller.one::<NetworkDetailView, _>(caller.services().inventory.networks.get(caller.actor(), id.0).await?)
}

/// Change a network
#[utoipa::path(request_body = NetworkBody, responses((status = 200, body = NetworkDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/networks/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Network>, body: Body<NetworkBody, NetworkFields>) -> Answer {
    let networks = &caller.services().inventory.networks;
    caller.change::<NetworkDetailView, _>(|| networks.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a network
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/networks/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Network>) -> Answer {
    caller.act(|| caller.services().inventory.networks.delete(caller.actor(), &at.0)).await
}
