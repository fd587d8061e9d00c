//! What this domain needs from outside: storage, passwords, tokens, random numbers.
//!
//! Repositories are one statement a method and object safe. Three kinds of method hold others off:
//! `lock*` reads a row and keeps every other writer away from it until the transaction ends (`SELECT … FOR UPDATE`;
//! nothing to do where writers run one at a time); `save` replaces a row only if it still has the revision that the
//! caller read, else [`claudetools_kernel::StoreError::Contention`]; methods that answer `bool` change a row only under the condition named
//! and tell whether they did. A unique index that refuses a row is [`claudetools_kernel::StoreError::Constraint`].

use std::fmt;

use async_trait::async_trait;
use claudetools_kernel::{AuditEntry, Id, Page, PageRequest, Records, Result, Stored, Timestamp, Transaction};
use uuid::Uuid;

use crate::{
    Account, AccountFilter, AccountSort, AgentRun, AgentRunFilter, AgentRunSort, AuditFilter, AuditSort, Claims,
    RefreshToken, RefreshTokenFilter, RefreshTokenSort, Revocation, Secret, ThrottleState, TokenFault,
};

/// A transaction over everything that this domain keeps.
pub trait IdentityTx: Transaction {
    /// Accounts.
    fn accounts(&mut self) -> &mut dyn AccountRepository;
    /// Refresh tokens.
    fn refresh_tokens(&mut self) -> &mut dyn RefreshTokenRepository;
    /// Revoked access tokens.
    fn revocations(&mut self) -> &mut dyn RevocationRepository;
    /// Failed log-ins.
    fn login_throttle(&mut self) -> &mut dyn LoginThrottleRepository;
    /// Runs of agents.
    fn agent_runs(&mut self) -> &mut dyn AgentRunRepository;
    /// The API audit log; single rows come through [`Transaction::append_audit`].
    fn api_audit_log(&mut self) -> &mut dyn ApiAuditLogRepository;
    /// The sessions of the tracking domain.
    fn session_directory(&mut self) -> &mut dyn SessionDirectory;
}

/// Accounts. Unique: `id`, `email_key`. An account is removed after its refresh tokens.
#[async_trait]
pub trait AccountRepository: Records<Account> {
    /// The account with this folded address.
    async fn find_by_key(&mut self, email_key: &str) -> Stored<Option<Account>>;
    /// The account with this id as it stands now, held against other writers.
    async fn lock(&mut self, id: Id<Account>) -> Stored<Option<Account>>;
    /// The ids of all active accounts with `msp:admin`, ascending, each held against other writers and locked in that
    /// order. A second caller waits here and then sees what the first has left.
    async fn lock_admins(&mut self) -> Stored<Vec<Id<Account>>>;
    /// Sets `last_login_at` and, if given, `password_hash`; revision and `updated_at` stay. A missing row is
    /// [`claudetools_kernel::StoreError::Contention`].
    async fn record_login(&mut self, id: Id<Account>, at: Timestamp, new_hash: Option<&str>) -> Stored<()>;
    /// A page of those that `filter` admits.
    async fn list(&mut self, filter: &AccountFilter, page: &PageRequest<AccountSort>) -> Stored<Page<Account>>;
    /// Whether there is any account at all.
    async fn any(&mut self) -> Stored<bool>;
}

