//! What an access token says.

use chrono::TimeDelta;
use claudetools_kernel::{Actor, AgentIdentity, Scope, Scopes, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// No access token lives longer, whatever the configuration says or said before a restart. A revocation of unknown end is
/// kept so long.
pub const MAX_TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// How far the clocks of two replicas may differ.
pub const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);
/// By how much a replica's clock may be wrong, forward or back, before a revocation could be overlooked or forgotten.
pub const MAX_CLOCK_STEP: TimeDelta = TimeDelta::hours(2);

/// The claims of an access token (RFC 7519), for a person or an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The e-mail address, or `agent:<type>`.
    pub sub: String,
    /// What it allows, lowest first.
    pub scopes: Vec<Scope>,
    /// The machine named at log-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// When it was issued, seconds since 1970.
    pub iat: i64,
    /// The same to the microsecond. Without it a token issued in the second in which the account's earlier ones were
    /// revoked could not be told from those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat_us: Option<i64>,
    /// When it ends, seconds since 1970.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
    /// Who issued it.
    pub iss: String,
    /// Whom it is meant for.
    pub aud: String,
    /// The kind of agent, lower snake case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// The session that the agent works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_session: Option<Uuid>,
    /// The agent's run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// The person on whose behalf the agent works: when that account's tokens are revoked, so are its agents'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Why a token was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is no token of ours: its form, a claim missing, another algorithm.
    #[error("the access token is malformed")]
    Malformed,
    /// No key of ours made it.
    #[error("the access token was not signed by this server")]
    BadSignature,
    /// Its time is over.
    #[error("the access token has expired; refresh it or log in again")]
    Expired,
    /// It was issued in the future.
    #[error("the access token is dated in the future; check the clocks")]
    NotYetValid,
    /// Its `iss` or `aud` is another.
    #[error("the access token is meant for another server")]
    WrongAudience,
}

impl TokenFault {
    /// The same as `Display`, for an error that takes fixed texts.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "the access token is malformed",
            Self::BadSignature => "the access token was not signed by this server",
            Self::Expired => "the access token has expired; refresh it or log in again",
            Self::NotYetValid => "the access token is dated in the future; check the clocks",
            Self::WrongAudience => "the access token is meant for another server",
        }
    }
}

impl Claims {
    /// When it was issued, as exactly as it says.
    pub fn issued_at(&self) -> Timestamp {
        instant(self.iat_us, self.iat)
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        instant(None, self.exp)
    }

    /// The caller that it stands for.
    pub fn actor(self) -> Result<Actor, TokenFault> {
        let expires_at = self.expires_at();
        let scopes = Scopes::from_list(&self.scopes).ok_or(TokenFault::Malformed)?;
        let agent = match (self.agent_type, self.run_id, self.parent_session) {
            (None, None, None) => None,
            (Some(agent_type), Some(run_id), Some(parent_session)) if !scopes.allow(Scope::Admin) => {
                Some(AgentIdentity { agent_type, run_id, parent_session })
            }
            _ => return Err(TokenFault::Malformed),
        };
        Ok(Actor { subject: self.sub, scopes, machine: self.machine, agent, token_id: self.jti, expires_at })
    }
}

/// An instant of a claim, as exactly as it says.
fn instant(micros: Option<i64>, seconds: i64) -> Timestamp {
    clamped(micros.unwrap_or_else(|| seconds.saturating_mul(1_000_000)))
}

/// An instant in microseconds since 1970; one beyond the calendar is as good as its edge.
pub(crate) fn clamped(micros: i64) -> Timestamp {
    EPOCH.plus(TimeDelta::microseconds(micros))
}

const EPOCH: Timestamp = match Timestamp::from_micros(0) {
    Some(epoch) => epoch,
    None => panic!("1970 lies within the calendar"),
};

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn claims(subject: &str, issued_micros: i64) -> Claims {
        Claims {
            sub: subject.into(),
            scopes: vec![Scope::Read, Scope::Write],
            machine: None,
            iat: issued_micros.div_euclid(1_000_000),
            iat_us: Some(issued_micros),
            exp: issued_micros.div_euclid(1_000_000) + 3600,
            jti: format!("jti-{issued_micros}"),
            iss: "claudetools".into(),
            aud: "claudetools".into(),
            agent_type: None,
            parent_session: None,
            run_id: None,
            owner: None,
        }
    }

    #[test]
    fn claims_become_the_caller_that_they_stand_for() {
        let actor = claims("jo@example.com", 5_000_000).actor().unwrap();
        assert_eq!(actor.subject, "jo@example.com");
        assert!(actor.scopes.allow(Scope::Write) && !actor.scopes.allow(Scope::Admin) && actor.agent.is_none());
        assert_eq!(actor.expires_at.micros(), 3_605_000_000);
    }

    #[test]
    fn half_an_agent_and_an_agent_with_all_rights_are_malformed() {
        let mut half = claims("agent:x", 0);
        half.agent_type = Some("x".into());
        assert_eq!(half.clone().actor(), Err(TokenFault::Malformed));
        let whole = Claims { run_id: Some(Uuid::nil()), parent_session: Some(Uuid::nil()), ..half };
        assert!(whole.clone().actor().unwrap().agent.is_some());
        let admin = Claims { scopes: vec![Scope::Admin], ..whole.clone() };
        assert_eq!(admin.actor(), Err(TokenFault::Malformed));
        assert_eq!(Claims { scopes: vec![], ..whole }.actor(), Err(TokenFault::Malformed));
    }

    #[test]
    fn absent_claims_are_left_out_and_instants_beyond_the_calendar_do_no_harm() {
        let text = serde_json::to_string(&claims("jo@example.com", 0)).unwrap();
        assert!(!text.contains("agent_type") && !text.contains("machine") && text.contains("\"scopes\":[\"msp:read\""));
        let far = Claims { exp: i64::MAX, iat: i64::MIN, iat_us: None, ..claims("x", 0) };
        assert!(far.expires_at() > far.issued_at());
    }
}
