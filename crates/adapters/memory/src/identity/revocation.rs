//! Revoked access tokens.

use async_trait::async_trait;
use claudetools_identity::{Revocation, ports::RevocationRepository};
use claudetools_kernel::{Stored, Timestamp};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for Revocation {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.revocations
    }
}

#[async_trait]
impl RevocationRepository for MemoryTx {
    async fn add(&mut self, revocation: &Revocation) -> Stored<()> {
        self.state.revocations.add(revocation)
    }

    async fn since(&mut self, from: Timestamp, now: Timestamp) -> Stored<Vec<Revocation>> {
        let rows = self.state.revocations.rows();
        let mut found: Vec<Revocation> =
            rows.filter(|row| row.recorded_at >= from && row.expires_at > now).cloned().collect();
        found.sort_by_key(|row| (row.recorded_at, row.id));
        Ok(found)
    }

    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64> {
        Ok(self.state.revocations.remove_where(|row| row.expires_at <= now))
    }
}
