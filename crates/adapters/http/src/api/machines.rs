//! Machines over HTTP.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, delete, dev::Payload, get, post, route};
use claudetools_kernel::Faults;
use claudetools_sessions::{Machine, MachineFields, MachineFilter, MachineKey, MachineSort, Platform};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    error::ApiError,
    extract::{Admin, Body, Caller, IfMatch, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::{Answer, Reply, list as list_of, resource},
    wire::{BlankLine, Block, Field, Fingerprint, Instant, Line, Lines, Nullable, Wire, Word},
};

type PlatformWord = Word<Platform>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove).service(heartbeat);
}

/// The `{id}` of the path where a fingerprint will do as well.
struct PathKey(MachineKey);

impl FromRequest for PathKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = request.match_info().get("id").and_then(MachineKey::parse);
        let rule = "must be a UUID or a fingerprint of 64 hexadecimal digits";
        ready(parsed.map(Self).ok_or_else(|| Faults::one("id", "uuid_or_fingerprint", rule).into()))
    }
}

/// A machine to register, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"hostname": "TECH-LAPTOP-07", "platform": "win32", "os_version": "11 24H2", "username": "jo", "has_docker": false,
    "machine_fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "powershell_version": "7.5.0",
    "preferred_shell": "pwsh", "has_vpn_access": true, "vpn_profiles": ["acme-dental"], "available_mcps": ["tickets"],
    "available_skills": ["dns-audit"]}))]
struct MachineBody {
    #[schema(required)]
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

impl From<MachineBody> for MachineFields {
    fn from(body: MachineBody) -> Self {
        Self {
            hostname: body.hostname.get(),
            machine_fingerprint: body.machine_fingerprint.get(),
            platform: body.platform.get(),
            os_version: body.os_version.get(),
            username: body.username.get(),
            friendly_name: body.friendly_name.get(),
            has_vpn_access: body.has_vpn_access.get(),
            vpn_profiles: body.vpn_profiles.get(),
            has_docker: body.has_docker.get(),
            powershell_version: body.powershell_version.get(),
            preferred_shell: body.preferred_shell.get(),
            available_mcps: body.available_mcps.get(),
            available_skills: body.available_skills.get(),
            notes: body.notes.get(),
            is_active: body.is_active.get(),
            last_seen: body.last_seen.get(),
        }
    }
}

/// What a machine can be used for: the same values as beside it, gathered for the tool that plans by them.
#[derive(Debug, Serialize, ToSchema)]
struct CapabilitiesView {
    vpn_profiles: Vec<String>,
    has_vpn_access: bool,
    has_docker: bool,
    powershell_version: Option<String>,
    preferred_shell: Option<String>,
    available_mcps: Vec<String>,
    available_skills: Vec<String>,
}

/// A machine.
#[derive(Debug, Serialize, ToSchema)]
struct MachineView {
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
    capabilities: CapabilitiesView,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&Machine> for MachineView {
    fn from(machine: &Machine) -> Self {
        let capabilities = CapabilitiesView {
            vpn_profiles: machine.vpn_profiles.clone(),
            has_vpn_access: machine.has_vpn_access,
            has_docker: machine.has_docker,
            powershell_version: machine.powershell_version.clone(),
            preferred_shell: machine.preferred_shell.clone(),
            available_mcps: machine.available_mcps.clone(),
            available_skills: machine.available_skills.clone(),
        };
        Self {
            id: machine.id.uuid(),
            hostname: machine.hostname.clone(),
            machine_fingerprint: machine.machine_fingerprint.to_string(),
            platform: Word(machine.platform),
            os_version: machine.os_version.clone(),
            username: machine.username.clone(),
            friendly_name: machine.friendly_name.clone(),
            has_vpn_access: machine.has_vpn_access,
            vpn_profiles: machine.vpn_profiles.clone(),
            has_docker: machine.has_docker,
            powershell_version: machine.powershell_version.clone(),
            preferred_shell: machine.preferred_shell.clone(),
            available_mcps: machine.available_mcps.clone(),
            available_skills: machine.available_skills.clone(),
            notes: machine.notes.clone(),
            is_active: machine.is_active,
            last_seen: machine.last_seen.map(Wire),
            capabilities,
            created_at: Wire(machine.created_at),
            updated_at: Wire(machine.updated_at),
        }
    }
}

/// Which machines to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MachineQuery {
    is_active: Option<bool>,
    #[param(inline)]
    platform: Option<PlatformWord>,
    /// Substring of host name, friendly name or user name, whatever the case.
    q: Option<String>,
}

impl From<MachineQuery> for MachineFilter {
    fn from(query: MachineQuery) -> Self {
        Self { is_active: query.is_active, platform: query.platform.map(|word| word.0), q: query.q }
    }
}

/// List machines
#[utoipa::path(params(MachineQuery, Paging<MachineSort>), responses((status = 200, body = Listed<MachineView>)), security(("bearer" = ["msp:read"])))]
#[get("/machines")]
async fn list(caller: Caller<Read>, query: ListQuery<MachineQuery, MachineSort>) -> Answer {
    let page = caller.services().machines.list(caller.actor(), &query.filter.into(), &query.page).await?;
    list_of("machines", page.map(|machine| MachineView::from(&machine)), &query.page)
}

/// Register a machine
#[utoipa::path(request_body = MachineBody, responses((status = 201, body = MachineView)), security(("bearer" = ["msp:write"])))]
#[post("/machines")]
async fn create(caller: Caller<Write>, body: Body<MachineBody>) -> Answer {
    let (machines, fields) = (&caller.services().machines, MachineFields::from(body.0));
    let use_case = || machines.create(caller.actor(), fields.clone());
    caller
        .write(use_case, |new| Reply::created(format!("/machines/{}", new.id), new.revision, &MachineView::from(new)))
        .await
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
async fn get(caller: Caller<Read>, key: PathKey) -> Answer {
    let machine = caller.services().machines.get(caller.actor(), &key.0).await?;
    resource(caller.headers(), machine.revision, &MachineView::from(&machine))
}

/// Change a machine
#[utoipa::path(request_body = MachineBody, responses((status = 200, body = MachineView)), security(("bearer" = ["msp:write"])))]
#[route("/machines/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, id: PathId<Machine>, expected: IfMatch, body: Body<MachineBody>) -> Answer {
    let (machines, fields) = (&caller.services().machines, MachineFields::from(body.0));
    let use_case = || machines.update(caller.actor(), id.0, fields.clone(), &expected.0);
    caller.write(use_case, |now| Reply::ok(now.revision, &MachineView::from(now))).await
}

/// Remove a machine that nothing refers to
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/machines/{id}")]
async fn remove(caller: Caller<Admin>, id: PathId<Machine>, expected: IfMatch) -> Answer {
    let machines = &caller.services().machines;
    caller.write(|| machines.delete(caller.actor(), id.0, &expected.0), |()| Reply::no_content()).await
}

/// Note that a machine has reported
///
/// Sets `last_seen` to now. That is no change of the machine: `updated_at` stays, and so does what `If-Match` compares.
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:write"])))]
#[post("/machines/{id}/heartbeat")]
async fn heartbeat(caller: Caller<Write>, id: PathId<Machine>) -> Answer {
    let machines = &caller.services().machines;
    caller.write(|| machines.heartbeat(caller.actor(), id.0), |()| Reply::no_content()).await
}
