//! Who may call, and what they did: accounts, log-in, access and refresh tokens, revocation, agent runs, the API audit log.
//!
//! Nothing in here knows SQL, HTTP, the time of day, a source of randomness or an algorithm: they come through [`ports`]
//! and [`Context`]. Every use case that writes answers with a `Change` that its caller commits together with the audit row.
//! Three of them must commit although the answer is a refusal (a failed log-in is counted, a reused refresh token ends its
//! family); those answer with a `Change<Outcome<_>>`: commit first, then look at the [`Outcome`].
//!
//! Access tokens are checked by [`Authenticator`] from memory alone. What was revoked is in [`RevocationSet`], which a
//! committed `Change` of this process updates by itself, and which [`RevocationService::poll`] keeps up with other replicas.
#![warn(missing_docs)]

pub mod password;
pub mod ports;

mod account;
mod account_service;
mod agent_run;
mod agent_run_service;
mod audit_log;
mod authenticator;
mod claims;
mod context;
#[cfg(feature = "contract")]
#[expect(clippy::missing_panics_doc, reason = "a suite panics with what it found; its module says so once")]
pub mod contract;
mod outcome;
mod password_service;
mod refresh_token;
mod revocation;
mod revocation_service;
mod throttle;
mod token_service;
mod upkeep;

pub use account::{Account, AccountFields, AccountFilter, AccountSort, email_key};
pub use account_service::AccountService;
pub use agent_run::{
    AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, AgentType, MAX_INPUT_BYTES, MAX_RESULT_BYTES,
    canonical_json,
};
pub use agent_run_service::{AgentRunService, AgentStart, FinishRun, StartRun, StartedRun};
pub use audit_log::{AuditFilter, AuditLogService, AuditSort};
pub use authenticator::Authenticator;
pub use claims::{Claims, MAX_CLOCK_SKEW, MAX_CLOCK_STEP, MAX_TOKEN_LIFETIME, TokenFault};
pub use claudetools_kernel::Secret;
pub use context::{Context, Settings};
pub use outcome::{Outcome, Refusal};
pub use password_service::{FirstAdmin, PasswordService, SetPassword};
pub use refresh_token::{REFRESH_LIFETIME, RefreshKind, RefreshToken, RefreshTokenFilter, RefreshTokenSort};
pub use revocation::{Revocation, RevocationKind, RevocationSet};
pub use revocation_service::{RevocationService, Revoke};
pub use throttle::{Limit, THROTTLE_WINDOW, ThrottleState};
pub use token_service::{LogIn, TokenGrant, TokenService};
pub use upkeep::{Swept, Upkeep};
