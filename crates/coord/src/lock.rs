//! Locks: what they are, and what a caller asks for.

use std::sync::Arc;

use chrono::TimeDelta;
use claudetools_kernel::{Direction, Entity, Faults, Id, Keyed, Result, SortField, SortKey, Timestamp, text};
use uuid::Uuid;

use crate::ResourcePath;

/// The longest id of an agent's session, in characters.
pub(crate) const SESSION_ID: usize = 128;
/// The most resources of one call.
pub(crate) const RESOURCES: usize = 32;
/// The longest `meta`, in bytes of JSON.
pub(crate) const META: usize = 8192;
/// How long a lock lives unless the call says otherwise, in seconds.
pub(crate) const DEFAULT_TTL: i64 = 1800;
/// The bounds of a lock's life, in seconds.
pub(crate) const TTL: std::ops::RangeInclusive<i64> = 10..=86_400;
/// The longest wait for a lock, in seconds.
pub const LONGEST_WAIT: i64 = 60;

claudetools_kernel::enumeration! {
    /// Whether others may hold the same.
    pub enum LockMode {
        /// Nobody else.
        Exclusive = "exclusive",
        /// Whoever asks for it shared too.
        Shared = "shared",
    }
}

claudetools_kernel::enumeration! {
    /// Whether a lock is held, or how it ended.
    pub enum LockState {
        /// It is held.
        Held = "held",
        /// Its session gave it back, or ended.
        Released = "released",
        /// Its time ran out.
        Expired = "expired",
        /// An administrator took it away.
        Broken = "broken",
    }
}

/// A lock, or one that was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lock {
    /// Its id.
    pub id: Id<Self>,
    /// What it is on.
    pub resource: ResourcePath,
    /// Whether others may hold the same.
    pub mode: LockMode,
    /// The fencing token: rises strictly over all locks.
    pub token: i64,
    /// The agent's session that holds it.
    pub session_id: String,
    /// What the session does with it.
    pub task: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What else the session noted, a JSON object.
    pub meta: Option<String>,
    /// How long it lives from a grant or a renewal, in seconds.
    pub ttl_seconds: i64,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// When its time runs out. It is over from this instant on, whether or not anybody has marked it.
    pub expires_at: Timestamp,
    /// Whether it is held, as far as anybody has marked it.
    pub state: LockState,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it was taken away.
    pub end_reason: Option<String>,
}

impl Lock {
    /// Whether it keeps others out at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == LockState::Held && self.expires_at > now
    }

    /// The state at `now`: a lock whose time has run out is expired, marked or not.
    pub fn state_at(&self, now: Timestamp) -> LockState {
        if self.state == LockState::Held && !self.is_live(now) { LockState::Expired } else { self.state }
    }
}

impl Entity for Lock {
    const TYPE: &'static str = "lock";

    fn id(&self) -> Id<Self> {
        self.id
    }
}

/// A lock with what its session announced about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockDetail {
    /// The lock.
    pub lock: Lock,
    /// The host of its session.
    pub host: Option<String>,
    /// The agent of its session.
    pub agent: Option<String>,
}

/// Which locks to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockFilter {
    /// On this node or below it: a project's key is the path of its resources.
    pub project_key: Option<String>,
    /// Of this session.
    pub session_id: Option<String>,
    /// On exactly this resource.
    pub resource: Option<String>,
    /// Whose resource covers this path: the node itself or one above it.
    pub covering: Option<ResourcePath>,
    /// In this state, by the database's clock.
    pub state: Option<LockState>,
}

impl LockFilter {
    /// The filter in the form in which paths are kept.
    #[must_use]
    pub fn composed(mut self) -> Self {
        self.project_key = self.project_key.as_deref().map(text::composed);
        self.resource = self.resource.as_deref().map(text::composed);
        self
    }

