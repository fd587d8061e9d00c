//! The versions of a credential's secrets.

use claudetools_kernel::{Entity, Id, Timestamp};

use crate::{Credential, FieldSet, Place, Purpose, Sealed};

/// How many former versions are kept beside the present one.
pub const KEPT_VERSIONS: i64 = 10;

/// One version of the secrets of a credential, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedVersion {
    /// Whose secrets they are.
    pub credential_id: Id<Credential>,
    /// Counted from 1.
    pub version: i64,
    /// Which secret fields are inside.
    pub fields: FieldSet,
    /// The secrets.
    pub sealed: Sealed,
    /// When the version came into being.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last sealed under a new data key.
    pub sealed_at: Timestamp,
}

impl SealedVersion {
    /// What the ciphertext is bound to.
    pub fn place(&self) -> Place {
        place(self.credential_id, self.version, self.fields.clone())
    }

    /// What may be shown of it.
    pub fn info(&self) -> VersionInfo {
        VersionInfo {
            version: self.version,
            fields: self.fields.clone(),
            key_id: self.sealed.key_id.clone(),
            created_at: self.created_at,
            created_by: self.created_by.clone(),
        }
    }
}

/// What the secrets of a credential's version are bound to.
pub fn place(credential: Id<Credential>, version: i64, fields: FieldSet) -> Place {
    Place { purpose: Purpose::Secrets, row: credential.uuid(), version, fields }
}

/// What may be shown of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// Counted from 1.
    pub version: i64,
    /// Which secret fields are inside.
    pub fields: FieldSet,
    /// The master key that wraps its data key.
    pub key_id: String,
    /// When it came into being.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// The value that tells at start-up whether the master keys are the right ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultCheck {
    /// A known text, sealed under the master key in force.
    pub sealed: Sealed,
}

/// How many versions one master key wraps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrapCount {
    /// The key.
    pub key_id: String,
    /// All that it wraps.
    pub versions: u64,
    /// Of these, the ones sealed before the instant asked about; all when none was.
    pub outdated: u64,
}

/// The number of a version, as [`claudetools_kernel::Error::NotFound`] names it.
#[derive(Debug)]
pub(crate) struct VersionMarker;

impl Entity for VersionMarker {
    const TYPE: &'static str = "credential_version";

    fn id(&self) -> Id<Self> {
        Id::new(uuid::Uuid::nil())
    }
}
