//! What can go wrong in a use case. One type for all domains; `http::error` maps it to statuses, in one table.

use std::fmt;

use uuid::Uuid;

use crate::{Id, Scope, id::Entity};

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One thing wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, as the caller spelt it or would have: `profiles[2]`, `limit`.
    pub field: String,
    /// The rule broken, one word: `required`, `max_length`, `after_start`.
    pub constraint: String,
    /// What to change, beginning with the field's name.
    pub message: String,
    /// Whether the request fits the schema and fails for its sense (422) rather than for its form (400).
    pub semantic: bool,
}

/// Everything wrong with a request, gathered before it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes that `field` does not fit the schema. `rule` follows the field's name in the message: "must not be empty".
    pub fn schema(&mut self, field: &str, constraint: &str, rule: &str) {
        self.push(field, constraint, rule, false);
    }

    /// Notes that `field` fits the schema but makes no sense.
    pub fn semantic(&mut self, field: &str, constraint: &str, rule: &str) {
        self.push(field, constraint, rule, true);
    }

    fn push(&mut self, field: &str, constraint: &str, rule: &str, semantic: bool) {
        self.0.push(Fault {
            field: field.to_owned(),
            constraint: constraint.to_owned(),
            message: format!("{field} {rule}"),
            semantic,
        });
    }

    /// The value of a required field; its absence is noted.
    pub fn required<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.schema(field, "required", "is required");
        }
        value
    }

    /// Notes every absent field among `given`, pairs of a name and whether it was given.
    pub fn require_all(&mut self, given: &[(&str, bool)]) {
        for (field, _) in given.iter().filter(|(_, given)| !given) {
            self.schema(field, "required", "is required");
        }
    }

    /// Whether nothing was noted.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was noted, in the order of noting.
    pub fn list(&self) -> &[Fault] {
        &self.0
    }

    /// Adds what another check noted.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Refuses with [`Error::Invalid`] if anything was noted.
    pub fn finish(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::Invalid(self)) }
    }

    /// One fault of form, as an error.
    pub fn one(field: &str, constraint: &str, rule: &str) -> Error {
        let mut faults = Self::default();
        faults.schema(field, constraint, rule);
        Error::Invalid(faults)
    }

    /// One fault of sense, as an error.
    pub fn one_semantic(field: &str, constraint: &str, rule: &str) -> Error {
        let mut faults = Self::default();
        faults.semantic(field, constraint, rule);
        Error::Invalid(faults)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { "; " }, fault.message)?;
        }
        Ok(())
    }
}

/// Rows that still refer to one that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The kind of rows, as in [`Entity::TYPE`].
    pub resource_type: &'static str,
    /// How many there are.
    pub count: u64,
}

/// Why a use case did not do what was asked. What the client sees of it is decided in the HTTP adapter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request does not fit the schema (400) or makes no sense (422).
    #[error("{0}")]
    Invalid(Faults),
    /// No caller could be made out of the credentials given (401). The text says what to change.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The caller lacks a scope (403).
    #[error("this needs the scope {required}")]
    Forbidden {
        /// The scope that would do.
        required: Scope,
    },
    /// The caller may not do this to that row, whatever the scopes (403).
    #[error("{0}")]
    NotPermitted(&'static str),
    /// The token was revoked (403).
    #[error("this token has been revoked; log in again")]
    TokenRevoked,
    /// No such row, or none that the caller may see (404).
    #[error("{resource_type} {resource_id} does not exist")]
    NotFound {
        /// As in [`Entity::TYPE`].
        resource_type: &'static str,
        /// What the caller asked for.
        resource_id: String,
    },
    /// A unique field is taken (409).
    #[error("{field} is already taken")]
    Duplicate {
        /// The field.
        field: &'static str,
        /// The row that has it.
        existing: Uuid,
    },
    /// The state forbids it (409).
    #[error("{0}")]
    Conflict(String),
    /// The write bears a fencing token, and a higher one was seen (409).
    #[error("the lock behind this token is over: a write under token {max_token} came before")]
    Overtaken {
        /// The highest token seen.
        max_token: i64,
    },
    /// Other rows refer to the one that is to go (409).
    #[error("{} {resource_id} is still referred to by {}", .resource_type, list_referrers(.referrers))]
    StillReferenced {
        /// As in [`Entity::TYPE`].
        resource_type: &'static str,
        /// The row that was to go.
        resource_id: Uuid,
        /// What refers to it.
        referrers: Vec<Referrer>,
    },
    /// `If-Match` names another revision (412).
    #[error("the resource has changed since; read it again and repeat the change")]
    PreconditionFailed {
        /// The revision that the row has now.
        current: i64,
    },
    /// Too many attempts (429).
    #[error("too many attempts; try again in {retry_after_seconds} seconds")]
    TooManyRequests {
        /// How long to wait.
        retry_after_seconds: u64,
    },
    /// A queue is full (503). The text is for the log.
    #[error("busy: {0}")]
    Busy(&'static str),
    /// The storage failed (409, 500 or 503, by kind).
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret could not be sealed or opened (500). The text is for the log, and holds nothing of the secret.
    #[error("encryption: {0}")]
    Encryption(String),
    /// Something that cannot happen did (500). The text is for the log.
    #[error("internal error: {0}")]
    Internal(String),
}

fn list_referrers(referrers: &[Referrer]) -> String {
    let parts: Vec<String> = referrers.iter().map(|r| format!("{} {}(s)", r.count, r.resource_type)).collect();
    parts.join(", ")
}

impl Error {
    /// The row `id` of a `K` does not exist.
    pub fn not_found<K: Entity>(id: Id<K>) -> Self {
        Self::NotFound { resource_type: K::TYPE, resource_id: id.to_string() }
    }

    /// Refuses with [`Error::Duplicate`] when the row that has the value of a unique field is another than `own`.
    pub fn refuse_taken<K>(field: &'static str, holder: Option<Id<K>>, own: Id<K>) -> Result<()> {
        match holder {
            Some(other) if other != own => Err(Self::Duplicate { field, existing: other.uuid() }),
            _ => Ok(()),
        }
    }

    /// Refuses with [`Error::StillReferenced`] unless `referrers` is empty.
    pub fn refuse_if_referenced<K: Entity>(id: Id<K>, referrers: Vec<Referrer>) -> Result<()> {
        if referrers.is_empty() {
            return Ok(());
        }
        Err(Self::StillReferenced { resource_type: K::TYPE, resource_id: id.uuid(), referrers })
    }

    /// Whether repeating the whole use case can mend it: the store met another writer.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}

/// Why the storage did not do what it was told. The texts are for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer was in the way: a serialisation failure, a deadlock, a row changed since it was read.
    #[error("contention: {0}")]
    Contention(String),
    /// A unique index or a foreign key refused the row. A use case looks first, so that this too means another writer
    /// came in between; repeating it finds the other's row and says so properly.
    #[error("constraint: {0}")]
    Constraint(String),
    /// The database cannot be reached or is too busy.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The database went away in the middle of a commit: what was to be written is there, or it is not.
    #[error("outcome unknown: {0}")]
    Undecided(String),
    /// A row holds what no use case could have written.
    #[error("bad row in {table}, column {column}: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id and what is wrong with it.
        problem: String,
    },
    /// Any other failure of the database.
    #[error("database: {0}")]
    Database(String),
}

impl StoreError {
    /// Whether repeating the whole use case can mend it.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Contention(_) | Self::Constraint(_))
    }
}
