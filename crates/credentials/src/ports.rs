//! What this domain needs from outside: storage and cryptography.

use std::fmt;

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest, Records, Stored, Timestamp, Transaction};
use uuid::Uuid;

use crate::{
    Access, AuditRow, ChainFilter, ChainSort, Credential, CredentialFilter, CredentialSort, Epoch, Head, Key, Place,
    Plaintext, Sealed, SealedVersion, Share, VaultCheck, VaultError, VersionInfo, WrapCount,
};

/// A transaction over everything that this domain keeps.
pub trait CredentialsTx: Transaction {
    /// The credentials.
    fn credentials(&mut self) -> &mut dyn CredentialRepository;
    /// Their secrets, version by version.
    fn versions(&mut self) -> &mut dyn VersionRepository;
    /// One-time links.
    fn shares(&mut self) -> &mut dyn ShareRepository;
    /// The audit chain.
    fn chain(&mut self) -> &mut dyn ChainRepository;
    /// What credentials refer to in other domains.
    fn directory(&mut self) -> &mut dyn Directory;
}

/// Where credentials are kept, with their tags and who may see them. Removing one removes its versions and shares.
#[async_trait]
pub trait CredentialRepository: Records<Credential> {
    /// A page of credentials.
    async fn list(&mut self, filter: &CredentialFilter, page: &PageRequest<CredentialSort>)
    -> Stored<Page<Credential>>;
    /// A credential together with one of its versions: that of this number, or the present one. `None` for the version when there
    /// is no such.
    async fn with_version(
        &mut self,
        id: Id<Credential>,
        version: Option<i64>,
    ) -> Stored<Option<(Credential, Option<SealedVersion>)>>;
    /// Whether there is none at all.
    async fn is_empty(&mut self) -> Stored<bool>;
    /// Replaces who may see the credential; its revision stays.
    async fn restrict(&mut self, id: Id<Credential>, access: &Access) -> Stored<()>;
}

/// Where the secrets of credentials are kept. Unique: credential and version.
#[async_trait]
pub trait VersionRepository: Send {
    /// Adds a version.
    async fn add(&mut self, version: &SealedVersion) -> Stored<()>;
    /// One version.
    async fn lookup(&mut self, credential: Id<Credential>, version: i64) -> Stored<Option<SealedVersion>>;
    /// What versions there are of a credential, the newest first, without the secrets.
    async fn of(&mut self, credential: Id<Credential>) -> Stored<Vec<VersionInfo>>;
    /// Removes the versions of a credential up to this one; tells how many.
    async fn remove_up_to(&mut self, credential: Id<Credential>, version: i64) -> Stored<u64>;
    /// At most `limit` versions of any credential that are wrapped with another key than `key_id` or, where `before` is given,
    /// were sealed before it; in the order of credential and version, those behind `after`.
    async fn outdated(
        &mut self,
        key_id: &str,
        before: Option<Timestamp>,
        after: Option<(Id<Credential>, i64)>,
        limit: u32,
    ) -> Stored<Vec<SealedVersion>>;
    /// Replaces what is sealed of a version, if its wrapped key is still the one given; tells whether it was.
    async fn reseal(&mut self, version: &SealedVersion, was: &Sealed) -> Stored<bool>;
    /// How many versions each master key wraps, and how many of those were sealed before `before`; by key id.
    async fn wrap_counts(&mut self, before: Option<Timestamp>) -> Stored<Vec<WrapCount>>;
}

/// Where one-time links are kept.
#[async_trait]
pub trait ShareRepository: Send {
    /// Adds a link.
    async fn add(&mut self, share: &Share) -> Stored<()>;
    /// A link as it stands now, held against other writers until the transaction ends.
    async fn lock(&mut self, id: Uuid) -> Stored<Option<Share>>;
    /// Notes that a link has so many views left.
    async fn set_views_left(&mut self, id: Uuid, left: i32) -> Stored<()>;
    /// Removes a link; tells whether there was one.
    async fn remove(&mut self, id: Uuid) -> Stored<bool>;
    /// Removes the links to a credential; tells how many.
    async fn remove_of(&mut self, credential: Id<Credential>) -> Stored<u64>;
    /// Removes the links that end at or before `now`; tells how many.
    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64>;
}

