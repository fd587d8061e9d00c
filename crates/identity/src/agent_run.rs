//! Runs of specialised agents.

use std::fmt;

use chrono::TimeDelta;
use claudetools_kernel::{
    Direction, Entity, Error, Faults, Id, Keyed, Result, Scope, Scopes, SortField, SortKey, Timestamp, enumeration,
};
use serde_json::Value;
use uuid::Uuid;

/// How long an earlier result answers the same question.
pub(crate) const CACHE_WINDOW: TimeDelta = TimeDelta::minutes(10);
/// The longest life of an agent's token, in seconds.
pub(crate) const LONGEST_TTL_SECONDS: i64 = 3600;
const LONGEST_TYPE: usize = 64;
/// Words that the path means otherwise: `/agents/heartbeat`, `/agents/stream`.
const RESERVED: [&str; 2] = ["heartbeat", "stream"];
/// The longest input of a run, as JSON text.
pub const MAX_INPUT_BYTES: usize = 64 * 1024;
/// The longest result of a run, as JSON text.
pub const MAX_RESULT_BYTES: usize = 512 * 1024;

enumeration! {
    /// Where a run stands.
    pub enum AgentRunStatus {
        /// It has not told how it ended.
        Running = "running",
        /// It did what it was for.
        Completed = "completed",
        /// It did not.
        Failed = "failed",
    }
}

enumeration! {
    /// What runs can be sorted by.
    pub enum AgentRunSort {
        /// By start.
        StartedAt = "started_at",
    }
}

impl SortField for AgentRunSort {
    const DEFAULT: (Self, Direction) = (Self::StartedAt, Direction::Descending);
}

/// A kind of agent: `context-recovery` in paths and subjects, `context_recovery` in claims, bodies and storage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentType(String);

impl AgentType {
    /// Reads the form of paths; what does not fit is noted under `agent_type`.
    pub fn from_path(faults: &mut Faults, word: &str) -> Option<Self> {
        if !is_kebab(word, '-') {
            let rule = format!("must be at most {LONGEST_TYPE} lower-case letters and digits in words joined by '-'");
            faults.schema("agent_type", "pattern", &rule);
        } else if RESERVED.contains(&word) {
            faults.semantic("agent_type", "reserved", "must not be one of heartbeat, stream");
        } else {
            return Some(Self(word.replace('-', "_")));
        }
        None
    }

    /// Reads the form of storage; `None` for what no run could have.
    pub fn from_stored(word: &str) -> Option<Self> {
        (is_kebab(word, '_') && !RESERVED.contains(&word)).then(|| Self(word.to_owned()))
    }

    /// The form of claims, bodies and storage.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form of paths.
    pub fn path_form(&self) -> String {
        self.0.replace('_', "-")
    }

    /// The `sub` of its tokens.
    pub fn subject(&self) -> String {
        format!("agent:{}", self.path_form())
    }
}

impl fmt::Display for AgentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Words of lower-case letters and digits, joined by one `joint` each, beginning with a letter.
fn is_kebab(text: &str, joint: char) -> bool {
    text.len() <= LONGEST_TYPE
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .split(joint)
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

/// One run of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRun {
    /// Its id, in its token's `run_id`.
    pub id: Id<Self>,
    /// The kind of agent.
    pub agent_type: AgentType,
    /// The session that it works for.
    pub parent_session: Uuid,
    /// That session's client.
    pub client_id: Option<Uuid>,
    /// What its token allows.
    pub scopes: Scopes,
    /// What it was given, as canonical JSON.
    pub input: Option<String>,
    /// SHA-256 of the input (of `null` without one), by which an earlier result is found.
    pub input_digest: [u8; 32],
    /// Where it stands.
    pub status: AgentRunStatus,
    /// What it found, as JSON.
    pub result: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it told how it ended.
    pub finished_at: Option<Timestamp>,
    /// How many API calls it has made, a little behind.
    pub request_count: i64,
    /// The id of its access token; unique.
    pub token_id: String,
    /// When that token ends.
    pub expires_at: Timestamp,
    /// The e-mail address of the person on whose behalf it works, also when another agent started it.
    pub started_by: String,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for AgentRun {
    const TYPE: &'static str = "agent_run";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<AgentRunSort> for AgentRun {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: AgentRunSort) -> SortKey {
        match field {
            AgentRunSort::StartedAt => self.started_at.into(),
        }
    }
}

impl AgentRun {
    /// How long it took, in milliseconds; `None` while it runs.
    pub fn duration_ms(&self) -> Option<i64> {
        self.finished_at.map(|end| end.since(self.started_at).num_milliseconds())
    }

    /// The run as it ended. One that has ended stays as it is.
    pub fn finish(mut self, status: AgentRunStatus, result: Option<String>, now: Timestamp) -> Result<Self> {
        if status == AgentRunStatus::Running {
            return Err(Faults::one_semantic("status", "transition", "must be completed or failed"));
        }
        if self.status != AgentRunStatus::Running {
            return Err(Error::Conflict(format!("agent run {} has already {}", self.id, self.status)));
        }
        self.status = status;
        self.result = result;
        // Another replica started it; its clock may be ahead.
        self.finished_at = Some(now.max(self.started_at));
        self.revision += 1;
        Ok(self)
    }
}

