//! Revoked access tokens.

use async_trait::async_trait;
use claudetools_identity::{Revocation, ports::RevocationRepository};
use claudetools_kernel::{Id, StoreError, Timestamp};

use crate::{store::MemoryTx, table::Row};

impl Row for Revocation {
    fn id(&self) -> Id<Self> {
        self.id
    }

    /// Revocations never change.
    fn revision(&self) -> i64 {
        0
    }

    /// One token may be revoked twice.
    fn clashes(&self, _other: &Self) -> bool {
        false
    }
}

#[async_trait]
impl RevocationRepository for MemoryTx {
    async fn add(&mut self, revocation: &Revocation) -> Result<(), StoreError> {
        self.state.revocations.add(revocation)
    }

    async fn since(&mut self, from: Timestamp, now: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        let rows = self.state.revocations.rows();
        let mut found: Vec<Revocation> =
            rows.filter(|row| row.recorded_at >= from && row.expires_at > now).cloned().collect();
        found.sort_by_key(|row| (row.recorded_at, row.id));
        Ok(found)
    }

    async fn remove_expired(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.state.revocations.remove_where(|row| row.expires_at <= now))
    }
}