/// Where the audit chain is kept. Rows are only ever added. Unique: `seq`.
#[async_trait]
pub trait ChainRepository: Send {
    /// The head as it stands now, held against other writers until the transaction ends; `None` before the vault's first start.
    async fn lock_head(&mut self) -> Stored<Option<Head>>;
    /// The head, held against nobody.
    async fn head(&mut self) -> Stored<Option<Head>>;
    /// Makes or replaces the head.
    async fn put_head(&mut self, head: &Head) -> Stored<()>;
    /// Adds a row.
    async fn append(&mut self, row: &AuditRow) -> Stored<()>;
    /// At most `limit` rows behind `seq`, in the order of `seq`.
    async fn rows_after(&mut self, seq: i64, limit: u32) -> Stored<Vec<AuditRow>>;
    /// A page of rows.
    async fn list(&mut self, filter: &ChainFilter, page: &PageRequest<ChainSort>) -> Stored<Page<AuditRow>>;
    /// All epochs, in their order.
    async fn epochs(&mut self) -> Stored<Vec<Epoch>>;
    /// Adds an epoch, or replaces the sealed key of one that exists.
    async fn put_epoch(&mut self, epoch: &Epoch) -> Stored<()>;
    /// The value that tells whether the master keys are the right ones, held against other writers until the transaction ends;
    /// `None` before the vault's first start.
    async fn lock_check(&mut self) -> Stored<Option<VaultCheck>>;
    /// That value, held against nobody.
    async fn check(&mut self) -> Stored<Option<VaultCheck>>;
    /// Makes or replaces that value.
    async fn put_check(&mut self, check: &VaultCheck) -> Stored<()>;
}

/// What credentials refer to in other domains.
#[async_trait]
pub trait Directory: Send {
    /// Whether the database has been used: anybody has called the API, or entered a client or a session of work.
    async fn is_used(&mut self) -> Stored<bool>;
    /// Whether there is a client with this id.
    async fn has_client(&mut self, id: Uuid) -> Stored<bool>;
    /// The client with this name, in the form of [`claudetools_kernel::text::fold`].
    async fn client_named(&mut self, folded: &str) -> Stored<Option<Uuid>>;
    /// Whether there is a service with this id.
    async fn has_service(&mut self, id: Uuid) -> Stored<bool>;
    /// Whether there is a piece of infrastructure with this id.
    async fn has_infrastructure(&mut self, id: Uuid) -> Stored<bool>;
}

/// Seals and opens under the master keys of a key ring.
pub trait Vault: Send + Sync + fmt::Debug {
    /// The id of the master key that wraps new data keys.
    fn active_key(&self) -> String;
    /// The ids of all master keys, the active one first.
    fn keys(&self) -> Vec<String>;
    /// Reads the key ring anew, where it comes from a file that may have been changed since.
    ///
    /// # Errors
    /// [`VaultError::KeyRing`]; the ring then stays as it was.
    fn reload(&self) -> Result<(), VaultError>;
    /// Seals `plaintext` for `place` under a new data key.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`]
    fn seal(&self, place: &Place, plaintext: &[u8]) -> Result<Sealed, VaultError>;
    /// Opens what was sealed for `place`. A key that the ring lacks is looked for once in the file it came from.
    ///
    /// # Errors
    /// Every [`VaultError`] but the last two says why it does not open.
    fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, VaultError>;
    /// The same ciphertext, its data key wrapped with the active master key.
    ///
    /// # Errors
    /// As for [`Self::open`].
    fn rewrap(&self, place: &Place, sealed: &Sealed) -> Result<Sealed, VaultError>;
    /// The audit key that belongs to a master key, derived by HKDF-SHA256 (RFC 5869).
    ///
    /// # Errors
    /// [`VaultError::UnknownKey`]
    fn audit_key(&self, key_id: &str) -> Result<Key, VaultError>;
}

/// The hash function of an HMAC (RFC 2104).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacHash {
    /// SHA-1, for one-time passwords alone.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Cryptography that needs no master key.
pub trait Primitives: Send + Sync + fmt::Debug {
    /// HMAC of `message`.
    fn hmac(&self, hash: HmacHash, key: &[u8], message: &[u8]) -> Vec<u8>;
    /// Whether both are the same, in a time that depends on their length alone.
    fn same(&self, a: &[u8], b: &[u8]) -> bool;
    /// Fills `bytes` with random ones.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`]
    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError>;
    /// Seals under a key of the caller's own: format byte, nonce, ciphertext and tag.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`]
    fn seal_under(&self, key: &Key, place: &Place, plaintext: &[u8]) -> Result<Vec<u8>, VaultError>;
    /// Opens what [`Self::seal_under`] has sealed.
    ///
    /// # Errors
    /// [`VaultError::Format`], [`VaultError::Truncated`], [`VaultError::Forged`]
    fn open_under(&self, key: &Key, place: &Place, sealed: &[u8]) -> Result<Plaintext, VaultError>;
    /// The key of a passphrase: Argon2id (RFC 9106) with `salt`, 64 MiB, 3 passes, 1 lane.
    ///
    /// # Errors
    /// [`VaultError::KeyRing`] when the memory is not to be had.
    fn passphrase_key(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Key, VaultError>;
}

/// Keeps the head of the chain where the database's administrator cannot change it.
pub trait ChainWitness: Send + Sync + fmt::Debug {
    /// Notes a head that is committed.
    fn note(&self, head: &Head);
}
