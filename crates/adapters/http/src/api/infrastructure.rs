//! Infrastructure over HTTP: one asset at a time. Many at once are in `infrastructure_bulk.rs`.

use std::collections::BTreeMap;

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{
    Asset, AssetCredential, AssetFields, AssetFilter, AssetSession, AssetSort, AssetStatus, AssetType, Named, Service,
    ServiceStatus, Shown,
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
    wire::{
        Address, BlankLine, Block, Cross, Day, ExternalIds, Field, Instant, IpText, Line, Lines, MacAddress,
        NamedCommands, Nullable, Uid, WantedAddress, Word, each,
    },
};

type TypeWord = Word<AssetType>;
type StatusWord = Word<AssetStatus>;
type ServiceStatusWord = Word<ServiceStatus>;
type NamedAsset = Named<Asset>;
type ShownAsset = Shown<Asset>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A piece of infrastructure to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(AssetFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "hostname": "FS01", "ip_address": "10.20.0.5", "mac_address": "00:1a:2b:3c:4d:5e",
    "asset_type": "physical_server", "os": "Windows Server", "os_version": "2022", "powershell_version": "5.1", "shell_type": "powershell",
    "has_gui": true, "has_winrm": true, "limitations": ["no_native_wins_service"],
    "recommended_commands": {"disk space": "Get-PSDrive -PSProvider FileSystem"}, "tags": ["file server"], "warranty_until": "2027-12-31"}))]
pub(crate) struct InfrastructureBody {
    /// Whose it is. It cannot change any more once anything refers to it.
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Field<Uid>,
    /// A site of the client.
    site_id: Nullable<Uid>,
    /// Unique among the client's infrastructure, whatever the case.
    #[schema(required)]
    hostname: Field<Line>,
    /// IPv4 or IPv6.
    ip_address: Nullable<Address>,
    /// Whatever separates its digits.
    mac_address: Nullable<MacAddress>,
    #[schema(required)]
    asset_type: Field<TypeWord>,
    os: Nullable<BlankLine>,
    os_version: Nullable<BlankLine>,
    /// Where on the site.
    location: Nullable<BlankLine>,
    /// `active` unless given.
    status: Field<StatusWord>,
    /// What to know before working on it.
    environmental_notes: Nullable<Block>,
    powershell_version: Nullable<BlankLine>,
    shell_type: Nullable<BlankLine>,
    package_manager: Nullable<BlankLine>,
    has_gui: Field<bool>,
    has_ssh: Field<bool>,
    has_winrm: Field<bool>,
    /// What does not work on it, in short words.
    limitations: Field<Lines>,
    /// Commands that work on it, by name.
    recommended_commands: Field<NamedCommands>,
    /// What it runs on. Nothing runs on itself, not even by way of others.
    parent_id: Nullable<Uid>,
    serial_number: Nullable<BlankLine>,
    /// The last day of its warranty.
    warranty_until: Nullable<Day>,
    tags: Field<Lines>,
    /// Ids in other systems.
    external_ids: Field<ExternalIds>,
}

/// A piece of infrastructure.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedAsset)]
pub(crate) struct InfrastructureView {
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
    #[schema(example = "FS01")]
    hostname: String,
    #[schema(example = "10.20.0.5")]
    ip_address: Option<String>,
    #[schema(example = "00:1a:2b:3c:4d:5e")]
    mac_address: Option<String>,
    asset_type: TypeWord,
    os: Option<String>,
    os_version: Option<String>,
    location: Option<String>,
    status: StatusWord,
    environmental_notes: Option<String>,
    powershell_version: Option<String>,
    shell_type: Option<String>,
    package_manager: Option<String>,
    has_gui: bool,
    has_ssh: bool,
    has_winrm: bool,
    limitations: Vec<String>,
    recommended_commands: BTreeMap<String, String>,
    parent_id: Option<Uuid>,
    serial_number: Option<String>,
    warranty_until: Option<Day>,
    tags: Vec<String>,
    external_ids: BTreeMap<String, String>,
    created_at: Instant,
    updated_at: Instant,
}

