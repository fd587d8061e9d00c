//! The vault: credentials whose secrets a stolen database does not reveal, and a record that no access escapes.
//!
//! Secrets are sealed under a data key of their own, which a master key wraps; both are bound to the row and the version they
//! belong to ([`Place`]). Whoever reads a secret leaves a row in the audit chain first ([`AuditRow`]): the row and the access
//! commit together or not at all. `docs/threat-model.md` says what that holds against.
#![warn(missing_docs)]

pub mod export;
pub mod import;
pub mod ports;

mod access;
mod chain;
mod chain_service;
mod context;
#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;
mod credential;
mod credential_service;
mod generate;
mod recorder;
mod sealed;
mod secrets;
mod share;
mod share_service;
mod share_token;
mod totp;
mod transfer_service;
mod vault_service;
mod version;

pub use access::{Access, AccessFields, Viewer};
pub use chain::{AuditAction, AuditEvent, AuditRow, ChainFilter, ChainSort, Epoch, GENESIS, Head};
pub use chain_service::{ChainFault, ChainReport, ChainService};
pub use context::{Context, Origin, Refusal, Who};
pub use credential::{
    Credential, CredentialDraft, CredentialFields, CredentialFilter, CredentialQuery, CredentialSort, CredentialType,
};
pub use credential_service::{CredentialService, Decrypted, OneTimePassword, Recorded};
pub use generate::{
    CharacterClass, PASSPHRASE_WORDS, PASSWORD_LENGTHS, PassphrasePolicy, PasswordPolicy, PolicyFields, SecretKind,
    SecretPolicy, USUAL_LENGTH, USUAL_WORDS,
};
pub use sealed::{FORMAT, Key, Place, Plaintext, Purpose, Sealed, VaultError};
pub use secrets::{FieldSet, MAX_SECRET_BYTES, SecretField, SecretFields, Secrets};
pub use share::Share;
pub use share_service::{LONGEST_SHARE_SECONDS, MOST_SHARE_VIEWS, NewShare, OpenedShare, ShareFields, ShareService};
pub use share_token::ShareToken;
pub use totp::{Totp, TotpFault};
pub use transfer_service::{ImportOptions, ImportReport, RowReport, TransferError, TransferService};
pub use vault_service::{
    FailedVersion, Opening, Rewrap, RewrapFields, RotationProgress, VaultService, VaultStartError,
};
pub use version::{KEPT_VERSIONS, SealedVersion, VaultCheck, VersionInfo, WrapCount, place};
