//! The audit chain: one row for each access, each bound to all before it.

use chrono::NaiveDate;
use claudetools_kernel::{Direction, Keyed, SortField, SortKey, SortKind, Timestamp, enumeration};
use uuid::Uuid;

/// The hash that the first row follows.
pub const GENESIS: [u8; 32] = [0; 32];

enumeration! {
    /// What was done with a credential.
    pub enum AuditAction {
        /// It was entered.
        Create = "create",
        /// Its secrets were read.
        Read = "read",
        /// It was changed.
        Update = "update",
        /// It was removed with all its versions.
        Delete = "delete",
        /// Master keys were rotated: data keys wrapped anew, or a new epoch of the chain.
        Rotate = "rotate",
        /// An earlier version was read.
        VersionRead = "version_read",
        /// A one-time password was computed.
        Totp = "totp",
        /// A one-time link was made.
        ShareCreated = "share_created",
        /// A one-time link was opened.
        ShareOpened = "share_opened",
        /// It was changed who may see it.
        AccessChanged = "access_changed",
        /// Somebody was refused.
        Denied = "denied",
    }
}

/// What is recorded of an access, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The credential; `None` for what concerns the vault as a whole.
    pub credential_id: Option<Uuid>,
    /// A copy of its name, which stays when the credential goes.
    pub credential_name: Option<String>,
    /// What was done.
    pub action: AuditAction,
    /// Who did it: an address, `agent:<type>`, `share` for whoever holds a link, `cli` for the command line.
    pub subject: String,
    /// Set when an agent did.
    pub agent_type: Option<String>,
    /// The session that started the agent.
    pub parent_session: Option<Uuid>,
    /// The caller's address.
    pub client_ip: Option<String>,
    /// The caller's `User-Agent`, cut to 255 characters.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// Why, in the caller's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A row of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id, for lists.
    pub id: Uuid,
    /// Its place, counted from 1 without gaps.
    pub seq: i64,
    /// The epoch whose key the hash was made with.
    pub epoch: i64,
    /// What is recorded.
    pub event: AuditEvent,
    /// HMAC-SHA256 under the epoch's key of the hash before and [`Self::canonical`].
    pub hash: [u8; 32],
}

impl AuditRow {
    /// The row as bytes that are the same on every machine: each field with its length before it, an absent one marked as
    /// such, numbers in eight bytes, most significant first.
    pub fn canonical(&self) -> Vec<u8> {
        let event = &self.event;
        let mut bytes = Vec::with_capacity(256);
        bytes.push(1);
        bytes.extend_from_slice(self.id.as_bytes());
        for number in [self.seq, self.epoch, event.at.micros()] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        let (credential, session) =
            (event.credential_id.map(Uuid::into_bytes), event.parent_session.map(Uuid::into_bytes));
        let action = claudetools_kernel::Enumeration::as_str(event.action);
        let fields: [Option<&[u8]>; 10] = [
            credential.as_ref().map(<[u8; 16]>::as_slice),
            event.credential_name.as_deref().map(str::as_bytes),
            Some(action.as_bytes()),
            Some(event.subject.as_bytes()),
            event.agent_type.as_deref().map(str::as_bytes),
            session.as_ref().map(<[u8; 16]>::as_slice),
            event.client_ip.as_deref().map(str::as_bytes),
            event.user_agent.as_deref().map(str::as_bytes),
            event.request_id.as_deref().map(str::as_bytes),
            event.reason.as_deref().map(str::as_bytes),
        ];
        for field in fields {
            match field {
                None => bytes.push(0),
                Some(field) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
                    bytes.extend_from_slice(field);
                }
            }
        }
        bytes
    }
}

/// The end of the chain: what the next row follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The last row's place; 0 before the first.
    pub seq: i64,
    /// The epoch in force.
    pub epoch: i64,
    /// The last row's hash; [`GENESIS`] before the first.
    pub hash: [u8; 32],
    /// HMAC-SHA256 of the three under the epoch's key: a head that was moved back or made up is found.
    pub seal: [u8; 32],
}

impl Head {
    /// What [`Self::seal`] is made of.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = b"head".to_vec();
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes
    }
}

/// A stretch of the chain under one audit key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its number, counted from 1.
    pub epoch: i64,
    /// The master key that its audit key is derived from.
    pub key_id: String,
    /// The first row of it.
    pub first_seq: i64,
    /// The audit key sealed under the master key in force now; it is needed when the one it was derived from is gone.
    pub sealed_key: crate::Sealed,
}

enumeration! {
    /// What the audit chain can be sorted by.
    pub enum ChainSort {
        /// By the place in the chain.
        Seq = "seq",
    }
}

impl SortField for ChainSort {
    const DEFAULT: (Self, Direction) = (Self::Seq, Direction::Descending);

    fn kind(self) -> SortKind {
        SortKind::Integer
    }
}

impl Keyed<ChainSort> for AuditRow {
    fn row_id(&self) -> Uuid {
        self.id
    }

    fn sort_key(&self, field: ChainSort) -> SortKey {
        match field {
            ChainSort::Seq => SortKey::Integer(self.seq),
        }
    }
}

/// Which rows of the chain to list; conditions combine with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainFilter {
    /// The credential.
    pub credential_id: Option<Uuid>,
    /// Who did it, compared whole.
    pub subject: Option<String>,
    /// What was done.
    pub action: Option<AuditAction>,
    /// The first day (UTC).
    pub date_from: Option<NaiveDate>,
    /// The last day (UTC).
    pub date_to: Option<NaiveDate>,
}

impl ChainFilter {
    /// The first instant that it admits.
    pub fn begin(&self) -> Option<Timestamp> {
        self.date_from.map(Timestamp::midnight)
    }

    /// The first instant that it admits no more.
    pub fn end(&self) -> Option<Timestamp> {
        self.date_to.and_then(|day| day.succ_opt()).map(Timestamp::midnight)
    }

    /// Whether `row` is to be listed.
    pub fn admits(&self, row: &AuditRow) -> bool {
        let event = &row.event;
        self.credential_id.is_none_or(|wanted| event.credential_id == Some(wanted))
            && self.subject.as_deref().is_none_or(|wanted| event.subject == wanted)
            && self.action.is_none_or(|wanted| event.action == wanted)
            && self.begin().is_none_or(|begin| begin <= event.at)
            && self.end().is_none_or(|end| event.at < end)
    }
}
