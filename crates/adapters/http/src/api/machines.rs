//! Machines over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_kernel::Faults;
use claudetools_sessions::{Machine, MachineFields, MachineFilter, MachineKey, MachineSort, Platform};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    error::ApiError,
    extract::{Admin, At, Body, Caller, FromPath, InPath, ListQuery, PathId, Read, Write},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{BlankLine, Block, Cross, Field, Fingerprint, Instant, Line, Lines, Nullable, Word},
};

type PlatformWord = Word<Platform>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove).service(heartbeat);
}

/// Where the id of a machine is asked for, its fingerprint will do as well.
impl FromPath for MachineKey {
    const NAME: &'static str = "id";

    fn from_path(text: &str) -> Result<Self, ApiError> {
        let rule = "must be a UUID or a fingerprint of 64 hexadecimal digits";
        Self::parse(text).ok_or_else(|| Faults::one("id", "uuid_or_fingerprint", rule).into())
    }
}

/// A machine to register, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(MachineFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"hostname": "TECH-LAPTOP-07", "platform": "win32", "os_version": "11 24H2", "username": "jo", "has_docker": false,
    "machine_fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "powershell_version": "7.5.0",
    "preferred_shell": "pwsh", "has_vpn_access": true, "vpn_profiles": ["acme-dental"], "available_mcps": ["tickets"],
    "available_skills": ["dns-audit"]}))]
struct MachineBody {
    #[schema(required)]
    #[o2o(repeat)]
    #[into(~.cross())]
    hostname: Field<Line>,
    /// What tells it from all other machines: 64 hexadecimal digits, kept in lower case.
    #[schema(required)]
    machine_fingerprint: Field<Fingerprint>,
    #[schema(required)]
    platform: Field<PlatformWord>,
    os_version: Nullable<BlankLine>,
    username: Nullable<BlankLine>,
    friendly_name: Nullable<BlankLine>,
    /// Whether it can reach clients' networks; false unless given.
    has_vpn_access: Field<bool>,
    vpn_profiles: Field<Lines>,
    /// False unless given.
    has_docker: Field<bool>,
    powershell_version: Nullable<BlankLine>,
    preferred_shell: Nullable<BlankLine>,
    available_mcps: Field<Lines>,
    available_skills: Field<Lines>,
    notes: Nullable<Block>,
    /// True unless given.
    is_active: Field<bool>,
    /// When it last reported, as heartbeats note it. An earlier instant than the one known is ignored, a future one refused.
    last_seen: Field<Instant>,
}

/// What a machine can be used for: the same values as beside it, gathered for the tool that plans by them.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_ref(Machine)]
struct CapabilitiesView {
    #[o2o(repeat)]
    #[from(~.clone())]
    vpn_profiles: Vec<String>,
    has_vpn_access: bool,
    has_docker: bool,
    powershell_version: Option<String>,
    preferred_shell: Option<String>,
    available_mcps: Vec<String>,
    available_skills: Vec<String>,
}

/// A machine.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Machine| vars(capabilities: {CapabilitiesView::from(&@)}))]
struct MachineView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    #[schema(example = "TECH-LAPTOP-07")]
    hostname: String,
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    machine_fingerprint: String,
    platform: PlatformWord,
    os_version: Option<String>,
    username: Option<String>,
    friendly_name: Option<String>,
    has_vpn_access: bool,
    vpn_profiles: Vec<String>,
    has_docker: bool,
    powershell_version: Option<String>,
    preferred_shell: Option<String>,
    available_mcps: Vec<String>,
    available_skills: Vec<String>,
    notes: Option<String>,
    is_active: bool,
    /// When it last reported; empty before its first heartbeat.
    last_seen: Option<Instant>,
    #[from({capabilities})]
    capabilities: CapabilitiesView,
    created_at: Instant,
    updated_at: Instant,
}

/// Which machines to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(MachineFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MachineQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    is_active: Option<bool>,
    platform: Option<PlatformWord>,
    /// Substring of host name, friendly name or user name, whatever the case.
    q: Option<String>,
}

/// List machines
#[utoipa::path(params(MachineQuery, Paging<MachineSort>), responses((status = 200, body = Listed<MachineView>)), security(("bearer" = ["msp:read"])))]
#[get("/machines")]
async fn list(caller: Caller<Read>, query: ListQuery<MachineQuery, MachineFilter, MachineSort>) -> Answer {
    let page = caller.services().machines.list(caller.actor(), &query.0).await?;
    caller.page::<MachineView, _, _>(page, &query.0.page)
}

/// Register a machine
#[utoipa::path(request_body = MachineBody, responses((status = 201, body = MachineView)), security(("bearer" = ["msp:write"])))]
#[post("/machines")]
async fn create(caller: Caller<Write>, body: Body<MachineBody, MachineFields>) -> Answer {
    caller.create::<MachineView, _>(|| caller.services().machines.create(caller.actor(), body.0.clone())).await
}

/// Read a machine
///
/// By its id or by its fingerprint, which is what a tool knows of the machine it runs on.
#[utoipa::path(
    params(("id" = String, Path, description = "A UUID, or a fingerprint of 64 hexadecimal digits.",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        pattern = "^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$")),
    responses((status = 200, body = MachineView)), security(("bearer" = ["msp:read"]))
)]
#[get("/machines/{id}")]
async fn get(caller: Caller<Read>, key: InPath<MachineKey>) -> Answer {
    caller.one::<MachineView, _>(caller.services().machines.get(caller.actor(), &key.0).await?)
}

/// Change a machine
#[utoipa::path(request_body = MachineBody, responses((status = 200, body = MachineView)), security(("bearer" = ["msp:write"])))]
#[route("/machines/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Machine>, body: Body<MachineBody, MachineFields>) -> Answer {
    caller.change::<MachineView, _>(|| caller.services().machines.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a machine that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/machines/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Machine>) -> Answer {
    caller.act(|| caller.services().machines.delete(caller.actor(), &at.0)).await
}

/// Note that a machine has reported
///
/// Sets `last_seen` to now. That is no change of the machine: `updated_at` stays, and so does what `If-Match` compares.
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:write"])))]
#[post("/machines/{id}/heartbeat")]
async fn heartbeat(caller: Caller<Write>, id: PathId<Machine>) -> Answer {
    caller.act(|| caller.services().machines.heartbeat(caller.actor(), id.0)).await
}