    /// Whether the filter lets a lock through at `now`.
    pub fn admits(&self, lock: &Lock, now: Timestamp) -> bool {
        let within = |key: &String| {
            let rest = lock.resource.as_str().strip_prefix(key.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.project_key.as_ref().is_none_or(within)
            && self.session_id.as_ref().is_none_or(|wanted| *wanted == lock.session_id)
            && self.resource.as_ref().is_none_or(|wanted| wanted == lock.resource.as_str())
            && self.covering.as_ref().is_none_or(|path| lock.resource.covers(path))
            && self.state.is_none_or(|wanted| lock.state_at(now) == wanted)
    }
}

claudetools_kernel::enumeration! {
    /// What lists of locks can be sorted by.
    pub enum LockSort {
        /// When granted.
        GrantedAt = "granted_at",
        /// When its time runs out.
        ExpiresAt = "expires_at",
        /// What it is on.
        Resource = "resource",
    }
}

impl SortField for LockSort {
    const DEFAULT: (Self, Direction) = (Self::GrantedAt, Direction::Descending);
}

impl Keyed<LockSort> for LockDetail {
    fn row_id(&self) -> Uuid {
        self.lock.id.uuid()
    }

    fn sort_key(&self, field: LockSort) -> SortKey {
        match field {
            LockSort::GrantedAt => self.lock.granted_at.into(),
            LockSort::ExpiresAt => self.lock.expires_at.into(),
            LockSort::Resource => SortKey::Text(self.lock.resource.to_string()),
        }
    }
}

/// What a caller may say when it asks for locks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockFields {
    /// The resource, or
    pub resource: Option<String>,
    /// several of them, all or nothing.
    pub resources: Option<Vec<String>>,
    /// Exclusive unless it says otherwise.
    pub mode: Option<LockMode>,
    /// How long, in seconds.
    pub ttl_seconds: Option<i64>,
    /// The agent's session.
    pub session_id: Option<String>,
    /// What it will do.
    pub task: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Anything else, a JSON object.
    pub meta: Option<String>,
}

/// What is asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Want {
    /// The agent's session.
    pub session_id: String,
    /// The resources, without repeats.
    pub resources: Vec<ResourcePath>,
    /// Whether the call named one resource and expects one lock, or a list and expects a list.
    pub is_list: bool,
    /// Whether others may hold the same.
    pub mode: LockMode,
    /// How long, in seconds.
    pub ttl_seconds: i64,
    /// What it will do.
    pub task: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Anything else, a JSON object.
    pub meta: Option<String>,
}

impl Want {
    /// Checks what a caller asks for.
    ///
    /// # Errors
    /// All faults of the fields at once.
    pub fn new(fields: LockFields) -> Result<Self> {
        let mut faults = Faults::default();
        let is_list = fields.resources.is_some();
        let resources = resources(&mut faults, fields.resource, fields.resources);
        let session_id = faults.required("session_id", fields.session_id);
        let session_id = session_id.and_then(|id| session_key(&mut faults, "session_id", id));
        let ttl_seconds = ttl(&mut faults, fields.ttl_seconds).unwrap_or(DEFAULT_TTL);
        let mut line = |field, value: Option<String>| {
            value
                .filter(|given| !given.trim().is_empty())
                .and_then(|given| text::line(&mut faults, field, &given, text::LINE))
        };
        let (task, reason) = (line("task", fields.task), line("reason", fields.reason));
        if fields.meta.as_ref().is_some_and(|meta| meta.len() > META) {
            faults.schema("meta", "max_length", "must have at most 8192 bytes of JSON");
        }
        faults.finish()?;
        Ok(Self {
            session_id: session_id.unwrap_or_default(),
            resources,
            is_list,
            mode: fields.mode.unwrap_or(LockMode::Exclusive),
            ttl_seconds,
            task,
            reason,
            meta: fields.meta,
        })
    }
}

fn resources(faults: &mut Faults, one: Option<String>, several: Option<Vec<String>>) -> Vec<ResourcePath> {
    let given = match (one, several) {
        (Some(one), None) => return ResourcePath::parse(faults, "resource", &one).into_iter().collect(),
        (None, Some(several)) if (1..=RESOURCES).contains(&several.len()) => several,
        (None, Some(_)) => {
            faults.schema("resources", "max_items", "must have 1 to 32 entries");
            return Vec::new();
        }
        (Some(_), Some(_)) => {
            faults.semantic("resources", "exclusive", "cannot be given beside resource");
            return Vec::new();
        }
        (None, None) => {
            faults.semantic("resource", "required", "is required, or resources");
            return Vec::new();
        }
    };
    let mut paths: Vec<ResourcePath> = Vec::new();
    for (number, text) in given.iter().enumerate() {
        let parsed = ResourcePath::parse(faults, &format!("resources[{number}]"), text);
        paths.extend(parsed.filter(|path| !paths.contains(path)));
    }
    paths
}

