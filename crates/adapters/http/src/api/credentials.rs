//! Credentials over HTTP, without their secrets: those leave by `credential_secrets.rs` alone.

use actix_web::{delete, get, post, put, route};
use claudetools_credentials::{
    AccessFields, Credential, CredentialDraft, CredentialFields, CredentialQuery as Wanted, CredentialSort,
    CredentialType, SecretField, SecretFields,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write, granted},
    mounting::ServiceConfig,
    openapi::{Listed, Paging},
    reply::{Answer, Reply},
    wire::{
        BlankLine, Block, Cross, Field, Instant, Line, Lines, NamedSecrets, Nullable, PortNumber, RotationDays,
        SecretText, Uid, Word,
    },
};

type TypeWord = Word<CredentialType>;
type SecretWord = Word<SecretField>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
    config.service(get_access).service(set_access);
}

/// A credential to enter, or what to change of it. The secret fields are never shown again but by a decrypt; together they hold
/// at most 64 KiB, byte for byte as given.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(CredentialDraft)]
#[child_parents(fields: CredentialFields, secrets: SecretFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"service_name": "Firewall admin", "credential_type": "password", "username": "admin",
    "internal_url": "https://10.20.0.1:8443", "custom_port": 8443, "requires_vpn": true, "rotation_interval_days": 90,
    "tags": ["firewall"], "password": "correct-horse-battery", "custom_fields": {"enable secret": "staple"}}))]
struct CredentialBody {
    #[o2o(repeat)]
    #[child(fields)]
    #[into(~.cross())]
    client_id: Nullable<Uid>,
    service_id: Nullable<Uid>,
    infrastructure_id: Nullable<Uid>,
    /// What it opens.
    #[schema(required)]
    service_name: Field<Line>,
    #[schema(required)]
    credential_type: Field<TypeWord>,
    /// No secret: it is shown in lists.
    username: Nullable<BlankLine>,
    /// Where it is used from outside. A password inside is refused.
    external_url: Nullable<BlankLine>,
    /// The same from inside.
    internal_url: Nullable<BlankLine>,
    custom_port: Nullable<PortNumber>,
    role_description: Nullable<Block>,
    requires_vpn: Field<bool>,
    requires_2fa: Field<bool>,
    /// Whether a decrypt must give a reason.
    requires_reason: Field<bool>,
    expires_at: Nullable<Instant>,
    /// Set by every change of a secret.
    last_rotated_at: Nullable<Instant>,
    rotation_interval_days: Nullable<RotationDays>,
    /// True unless given.
    is_active: Field<bool>,
    tags: Field<Lines>,
    #[o2o(stop_repeat)]
    #[o2o(repeat)]
    #[child(secrets)]
    #[into(~.cross())]
    password: Nullable<SecretText>,
    api_key: Nullable<SecretText>,
    client_secret: Nullable<SecretText>,
    token: Nullable<SecretText>,
    private_key: Nullable<SecretText>,
    connection_string: Nullable<SecretText>,
    /// Base32, or a whole `otpauth://totp` address.
    totp_secret: Nullable<SecretText>,
    passphrase: Nullable<SecretText>,
    secret_notes: Nullable<SecretText>,
    /// Secrets under names of one's own; given, they replace all there were.
    custom_fields: Nullable<NamedSecrets>,
}

/// A credential without its secrets.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Credential)]
#[expect(clippy::struct_excessive_bools, reason = "as the resource has them")]
pub(super) struct CredentialView {
    #[o2o(repeat)]
    #[from(~.cross())]
    id: Uuid,
    client_id: Option<Uuid>,
    service_id: Option<Uuid>,
    infrastructure_id: Option<Uuid>,
    #[schema(example = "Firewall admin")]
    service_name: String,
    credential_type: TypeWord,
    username: Option<String>,
    external_url: Option<String>,
    internal_url: Option<String>,
    custom_port: Option<i32>,
    role_description: Option<String>,
    requires_vpn: bool,
    requires_2fa: bool,
    requires_reason: bool,
    expires_at: Option<Instant>,
    last_rotated_at: Option<Instant>,
    rotation_interval_days: Option<i32>,
    is_active: bool,
    tags: Vec<String>,
    /// Which secret fields are set.
    has: Vec<SecretWord>,
    /// The version of the secrets; 0 while there never were any.
    version: i64,
    /// Whether it shows itself to those named under its `access` alone.
    #[from(@.access.is_restricted())]
    is_restricted: bool,
    created_at: Instant,
    updated_at: Instant,
}