/// The scopes of a run: those asked for, by default to read, never more than the caller's, never `msp:admin`.
pub(crate) fn granted_scopes(asked: Option<&[Scope]>, caller: Scopes) -> Result<Scopes> {
    let asked = match asked {
        None => Scopes::up_to(Scope::Read),
        Some(list) => {
            Scopes::from_list(list).ok_or_else(|| Faults::one("scopes", "min_items", "must name at least one scope"))?
        }
    };
    if asked.allow(Scope::Admin) {
        return Err(Faults::one_semantic("scopes", "agent_scope", "must not hold msp:admin: no agent gets it"));
    }
    if !caller.allow(asked.highest()) {
        return Err(Error::Forbidden { required: asked.highest() });
    }
    Ok(asked)
}

/// One spelling for equal JSON: members sorted by name, no blanks.
pub fn canonical_json(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// Which runs to list; conditions combine with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentRunFilter {
    /// Only those of this session.
    pub session_id: Option<Uuid>,
    /// Only those of this kind.
    pub agent_type: Option<AgentType>,
    /// Only those that stand here.
    pub status: Option<AgentRunStatus>,
}

impl AgentRunFilter {
    /// Whether `run` is to be listed.
    pub fn admits(&self, run: &AgentRun) -> bool {
        self.session_id.is_none_or(|session| session == run.parent_session)
            && self.agent_type.as_ref().is_none_or(|kind| *kind == run.agent_type)
            && self.status.is_none_or(|status| status == run.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(word: &str) -> Result<AgentType> {
        let mut faults = Faults::default();
        let kind = AgentType::from_path(&mut faults, word);
        faults.finish()?;
        Ok(kind.unwrap())
    }

    fn run() -> AgentRun {
        AgentRun {
            id: Id::new(Uuid::from_u128(1)),
            agent_type: kind("context-recovery").unwrap(),
            parent_session: Uuid::from_u128(2),
            client_id: None,
            scopes: Scopes::up_to(Scope::Read),
            input: None,
            input_digest: [0; 32],
            status: AgentRunStatus::Running,
            result: None,
            started_at: Timestamp::from_micros(5_000_000).unwrap(),
            finished_at: None,
            request_count: 0,
            token_id: "t".into(),
            expires_at: Timestamp::from_micros(9_000_000).unwrap(),
            started_by: "jo@example.com".into(),
            revision: 1,
        }
    }

    #[test]
    fn an_agent_type_has_one_spelling_in_paths_and_one_elsewhere() {
        let kind = kind("context-recovery").unwrap();
        assert_eq!((kind.as_str(), kind.subject().as_str()), ("context_recovery", "agent:context-recovery"));
        assert_eq!(AgentType::from_stored(kind.as_str()).unwrap(), kind);
        assert_eq!(kind.path_form(), "context-recovery");
    }

    #[test]
    fn what_is_no_agent_type_is_refused() {
        for word in ["", "Context", "context_recovery", "-x", "x-", "a--b", "7up", "a b", "ä", &"x".repeat(65)] {
            assert!(kind(word).is_err(), "{word:?}");
        }
        for word in ["heartbeat", "stream"] {
            assert!(kind(word).is_err() && AgentType::from_stored(word).is_none(), "{word}");
        }
    }

    #[test]
    fn an_agent_gets_no_more_than_its_caller_and_never_everything() {
        let (reader, admin) = (Scopes::up_to(Scope::Read), Scopes::up_to(Scope::Admin));
        assert_eq!(granted_scopes(None, admin).unwrap(), reader);
        assert_eq!(granted_scopes(Some(&[Scope::Read, Scope::Write]), admin).unwrap().highest(), Scope::Write);
        assert!(matches!(
            granted_scopes(Some(&[Scope::Write]), reader),
            Err(Error::Forbidden { required: Scope::Write })
        ));
        assert!(matches!(granted_scopes(Some(&[Scope::Admin]), admin), Err(Error::Invalid(_))));
        assert!(matches!(granted_scopes(Some(&[]), admin), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_run_ends_once() {
        let end = Timestamp::from_micros(6_500_000).unwrap();
        let done = run().finish(AgentRunStatus::Completed, Some("{}".into()), end).unwrap();
        assert_eq!((done.duration_ms(), done.revision), (Some(1500), 2));
        assert!(matches!(done.finish(AgentRunStatus::Failed, None, end), Err(Error::Conflict(_))));
        assert!(matches!(run().finish(AgentRunStatus::Running, None, end), Err(Error::Invalid(_))));
        let early = run().finish(AgentRunStatus::Failed, None, Timestamp::from_micros(0).unwrap()).unwrap();
        assert_eq!(early.duration_ms(), Some(0), "clocks differ");
    }

    #[test]
    fn equal_json_has_one_spelling() {
        let parse = |text: &str| canonical_json(&serde_json::from_str(text).unwrap());
        assert_eq!(
            parse(r#"{ "b": [1, {"d": null, "c": "\u00e9\""}], "a": true }"#),
            r#"{"a":true,"b":[1,{"c":"é\"","d":null}]}"#
        );
        assert_eq!(parse(r#"{"a":1,"b":2}"#), parse(r#"{"b":2,"a":1}"#));
    }
}