/// A life, in seconds, if it lies within the bounds.
pub(crate) fn ttl(faults: &mut Faults, given: Option<i64>) -> Option<i64> {
    let given = given?;
    if !TTL.contains(&given) {
        faults.schema("ttl_seconds", "range", "must be 10 to 86400");
        return None;
    }
    Some(given)
}

/// The id of an agent's session: 1 to 128 visible ASCII characters.
pub fn session_key(faults: &mut Faults, field: &str, given: String) -> Option<String> {
    let fits = (1..=SESSION_ID).contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        faults.schema(field, "pattern", "must be 1 to 128 visible ASCII characters");
    }
    fits.then_some(given)
}

/// Somebody in line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Waiter {
    /// The place in line.
    pub ticket: i64,
    /// The agent's session.
    pub session_id: String,
    /// What it waits for.
    pub resources: Vec<ResourcePath>,
    /// Whether others may hold the same.
    pub mode: LockMode,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub deadline: Timestamp,
    /// Until when it counts without another sign of life of the process that it waits in.
    pub alive_until: Timestamp,
}

/// What was granted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The locks, in the order of the resources asked for.
    pub locks: Vec<Lock>,
    /// Whether the call named a list.
    pub is_list: bool,
    /// Whether any of them is new; otherwise the session held all of them, and their time was extended.
    pub is_new: bool,
}

/// Why locks were not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The locks that are in the way, the first to end first.
    pub blocking: Vec<LockDetail>,
    /// The place in line that the call had or would get, from 1.
    pub position: usize,
    /// How many stand in line for what conflicts with it, this call among them.
    pub length: usize,
    /// How long the call has waited.
    pub waited: TimeDelta,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Locks were granted or extended.
    Granted(Grant),
    /// A lock was renewed.
    Renewed(Lock),
    /// A lock was given back.
    Released,
    /// The lock had ended before, like this. Nothing was changed.
    HadEnded(LockState),
    /// The token is the highest seen.
    Passed,
}

/// Why a call was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Others hold it or wait for it.
    Conflict(Arc<Conflict>),
    /// To wait would close a circle of sessions that wait for each other.
    Deadlock(Arc<Conflict>),
    /// The place in line was lost: the session ended, or this process gave no sign of life for too long.
    LostPlace,
    /// The lock has ended.
    Over(Id<Lock>, LockState),
    /// There never was such a lock.
    Unknown(Id<Lock>),
    /// The token given is not the lock's.
    OtherToken(Id<Lock>),
    /// A higher token was seen on the path, above or below it.
    Outdated {
        /// The highest.
        max_token: i64,
    },
}

/// What a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Locks.
    Acquire {
        /// Which.
        want: Want,
        /// How long to wait for them.
        wait: TimeDelta,
    },
    /// More time.
    Renew {
        /// For this lock.
        id: Id<Lock>,
        /// From now on, in seconds; the lock's own time when absent.
        ttl_seconds: Option<i64>,
        /// The lock's token, to be compared.
        token: Option<i64>,
    },
    /// To give a lock back.
    Release {
        /// Which.
        id: Id<Lock>,
    },
    /// Whether a token is still good.
    Fence {
        /// On this path.
        resource: ResourcePath,
        /// The token.
        token: i64,
    },
}

impl Call {
    /// A call for more time.
    ///
    /// # Errors
    /// All faults of the fields at once.
    pub fn renew(id: Id<Lock>, ttl_seconds: Option<i64>, token: Option<i64>) -> Result<Self> {
        let mut faults = Faults::default();
        let ttl_seconds = ttl(&mut faults, ttl_seconds);
        faults.finish()?;
        Ok(Self::Renew { id, ttl_seconds, token })
    }

    /// A question whether a token is still good.
    ///
    /// # Errors
    /// All faults of the fields at once.
    pub fn fence(resource: Option<String>, token: Option<i64>) -> Result<Self> {
        let mut faults = Faults::default();
        let resource = faults.required("resource", resource);
        let resource = resource.and_then(|text| ResourcePath::parse(&mut faults, "resource", &text));
        let token = faults.required("token", token);
        if token.is_some_and(|token| token < 1) {
            faults.schema("token", "minimum", "must be at least 1");
        }
        faults.finish()?;
        match (resource, token) {
            (Some(resource), Some(token)) => Ok(Self::Fence { resource, token }),
            // Both are there, or the faults would have been told.
            _ => Err(claudetools_kernel::Error::Internal("a fence without resource or token".to_owned())),
        }
    }
}
