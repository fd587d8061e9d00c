//! What a sealed secret looks like, and what it is bound to.

use std::fmt;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::FieldSet;

/// The first byte of everything that is sealed: the format, so that a later one can be told apart.
pub const FORMAT: u8 = 1;

/// What a ciphertext is for. One made for one purpose does not open as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The secret fields of a credential.
    Secrets,
    /// An audit key of an earlier epoch.
    AuditKey,
    /// The value that tells at start-up whether the master keys are the right ones.
    Check,
    /// What a one-time link shows.
    Share,
    /// An export of the vault under a passphrase.
    Export,
}

impl Purpose {
    /// Its name in associated data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secrets => "claudetools.secrets",
            Self::AuditKey => "claudetools.audit-key",
            Self::Check => "claudetools.check",
            Self::Share => "claudetools.share",
            Self::Export => "claudetools.export",
        }
    }
}

/// Where a ciphertext belongs: it opens nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is for.
    pub purpose: Purpose,
    /// The row: a credential's id, a share's id; nil where there is but one.
    pub row: Uuid,
    /// The version of a credential, the epoch of an audit key, else 0.
    pub version: i64,
    /// The secret fields inside.
    pub fields: FieldSet,
}

impl Place {
    /// The associated data of a ciphertext under the key `key_id`, `layer` telling a wrapped data key from what the data key
    /// seals. Every part is preceded by its length, so that no two places share a text.
    pub fn associated_data(&self, layer: &str, key_id: &[u8]) -> Vec<u8> {
        let (version, fields) = (self.version.to_be_bytes(), self.fields.to_string());
        let parts: [&[u8]; 6] = [
            self.purpose.name().as_bytes(),
            layer.as_bytes(),
            self.row.as_bytes(),
            &version,
            fields.as_bytes(),
            key_id,
        ];
        let mut data = Vec::with_capacity(parts.iter().map(|part| 4 + part.len()).sum());
        for part in parts {
            data.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// Something sealed under a data key of its own, and the data key wrapped with a master key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The id of the master key that wraps the data key.
    pub key_id: String,
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
    /// What the data key seals.
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Bytes in plain, wiped when dropped.
pub type Plaintext = Zeroizing<Vec<u8>>;

/// A 256-bit key, wiped when dropped.
pub type Key = Zeroizing<[u8; 32]>;

/// Why something did not open, or could not be sealed. It never says anything about the plaintext.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The key ring lacks the master key.
    #[error("the key ring has no master key {0}: put it back into MASTER_KEYS or the key file")]
    UnknownKey(String),
    /// The first byte names a format that this version does not know.
    #[error("format {0} of a sealed value is not known to this version")]
    Format(u8),
    /// It is shorter than anything that was ever sealed.
    #[error("a sealed value is cut off")]
    Truncated,
    /// It was altered, or it belongs to another place or key.
    #[error("a sealed value was altered or does not belong where it was found")]
    Forged,
    /// The key ring cannot be read.
    #[error("the master keys cannot be read: {0}")]
    KeyRing(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
}
