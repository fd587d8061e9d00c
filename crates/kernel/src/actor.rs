//! Who is calling, and what they may do.

use std::fmt;

use uuid::Uuid;

use crate::{Enumeration, Error, Result, Timestamp};

crate::enumeration! {
    /// What a caller may do. A higher scope includes the lower ones.
    pub enum Scope {
        /// Read sessions, clients, work items, infrastructure.
        Read = "msp:read",
        /// Create and update what is tracked.
        Write = "msp:write",
        /// Manage clients and accounts, delete, read the audit logs.
        Admin = "msp:admin",
    }
}

/// A set of scopes, which is the highest one together with all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(Scope);

impl Scopes {
    /// The set that reaches up to `highest`.
    pub const fn up_to(highest: Scope) -> Self {
        Self(highest)
    }

    /// The set that the highest of `scopes` stands for; `None` for an empty list.
    pub fn from_list(scopes: &[Scope]) -> Option<Self> {
        scopes.iter().copied().max().map(Self)
    }

    /// The highest scope of the set.
    pub const fn highest(self) -> Scope {
        self.0
    }

    /// Whether the set holds `scope`.
    pub fn allow(self, scope: Scope) -> bool {
        scope <= self.0
    }

    /// The scopes of the set, lowest first, as tokens and answers list them.
    pub fn list(self) -> Vec<Scope> {
        Scope::ALL.iter().copied().filter(|scope| self.allow(*scope)).collect()
    }
}

/// What an agent's token says of the run it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The kind of agent, lower snake case: `context_recovery`.
    pub agent_type: String,
    /// The run that the token belongs to.
    pub run_id: Uuid,
    /// The session that started the run.
    pub parent_session: Uuid,
}

/// The caller of a use case: a person's tool or an agent, known by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The e-mail address of a person, or `agent:<type>`.
    pub subject: String,
    /// What the token allows.
    pub scopes: Scopes,
    /// The machine named at log-in.
    pub machine: Option<String>,
    /// Set when the caller is an agent.
    pub agent: Option<AgentIdentity>,
    /// The token's own id (`jti`).
    pub token_id: String,
    /// When the token ends.
    pub expires_at: Timestamp,
}

impl Actor {
    /// Refuses with [`Error::Forbidden`] unless the caller holds `scope`.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.allow(scope) { Ok(()) } else { Err(Error::Forbidden { required: scope }) }
    }

    /// What tells this caller's idempotency keys from those of others.
    pub fn key_space(&self) -> String {
        match &self.agent {
            Some(agent) => format!("{}@{}", self.subject, agent.parent_session),
            None => self.subject.clone(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_scope_includes_the_lower_ones() {
        let writer = Scopes::from_list(&[Scope::Write]).unwrap();
        assert!(writer.allow(Scope::Read) && writer.allow(Scope::Write) && !writer.allow(Scope::Admin));
        assert_eq!(writer.list(), [Scope::Read, Scope::Write]);
        assert_eq!(Scopes::from_list(&[]), None);
    }
}
