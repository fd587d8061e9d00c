//! Transactions, and the rule that a change commits together with its record.
//!
//! A use case that writes does not commit. It returns a [`Change`]: its result and the open transaction. Whoever called
//! it turns the result into the answer and commits with a [`Receipt`], so that the change, its audit row and the answer
//! kept for a repeated request are in the database together or not at all. Dropping a `Change` rolls it back.

use std::{fmt, net::IpAddr};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{StoreError, Timestamp};

/// An open transaction.
#[async_trait]
pub trait Transaction: Send {
    /// Adds a row to the API audit log.
    async fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Keeps the answer for a repeated request, in place of one that has expired. A live record under the same caller and key
    /// is [`StoreError::Constraint`]: another request with this key has committed meanwhile.
    async fn keep_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError>;

    /// [`Self::keep_reply`] for a key that was probably never used: at the latest with the commit. Even a record that has
    /// expired is [`StoreError::Constraint`] then.
    async fn keep_first_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError>;

    /// The answer kept under this caller and key, unless it has expired.
    async fn kept_reply(&mut self, caller: &str, key: &str, now: Timestamp)
    -> Result<Option<ReplayRecord>, StoreError>;

    /// Forgets the answers that have expired; tells how many.
    async fn forget_replies(&mut self, now: Timestamp) -> Result<u64, StoreError>;

    /// Makes everything done in this transaction durable. Dropping the transaction instead undoes it.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// A transaction whose commit something follows: what it is told of the outcome, it may act on and put in other words.
pub struct AfterCommit<F> {
    inner: Box<dyn Transaction>,
    then: F,
}

impl<F> AfterCommit<F>
where
    F: FnOnce(Result<(), StoreError>) -> Result<(), StoreError> + Send,
{
    /// `inner`, whose commit `then` follows. A transaction that is dropped calls nobody.
    pub fn new(inner: Box<dyn Transaction>, then: F) -> Self {
        Self { inner, then }
    }
}

impl<F> fmt::Debug for AfterCommit<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfterCommit").finish_non_exhaustive()
    }
}

#[async_trait]
impl<F> Transaction for AfterCommit<F>
where
    F: FnOnce(Result<(), StoreError>) -> Result<(), StoreError> + Send,
{
    async fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.inner.append_audit(entry).await
    }

    async fn keep_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError> {
        self.inner.keep_reply(record).await
    }

    async fn keep_first_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError> {
        self.inner.keep_first_reply(record).await
    }

    async fn kept_reply(
        &mut self,
        caller: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<ReplayRecord>, StoreError> {
        self.inner.kept_reply(caller, key, now).await
    }

    async fn forget_replies(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.forget_replies(now).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { inner, then } = *self;
        then(inner.commit().await)
    }
}

/// Where transactions come from. `T` is a domain's own transaction trait, such as `dyn SessionsTx`.
#[async_trait]
pub trait UnitOfWork<T: ?Sized + Send>: Send + Sync {
    /// Begins a transaction that may write.
    async fn begin(&self) -> Result<Box<T>, StoreError>;

    /// A view for reading; each statement sees what was committed when it ran.
    async fn read(&self) -> Result<Box<T>, StoreError>;
}

/// What a writing use case made, not yet committed.
#[must_use = "a change that is dropped is rolled back"]
pub struct Change<T> {
    value: T,
    transaction: Box<dyn Transaction>,
}

impl<T> Change<T> {
    /// The result of a use case and the transaction that holds it.
    pub fn new(value: T, transaction: Box<dyn Transaction>) -> Self {
        Self { value, transaction }
    }

    /// The result, as it will stand once committed.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The same change with another view of its result.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        Change { value: f(self.value), transaction: self.transaction }
    }

    /// Writes the receipt and commits. On an error nothing of the change remains.
    pub async fn commit(mut self, receipt: Receipt) -> Result<T, StoreError> {
        receipt.leave(self.transaction.as_mut()).await?;
        self.transaction.commit().await?;
        Ok(self.value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("value", &self.value).finish_non_exhaustive()
    }
}

/// What commits together with a change.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// The row of the API audit log; absent where no API call caused the change (a command line, a test).
    pub audit: Option<AuditEntry>,
    /// The answer to keep, when the request bore an idempotency key.
    pub replay: Option<Replay>,
}

impl Receipt {
    /// Writes it down in `tx`.
    pub async fn leave(&self, tx: &mut dyn Transaction) -> Result<(), StoreError> {
        if let Some(entry) = &self.audit {
            tx.append_audit(entry).await?;
        }
        match &self.replay {
            Some(Replay::First(record)) => tx.keep_first_reply(record).await,
            Some(Replay::Again(record)) => tx.keep_reply(record).await,
            None => Ok(()),
        }
    }
}

/// An answer to keep, and what is known of its key.
#[derive(Debug, Clone)]
pub enum Replay {
    /// The key was probably never used before.
    First(ReplayRecord),
    /// An answer under the key may be there that has expired.
    Again(ReplayRecord),
}

/// One row of the API audit log: who called what, and how it ended. No bodies, no secret query values, no tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The row's id.
    pub id: Uuid,
    /// When the request came in.
    pub at: Timestamp,
    /// The `X-Request-Id` of the answer.
    pub request_id: String,
    /// The caller; `None` when no token was accepted.
    pub subject: Option<String>,
    /// Set when an agent called.
    pub agent_type: Option<String>,
    /// The session that started the agent.
    pub parent_session: Option<Uuid>,
    /// The HTTP method.
    pub method: String,
    /// The route's template, such as `/api/v1/sessions/{id}`; `None` when no route fits the path.
    pub route: Option<String>,
    /// The path as called, without the query.
    pub path: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// How long the request took, in microseconds, up to the commit of its change or its last byte.
    pub duration_micros: i64,
    /// The address of the caller.
    pub client_ip: Option<IpAddr>,
    /// The `User-Agent`, cut to 255 characters.
    pub user_agent: Option<String>,
}

/// An answer kept for a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRecord {
    /// Whose key it is ([`crate::Actor::key_space`]).
    pub caller: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of method, path, query and body: another request under the same key is refused.
    pub fingerprint: [u8; 32],
    /// The answer.
    pub reply: StoredReply,
    /// When the request was first answered.
    pub created_at: Timestamp,
    /// When the key may be used anew.
    pub expires_at: Timestamp,
}

/// The part of an answer that a replay repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReply {
    /// The HTTP status.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}
