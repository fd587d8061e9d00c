//! How long what has ended is kept, and its removal.

use claudetools_kernel::{Change, Result, Scope};

use crate::{Context, Party, PruneBounds, Pruned, Retention, RetentionFields};

/// The use cases of retention. Reading needs [`Scope::Read`], all others [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct RetentionService(Context);

impl RetentionService {
    /// The use cases over this storage.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// How long what is kept.
    pub async fn get(&self, party: &Party) -> Result<Retention> {
        party.require(Scope::Read)?;
        Ok(self.0.store.read().await?.retention().decided().await?.unwrap_or_default())
    }

    /// Decides how long what is kept.
    pub async fn change(&self, party: &Party, fields: &RetentionFields) -> Result<Change<Retention>> {
        party.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        // Two who decide at once come one after the other.
        tx.head().lock().await?;
        let retention = tx.retention().decided().await?.unwrap_or_default().change(fields)?;
        tx.retention().decide(&retention).await?;
        Ok(Change::new(retention, tx))
    }

    /// Removes what has ended before the instants given, and before those that the retention says where none is given.
    pub async fn prune(&self, party: &Party, bounds: PruneBounds) -> Result<Change<Pruned>> {
        party.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        let now = tx.head().peek().await?.now;
        let kept = tx.retention().decided().await?.unwrap_or_default();
        let pruned = tx.retention().prune(&bounds.or(kept.bounds(now))).await?;
        Ok(Change::new(pruned, tx))
    }

    /// Removes what the retention does not keep, on the service's own behalf.
    pub async fn sweep(&self) -> Result<Pruned> {
        let mut tx = self.0.store.begin().await?;
        let now = tx.head().peek().await?.now;
        let kept = tx.retention().decided().await?.unwrap_or_default();
        let pruned = tx.retention().prune(&kept.bounds(now)).await?;
        tx.commit().await?;
        Ok(pruned)
    }
}