/// Refresh tokens. Unique: `id`, `hash`. `account_id` refers to an account.
#[async_trait]
pub trait RefreshTokenRepository: Send {
    /// Adds a token.
    async fn add(&mut self, token: &RefreshToken) -> Stored<()>;
    /// The token with this id.
    async fn lookup(&mut self, id: Id<RefreshToken>) -> Stored<Option<RefreshToken>>;
    /// The token with this hash.
    async fn find_by_hash(&mut self, hash: &[u8; 32]) -> Stored<Option<RefreshToken>>;
    /// Sets `used_at` and `last_used_at` if the token is neither used nor revoked; of several writers one is told `true`.
    async fn mark_used(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool>;
    /// Sets `last_used_at` if the token is neither used nor revoked.
    async fn touch(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool>;
    /// Sets `revoked_at` unless it is set.
    async fn revoke(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool>;
    /// The same for all of a family; tells how many.
    async fn revoke_family(&mut self, family_id: Uuid, now: Timestamp) -> Stored<u64>;
    /// The same for all of an account; tells how many.
    async fn revoke_account(&mut self, account_id: Id<Account>, now: Timestamp) -> Stored<u64>;
    /// Removes all of an account; tells how many.
    async fn remove_account(&mut self, account_id: Id<Account>) -> Stored<u64>;
    /// Removes those with `expires_at <= now`; tells how many.
    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64>;
    /// A page of those that `filter` admits.
    async fn list(
        &mut self,
        filter: &RefreshTokenFilter,
        page: &PageRequest<RefreshTokenSort>,
    ) -> Stored<Page<RefreshToken>>;
}

/// Revocations of access tokens. Unique: `id` alone; one token may be revoked twice.
#[async_trait]
pub trait RevocationRepository: Send {
    /// Adds a revocation.
    async fn add(&mut self, revocation: &Revocation) -> Stored<()>;
    /// All with `recorded_at >= from` and `expires_at > now`, by `recorded_at`, then id.
    async fn since(&mut self, from: Timestamp, now: Timestamp) -> Stored<Vec<Revocation>>;
    /// Removes those with `expires_at <= now`; tells how many.
    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64>;
}

/// Failed log-ins by address and by caller. Unique: `key`, compared byte by byte.
#[async_trait]
pub trait LoginThrottleRepository: Send {
    /// The state under this key.
    async fn lookup(&mut self, key: &str) -> Stored<Option<ThrottleState>>;
    /// The state under this key as it stands now, held against other writers.
    async fn lock(&mut self, key: &str) -> Stored<Option<ThrottleState>>;
    /// Adds a state.
    async fn add(&mut self, state: &ThrottleState) -> Stored<()>;
    /// Replaces the row that has this key and `previous_revision`.
    async fn save(&mut self, state: &ThrottleState, previous_revision: i64) -> Stored<()>;
    /// Removes the state under this key, if there is one.
    async fn clear(&mut self, key: &str) -> Stored<()>;
    /// Removes those with `updated_at < before`; tells how many.
    async fn remove_idle(&mut self, before: Timestamp) -> Stored<u64>;
}

/// Runs of agents. Unique: `id`, `token_id`. `save` leaves `request_count` as it is, which others add to meanwhile.
#[async_trait]
pub trait AgentRunRepository: Records<AgentRun> {
    /// The run whose access token has this id.
    async fn find_by_token(&mut self, token_id: &str) -> Stored<Option<AgentRun>>;
    /// The run of this type, input and client that completed last, if it did so at `since` or later.
    async fn find_completed(
        &mut self,
        agent_type: &str,
        input_digest: &[u8; 32],
        client_id: Uuid,
        since: Timestamp,
    ) -> Stored<Option<AgentRun>>;
    /// Adds to `request_count` of each run; unknown runs are passed over, revisions stay. The caller sorts by id.
    async fn add_requests(&mut self, counts: &[(Id<AgentRun>, u64)]) -> Stored<()>;
    /// A page of those that `filter` admits.
    async fn list(&mut self, filter: &AgentRunFilter, page: &PageRequest<AgentRunSort>) -> Stored<Page<AgentRun>>;
}

/// The API audit log. Unique: `id`.
#[async_trait]
pub trait ApiAuditLogRepository: Send {
    /// Adds rows, in as few statements as the engine allows.
    async fn add_batch(&mut self, entries: &[AuditEntry]) -> Stored<()>;
    /// A page of those that `filter` admits.
    async fn list(&mut self, filter: &AuditFilter, page: &PageRequest<AuditSort>) -> Stored<Page<AuditEntry>>;
}

/// A session of the tracking domain, as far as it concerns agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSession {
    /// The client that the session is about, if it is about one.
    pub client_id: Option<Uuid>,
}

/// The sessions of the tracking domain.
#[async_trait]
pub trait SessionDirectory: Send {
    /// The session with this id.
    async fn find(&mut self, session: Uuid) -> Stored<Option<KnownSession>>;
}

/// What a password proved to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is the one that was hashed.
    pub ok: bool,
    /// Whether the hash is weaker than new ones: made by another algorithm or with lower parameters.
    pub needs_rehash: bool,
}

/// Hashes passwords, slowly and not too many at once: a full queue is [`claudetools_kernel::Error::Busy`].
#[async_trait]
pub trait PasswordHasher: Send + Sync + fmt::Debug {
    /// A new hash with a salt of its own, as a PHC string.
    async fn hash(&self, password: &Secret) -> Result<String>;
    /// Compares `password` with `hash`. Without a hash (there is no such account) the answer is no, at the price of a
    /// comparison, so that time does not tell which addresses exist.
    async fn verify(&self, password: &Secret, hash: Option<&str>) -> Result<Verified>;
}

/// Signs and verifies access tokens.
pub trait TokenSigner: Send + Sync + fmt::Debug {
    /// The token that says `claims`.
    fn sign(&self, claims: &Claims) -> Result<String>;
    /// What a token says, if it is one of ours and `now` lies within its time.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenFault>;
}

/// Where secrets come from.
pub trait SecretSource: Send + Sync + fmt::Debug {
    /// 256 random bits as 43 characters of base64url.
    fn token(&self) -> Result<Secret>;
}

/// A hash of anything that is no password.
pub trait Digest: Send + Sync + fmt::Debug {
    /// SHA-256.
    fn sha256(&self, bytes: &[u8]) -> [u8; 32];
}
