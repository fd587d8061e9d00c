//! The vault: credentials whose secrets a stolen database does not reveal, and a record that no access escapes.
//!
//! Secrets are sealed under a data key of their own, which a master key wraps; both are bound to the row and the version they
//! belong to ([`Place`]). Whoever reads a secret leaves a row in the audit chain first ([`AuditRow`]): the row and the access
//! commit together or not at all. `docs/threat-model.md` says what that holds against.
#![warn(missing_docs)]

pub mod ports;

mod access;
mod chain;
mod credential;
mod sealed;
mod secrets;
mod share;
mod version;

pub use access::{Access, AccessFields, Viewer};
pub use chain::{AuditAction, AuditEvent, AuditRow, ChainFilter, ChainSort, Epoch, GENESIS, Head};
pub use credential::{Credential, CredentialFields, CredentialFilter, CredentialQuery, CredentialSort, CredentialType};
pub use sealed::{FORMAT, Key, Place, Plaintext, Purpose, Sealed, VaultError};
pub use secrets::{FieldSet, MAX_SECRET_BYTES, SecretField, SecretFields, Secrets};
pub use share::Share;
pub use version::{KEPT_VERSIONS, SealedVersion, VaultCheck, VersionInfo, WrapCount, place};
