//! Budgets of requests: whose are counted, in which class, and the port that counts.

use std::fmt;

use async_trait::async_trait;

use crate::{Timestamp, enumeration};

enumeration! {
    /// What kind of request is counted. Each class has windows of its own; an adapter knows their budgets.
    pub enum LimitClass {
        /// A request that bears an accepted token, counted for the token.
        Token = "token",
        /// A request without one, counted for the network address of its caller.
        Address = "address",
        /// The reading of a secret, counted for the token. It spends the budgets of [`LimitClass::Token`] too.
        Decrypt = "decrypt",
        /// A failed authentication of an agent, counted for the network address of its caller.
        AgentAuthentication = "agent_authentication",
    }
}

/// Whose requests are counted: a digest, so that neither a log nor a shared store shows an address or a token by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitKey([u8; 16]);

impl LimitKey {
    /// The key of a digest. Whoever makes it sees to it that two callers do not share one.
    pub const fn new(digest: [u8; 16]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitKey({:032x})", u128::from_be_bytes(self.0))
    }
}

/// Where a budget stands: that of the window which is nearest to its end of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many requests a window admits.
    pub limit: u32,
    /// How many of them are left.
    pub remaining: u32,
    /// When the window ends and the next request begins another one.
    pub resets_at: Timestamp,
    /// How long that is from now by the clock of whoever counts, in whole seconds, at least 1.
    pub resets_in_seconds: u64,
}

/// Whether a request is within its budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is, and was counted in every window of its class.
    Passed(Allowance),
    /// A window is used up, and the request was counted in none.
    Refused(Allowance),
}

impl Verdict {
    /// Where the budget stands after it.
    pub const fn allowance(&self) -> &Allowance {
        match self {
            Self::Passed(allowance) | Self::Refused(allowance) => allowance,
        }
    }

    /// Whether the request is within its budgets.
    pub const fn is_passed(&self) -> bool {
        matches!(self, Self::Passed(_))
    }
}

/// Whoever counts could not be asked in time. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rate limiter does not answer: {0}")]
pub struct LimiterUnavailable(pub String);

/// Counts requests against budgets.
///
/// A window begins with the first request that is counted in it, so that of any number of requests made at once against a
/// budget exactly as many pass as are left of it, also when several replicas share the counters.
#[async_trait]
pub trait RateLimiter: Send + Sync + fmt::Debug {
    /// Counts a request, unless a window of its class is used up. `None` when no window of the class has a budget.
    async fn take(&self, class: LimitClass, key: LimitKey) -> Result<Option<Verdict>, LimiterUnavailable>;

    /// What [`Self::take`] would say, with nothing counted: for classes in which only failures count, which are known late.
    async fn look(&self, class: LimitClass, key: LimitKey) -> Result<Option<Verdict>, LimiterUnavailable>;

    /// Whether it can count.
    async fn probe(&self) -> Result<(), LimiterUnavailable>;
}
