//! Secrets over HTTP: every way by which one leaves. Each answer is sent with `Cache-Control: no-store`, is never compressed and
//! never kept, and its row in the audit chain is committed before its first byte.

use actix_web::{get, post};
use claudetools_credentials::{Credential, Decrypted, OneTimePassword, SecretField, VersionInfo};
use o2o::o2o;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::credentials::CredentialView;
use crate::{
    extract::{Caller, InPath, PathId, Read, Reason, ReasonQuery, VersionNumber, Write},
    mounting::ServiceConfig,
    reply::{Answer, value},
    wire::{Cross, Instant, SecretText, SecretsView, Word, each},
};

type SecretWord = Word<SecretField>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(decrypt).service(totp).service(versions).service(decrypt_version).service(restore_version);
}

/// The secrets of a credential in plain.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Decrypted)]
struct DecryptedView {
    #[from(@.credential.id.cross())]
    credential_id: Uuid,
    #[schema(example = "Firewall admin")]
    #[from(@.credential.service_name)]
    service_name: String,
    #[from(@.credential.username)]
    username: Option<String>,
    #[serde(flatten)]
    #[o2o(repeat)]
    #[from(~.cross())]
    secrets: SecretsView,
    /// The version that this is.
    version: i64,
    accessed_at: Instant,
}

/// A one-time password.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(OneTimePassword)]
struct TotpView {
    #[schema(value_type = String, example = "287082")]
    #[from(~.cross())]
    code: SecretText,
    #[schema(minimum = 1, example = 17)]
    #[from(i64::from(~))]
    valid_for_seconds: i64,
}

/// A version of a credential's secrets, without the secrets.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(VersionInfo)]
struct VersionView {
    #[o2o(repeat)]
    #[from(~.cross())]
    version: i64,
    /// Which secret fields are set.
    #[from(fields, ~.cross())]
    has: Vec<SecretWord>,
    /// The master key that wraps its data key.
    #[schema(example = "mk-5f0c2a91")]
    key_id: String,
    created_at: Instant,
    /// Who made it.
    created_by: String,
}

/// The versions that are kept, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct VersionsView {
    versions: Vec<VersionView>,
    total: usize,
}

/// Read the secrets of a credential
///
/// The access is in the audit chain before the answer's first byte; where that cannot be written, nothing is shown (503). 20 a
/// minute for each token unless configured otherwise.
#[utoipa::path(params(ReasonQuery), responses((status = 200, body = DecryptedView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/decrypt")]
async fn decrypt(caller: Caller<Read>, id: PathId<Credential>, reason: Reason) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    let use_case = || credentials.decrypt(caller.actor(), &who, id.0, None, reason.0.clone());
    caller.read_secret::<DecryptedView, _>(use_case).await
}

/// Compute a one-time password
///
/// RFC 6238. Counted and recorded like a decrypt. 409 when the credential has no `totp_secret`.
#[utoipa::path(params(ReasonQuery), responses((status = 200, body = TotpView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/totp")]
async fn totp(caller: Caller<Read>, id: PathId<Credential>, reason: Reason) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    caller.read_secret::<TotpView, _>(|| credentials.totp(caller.actor(), &who, id.0, reason.0.clone())).await
}

/// List the versions of a credential's secrets
///
/// The present one and the ten before it, without the secrets.
#[utoipa::path(responses((status = 200, body = VersionsView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/versions")]
async fn versions(caller: Caller<Read>, id: PathId<Credential>) -> Answer {
    let found = caller.services().credentials.versions(caller.actor(), &caller.who(), id.0).await?;
    value(&VersionsView { total: found.len(), versions: each(found) })
}

/// Read an earlier version of the secrets
#[utoipa::path(params(("n" = i64, Path, description = "The version's number.", minimum = 1, example = 1), ReasonQuery), responses((status = 200, body = DecryptedView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/versions/{n}/decrypt")]
async fn decrypt_version(
    caller: Caller<Read>,
    id: PathId<Credential>,
    n: InPath<VersionNumber>,
    reason: Reason,
) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    let use_case = || credentials.decrypt(caller.actor(), &who, id.0, Some(n.0.0), reason.0.clone());
    caller.read_secret::<DecryptedView, _>(use_case).await
}

/// Make an earlier version the present one
///
/// As a new version: nothing is lost.
#[utoipa::path(params(("n" = i64, Path, description = "The version's number.", minimum = 1, example = 1)), responses((status = 200, body = CredentialView)), security(("bearer" = ["msp:write"])))]
#[post("/credentials/{id}/versions/{n}/restore")]
async fn restore_version(caller: Caller<Write>, id: PathId<Credential>, n: InPath<VersionNumber>) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    caller.change_recorded::<CredentialView>(|| credentials.restore(caller.actor(), &who, id.0, n.0.0)).await
}
