//! A credential as a line of an export.

use std::collections::BTreeSet;

use claudetools_kernel::{Id, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::{ExportedCredential, ExportedVersion};
use crate::{
    Access, Credential, CredentialType, FieldSet,
    secrets::{OwnedShape, Shape},
};

#[derive(Serialize)]
pub(super) struct Line<'a> {
    #[serde(with = "CredentialShape")]
    credential: &'a Credential,
    versions: Vec<VersionLine<'a>>,
}

#[derive(Serialize)]
struct VersionLine<'a> {
    version: i64,
    created_at: Timestamp,
    created_by: &'a str,
    secrets: Shape<'a>,
}

/// What is written of a credential.
pub(super) fn line(exported: &ExportedCredential) -> Line<'_> {
    let versions = exported.versions.iter().map(|version| VersionLine {
        version: version.version,
        created_at: version.created_at,
        created_by: &version.created_by,
        secrets: version.secrets.shape(),
    });
    Line { credential: &exported.credential, versions: versions.collect() }
}

#[derive(Deserialize)]
pub(super) struct OwnedLine {
    #[serde(with = "CredentialShape")]
    credential: Credential,
    versions: Vec<OwnedVersionLine>,
}

#[derive(Deserialize)]
struct OwnedVersionLine {
    version: i64,
    created_at: Timestamp,
    created_by: String,
    secrets: OwnedShape,
}

impl OwnedLine {
    pub(super) fn into_exported(self) -> ExportedCredential {
        let versions = self.versions.into_iter().map(|version| ExportedVersion {
            version: version.version,
            created_at: version.created_at,
            created_by: version.created_by,
            secrets: version.secrets.into_secrets(),
        });
        ExportedCredential { credential: self.credential, versions: versions.collect() }
    }
}

/// The fields of [`Credential`]; the compiler keeps them the same.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Credential")]
#[expect(clippy::struct_excessive_bools, reason = "so has the credential")]
struct CredentialShape {
    id: Id<Credential>,
    client_id: Option<Uuid>,
    service_id: Option<Uuid>,
    infrastructure_id: Option<Uuid>,
    service_name: String,
    credential_type: CredentialType,
    username: Option<String>,
    external_url: Option<String>,
    internal_url: Option<String>,
    custom_port: Option<i32>,
    role_description: Option<String>,
    requires_vpn: bool,
    requires_2fa: bool,
    requires_reason: bool,
    expires_at: Option<Timestamp>,
    last_rotated_at: Option<Timestamp>,
    rotation_interval_days: Option<i32>,
    is_active: bool,
    tags: Vec<String>,
    #[serde(serialize_with = "write_set", deserialize_with = "read_set")]
    has: FieldSet,
    version: i64,
    #[serde(with = "AccessShape")]
    access: Access,
    created_at: Timestamp,
    updated_at: Timestamp,
    revision: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Access")]
struct AccessShape {
    subjects: BTreeSet<String>,
    agent_types: BTreeSet<String>,
}

fn write_set<S: Serializer>(set: &FieldSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(set)
}

fn read_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FieldSet, D::Error> {
    let text = String::deserialize(deserializer)?;
    FieldSet::parse(&text).ok_or_else(|| de::Error::custom("no set of secret fields"))
}
