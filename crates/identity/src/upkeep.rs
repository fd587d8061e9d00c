//! Removing what has ended by itself.

use claudetools_kernel::Result;

use crate::{Context, THROTTLE_WINDOW};

/// What [`Upkeep::sweep`] removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Refresh tokens.
    pub refresh_tokens: u64,
    /// Revocations.
    pub revocations: u64,
    /// Counts of failed log-ins.
    pub throttle_states: u64,
}

/// Removes what has ended by itself; to be called now and then, by any number of replicas.
#[derive(Debug, Clone)]
pub struct Upkeep {
    context: Context,
}

impl Upkeep {
    /// The service over `context`.
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Removes refresh tokens and revocations past their end, and counts of failures that no longer matter: two windows
    /// and a longest wait behind the last failure. Commits by itself.
    pub async fn sweep(&self) -> Result<Swept> {
        let now = self.context.now();
        let mut tx = self.context.store.begin().await?;
        let swept = Swept {
            refresh_tokens: tx.refresh_tokens().remove_expired(now).await?,
            revocations: tx.revocations().remove_expired(now).await?,
            throttle_states: tx.login_throttle().remove_idle(now.plus(-THROTTLE_WINDOW * 3)).await?,
        };
        tx.commit().await?;
        Ok(swept)
    }
}
