//! Secrets over HTTP: every way by which one leaves. Each answer is sent with `Cache-Control: no-store`, is never compressed and
//! never kept, and its row in the audit chain is committed before its first byte.

use std::collections::BTreeMap;

use actix_web::{get, http::StatusCode, post};
use claudetools_credentials::{Credential, Decrypted, OneTimePassword, Refusal, SecretField, Secrets, VersionInfo};
use claudetools_kernel::{Error, Faults};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::credentials::{CredentialView, changed};
use crate::{
    error::ApiError,
    extract::{At, Caller, FromPath, InPath, PathId, Query, Read, Write},
    reply::{Answer, Reply, value},
    wire::{Cross, Instant, SecretText, Word},
};

type SecretWord = Word<SecretField>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(decrypt).service(totp).service(versions).service(decrypt_version).service(restore_version);
}

/// The `{n}` of a version's path.
struct VersionNumber(i64);

impl FromPath for VersionNumber {
    const NAME: &'static str = "n";

    fn from_path(text: &str) -> Result<Self, ApiError> {
        let number = text.parse().ok().filter(|number| *number > 0);
        number.map(Self).ok_or_else(|| Faults::one("n", "range", "must be a whole number from 1 on").into())
    }
}

/// Why a secret is read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReasonQuery {
    /// Kept in the audit chain. Required where the credential says so.
    #[param(max_length = 255)]
    reason: Option<String>,
}

impl ReasonQuery {
    fn checked(self) -> Result<Option<String>, Error> {
        let mut faults = Faults::default();
        let reason = self.reason.filter(|reason| !reason.trim().is_empty());
        let reason = reason.and_then(|reason| claudetools_kernel::text::line(&mut faults, "reason", &reason, 255));
        faults.finish()?;
        Ok(reason)
    }
}

/// Secrets in plain: those that are set.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct SecretsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "correct-horse-battery")]
    password: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    api_key: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    client_secret: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    token: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    private_key: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    connection_string: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    totp_secret: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    passphrase: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    secret_notes: Option<SecretText>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>, required = false, example = json!({"enable secret": "staple"}))]
    custom_fields: BTreeMap<String, SecretText>,
}

impl From<Secrets> for SecretsView {
    fn from(secrets: Secrets) -> Self {
        let text = |field| secrets.text(field).cloned().map(SecretText);
        Self {
            password: text(SecretField::Password),
            api_key: text(SecretField::ApiKey),
            client_secret: text(SecretField::ClientSecret),
            token: text(SecretField::Token),
            private_key: text(SecretField::PrivateKey),
            connection_string: text(SecretField::ConnectionString),
            totp_secret: text(SecretField::TotpSecret),
            passphrase: text(SecretField::Passphrase),
            secret_notes: text(SecretField::SecretNotes),
            custom_fields: secrets
                .custom()
                .iter()
                .map(|(name, text)| (name.clone(), SecretText(text.clone())))
                .collect(),
        }
    }
}

/// The secrets of a credential in plain.
#[derive(Debug, Serialize, ToSchema)]
struct DecryptedView {
    credential_id: Uuid,
    #[schema(example = "Firewall admin")]
    service_name: String,
    username: Option<String>,
    #[serde(flatten)]
    secrets: SecretsView,
    /// The version that this is.
    version: i64,
    accessed_at: Instant,
}

impl From<Decrypted> for DecryptedView {
    fn from(shown: Decrypted) -> Self {
        Self {
            credential_id: shown.credential.id.uuid(),
            service_name: shown.credential.service_name,
            username: shown.credential.username,
            secrets: shown.secrets.into(),
            version: shown.version,
            accessed_at: shown.accessed_at.cross(),
        }
    }
}

/// A one-time password.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(OneTimePassword)]
struct TotpView {
    #[schema(value_type = String, example = "287082")]
    #[o2o(repeat)]
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
    #[from(fields, ~.list().iter().copied().map(Word).collect())]
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

fn shown<T: Clone, V: Serialize + From<T>>(outcome: &Result<T, Refusal>) -> Result<Reply, Error> {
    match outcome {
        Ok(shown) => Reply::plain(StatusCode::OK, &V::from(shown.clone())),
        Err(refusal) => Err((*refusal).into()),
    }
}

/// Read the secrets of a credential
///
/// The access is in the audit chain before the answer's first byte; where that cannot be written, nothing is shown (503). 20 a
/// minute for each token unless configured otherwise.
#[utoipa::path(params(ReasonQuery), responses((status = 200, body = DecryptedView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/decrypt")]
async fn decrypt(caller: Caller<Read>, id: PathId<Credential>, query: Query<ReasonQuery>) -> Answer {
    let (credentials, who, reason) = (&caller.services().credentials, caller.who(), query.0.checked()?);
    let use_case = || credentials.decrypt(caller.actor(), &who, id.0, None, reason.clone());
    caller.read_secret(use_case, shown::<Decrypted, DecryptedView>).await
}

/// Compute a one-time password
///
/// RFC 6238. Counted and recorded like a decrypt. 409 when the credential has no `totp_secret`.
#[utoipa::path(params(ReasonQuery), responses((status = 200, body = TotpView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/totp")]
async fn totp(caller: Caller<Read>, id: PathId<Credential>, query: Query<ReasonQuery>) -> Answer {
    let (credentials, who, reason) = (&caller.services().credentials, caller.who(), query.0.checked()?);
    let use_case = || credentials.totp(caller.actor(), &who, id.0, reason.clone());
    caller.read_secret(use_case, shown::<OneTimePassword, TotpView>).await
}

/// List the versions of a credential's secrets
///
/// The present one and the ten before it, without the secrets.
#[utoipa::path(responses((status = 200, body = VersionsView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/versions")]
async fn versions(caller: Caller<Read>, id: PathId<Credential>) -> Answer {
    let found = caller.services().credentials.versions(caller.actor(), &caller.who(), id.0).await?;
    let versions: Vec<VersionView> = found.into_iter().map(VersionView::from).collect();
    value(&VersionsView { total: versions.len(), versions })
}

/// Read an earlier version of the secrets
#[utoipa::path(params(("n" = i64, Path, description = "The version's number.", minimum = 1), ReasonQuery), responses((status = 200, body = DecryptedView)), security(("bearer" = ["msp:read"])))]
#[get("/credentials/{id}/versions/{n}/decrypt")]
async fn decrypt_version(
    caller: Caller<Read>,
    id: PathId<Credential>,
    number: InPath<VersionNumber>,
    query: Query<ReasonQuery>,
) -> Answer {
    let (credentials, who, reason) = (&caller.services().credentials, caller.who(), query.0.checked()?);
    let use_case = || credentials.decrypt(caller.actor(), &who, id.0, Some(number.0.0), reason.clone());
    caller.read_secret(use_case, shown::<Decrypted, DecryptedView>).await
}

/// Make an earlier version the present one
///
/// As a new version: nothing is lost.
#[utoipa::path(params(("n" = i64, Path, description = "The version's number.", minimum = 1)), responses((status = 200, body = CredentialView)), security(("bearer" = ["msp:write"])))]
#[post("/credentials/{id}/versions/{n}/restore")]
async fn restore_version(caller: Caller<Write>, at: At<Credential>, number: InPath<VersionNumber>) -> Answer {
    let (credentials, who) = (&caller.services().credentials, caller.who());
    let use_case = || credentials.restore(caller.actor(), &who, &at.0, number.0.0);
    caller.write(use_case, changed::<CredentialView>).await
}