/// A piece of infrastructure with what is on it and was done to it, at most 200 rows of each kind.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(ShownAsset)]
struct InfrastructureDetailView {
    #[serde(flatten)]
    #[from(@.row.into())]
    infrastructure: InfrastructureView,
    /// By name.
    #[from(each(@.extra.services))]
    services: Vec<InfrastructureServiceView>,
    /// Those that the caller may see, by service name, without their secrets.
    #[from(each(@.extra.credentials))]
    credentials: Vec<InfrastructureCredentialView>,
    /// The sessions of the last thirty days in which a command was run on it, or whose work items name it among the systems affected,
    /// by host name or address; the latest first, at most 20.
    #[from(each(@.extra.recent_sessions))]
    recent_sessions: Vec<InfrastructureSessionView>,
}

/// A service as its host shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Service)]
struct InfrastructureServiceView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "Intranet")]
    service_name: String,
    service_type: Option<String>,
    port: Option<i32>,
    status: ServiceStatusWord,
}

/// A credential as what it opens shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(AssetCredential)]
struct InfrastructureCredentialView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "Local administrator")]
    service_name: String,
    #[schema(example = "password")]
    credential_type: String,
    username: Option<String>,
    is_active: bool,
    expires_at: Option<Instant>,
}

/// A session as what it touched shows it.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(AssetSession)]
struct InfrastructureSessionView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    session_date: Day,
    #[schema(example = "Mail is down")]
    session_title: String,
    technician: Option<String>,
    #[schema(example = "completed")]
    status: String,
}

/// Which infrastructure to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(AssetFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InfrastructureQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    site_id: Option<Uuid>,
    asset_type: Option<TypeWord>,
    status: Option<StatusWord>,
    /// Substring of the host name, whatever the case.
    hostname: Option<String>,
    /// The whole address, however it is written.
    #[param(inline, value_type = Option<IpText>, example = "10.20.0.5")]
    ip: Option<WantedAddress>,
    /// One of the tags, whatever the case.
    tag: Option<String>,
    /// Substring of host name, addresses, system, location, serial number, notes, limitations or tags, whatever the case.
    q: Option<String>,
}

/// List infrastructure
#[utoipa::path(params(InfrastructureQuery, Paging<AssetSort>), responses((status = 200, body = Listed<InfrastructureView>)), security(("bearer" = ["msp:read"])))]
#[get("/infrastructure")]
async fn list(caller: Caller<Read>, query: ListQuery<InfrastructureQuery, AssetFilter, AssetSort>) -> Answer {
    let page = caller.services().inventory.assets.list(caller.actor(), &query.0).await?;
    caller.page::<InfrastructureView, _, _>(page, &query.0.page)
}

/// Enter a piece of infrastructure
#[utoipa::path(request_body = InfrastructureBody, responses((status = 201, body = InfrastructureDetailView)), security(("bearer" = ["msp:write"])))]
#[post("/infrastructure")]
async fn create(caller: Caller<Write>, body: Body<InfrastructureBody, AssetFields>) -> Answer {
    let assets = &caller.services().inventory.assets;
    caller.create::<InfrastructureDetailView, _>(|| assets.create(caller.actor(), body.0.clone())).await
}

/// Read a piece of infrastructure
#[utoipa::path(responses((status = 200, body = InfrastructureDetailView)), security(("bearer" = ["msp:read"])))]
#[get("/infrastructure/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Asset>) -> Answer {
    caller.one::<InfrastructureDetailView, _>(caller.services().inventory.assets.get(caller.actor(), id.0).await?)
}

/// Change a piece of infrastructure
#[utoipa::path(request_body = InfrastructureBody, responses((status = 200, body = InfrastructureDetailView)), security(("bearer" = ["msp:write"])))]
#[route("/infrastructure/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Asset>, body: Body<InfrastructureBody, AssetFields>) -> Answer {
    let assets = &caller.services().inventory.assets;
    caller.change::<InfrastructureDetailView, _>(|| assets.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a piece of infrastructure that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/infrastructure/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Asset>) -> Answer {
    caller.act(|| caller.services().inventory.assets.delete(caller.actor(), &at.0)).await
}