/// Which credentials to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(Wanted)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CredentialQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    service_id: Option<Uuid>,
    infrastructure_id: Option<Uuid>,
    credential_type: Option<TypeWord>,
    is_active: Option<bool>,
    /// Substring of service name, user name, addresses, role or tags, whatever the case.
    q: Option<String>,
    /// Those that end before this instant.
    expires_before: Option<Instant>,
    /// Whether `rotation_interval_days` have passed since the secrets were last changed.
    rotation_due: Option<bool>,
}

/// Who may see a credential: everybody while it names nobody, else those named alone.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(AccessFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"subjects": ["jo@example.com"], "agent_types": []}))]
struct AccessGrant {
    /// Addresses of accounts, whatever the case; nobody unless given.
    #[o2o(repeat)]
    #[into(~.cross())]
    subjects: Field<Lines>,
    /// Types of agents; none unless given.
    agent_types: Field<Lines>,
}

/// Who may see a credential.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Credential)]
struct AccessView {
    #[from(id, ~.cross())]
    credential_id: Uuid,
    #[from(@.access.is_restricted())]
    is_restricted: bool,
    /// Addresses of accounts, in lower case.
    #[from(@.access.subjects.clone().cross())]
    subjects: Vec<String>,
    #[from(@.access.agent_types.clone().cross())]
    agent_types: Vec<String>,
}

/// List credentials
///
/// Without their secrets. Those that are restricted to others are left out.
#[utoipa::path(params(CredentialQuery, Paging<CredentialSort>), responses((status = 200, body = Listed<CredentialView>)), security(("bearer" = ["msp:read"])))]
#[get("/credentials")]
async fn list(caller: Caller<Read>, query: ListQuery<CredentialQuery, Wanted, CredentialSort>) -> Answer {
    let page = query.0.page.clone();
    let found = caller.services().credentials.list(caller.actor(), &caller.who(), query.0).await?;
    caller.page::<CredentialView, _, _>(found, &page)
}

/// Enter a credential
#[utoipa::path(request_body = CredentialBody, responses((status = 201, body = CredentialView)), security(("bearer" = ["msp:write"])))]
#[post("/credentials")]
async fn create(caller: Caller<Write>, body: Body<CredentialBody, CredentialDraft>) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    caller.create::<CredentialView, _>(|| credentials.create(caller.actor(), &who, body.0.clone())).await
}

/// Read a credential
///
/// Without its secrets.
#[utoipa::path(responses((status = 200, body = CredentialView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}")]
async fn get(caller: Caller<Read>, id: PathId<Credential>) -> Answer {
    let found = caller.services().credentials.get(caller.actor(), &caller.who(), id.0).await?;
    caller.one::<CredentialView, _>(found)
}

/// Change a credential
///
/// What is said of a secret makes a new version of them all; the ten versions before it are kept.
#[utoipa::path(request_body = CredentialBody, responses((status = 200, body = CredentialView)), security(("bearer" = ["msp:write"])))]
#[route("/credentials/{id}", method = "PUT", method = "PATCH")]
async fn update(caller: Caller<Write>, at: At<Credential>, body: Body<CredentialBody, CredentialDraft>) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    caller.change_recorded::<CredentialView>(|| credentials.update(caller.actor(), &who, &at.0, body.0.clone())).await
}

/// Remove a credential
///
/// With all versions of its secrets and all links to them. Its rows in the audit chain stay.
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/credentials/{id}")]
async fn remove(caller: Caller<Admin>, at: At<Credential>) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    let use_case = || credentials.delete(caller.actor(), &who, &at.0);
    caller.write(use_case, |outcome| granted(outcome).and_then(|()| Reply::no_content())).await
}

/// Who may see a credential
#[utoipa::path(responses((status = 200, body = AccessView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/access")]
async fn get_access(caller: Caller<Read>, id: PathId<Credential>) -> Answer {
    let found = caller.services().credentials.get(caller.actor(), &caller.who(), id.0).await?;
    caller.one::<AccessView, _>(found)
}

/// Set who may see a credential
///
/// Replaces both lists. To those not named the credential does not exist (404); agents are named by their type. An administrator
/// may do this without being named, or nobody could mend a credential whose last reader has left.
#[utoipa::path(request_body = AccessGrant, responses((status = 200, body = AccessView)), security(("bearer" = ["msp:admin"])))]
#[put("/credentials/{id}/access")]
async fn set_access(caller: Caller<Admin>, at: At<Credential>, body: Body<AccessGrant, AccessFields>) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    caller.change::<AccessView, _>(|| credentials.restrict(caller.actor(), &who, &at.0, body.0.clone())).await
}
