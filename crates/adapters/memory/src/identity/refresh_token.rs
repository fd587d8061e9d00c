//! Refresh tokens.

use async_trait::async_trait;
use claudetools_identity::{
    Account, RefreshToken, RefreshTokenFilter, RefreshTokenSort, ports::RefreshTokenRepository,
};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Stored, Timestamp};
use uuid::Uuid;

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for RefreshToken {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.refresh_tokens
    }

    fn clashes(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

#[async_trait]
impl RefreshTokenRepository for MemoryTx {
    async fn add(&mut self, token: &RefreshToken) -> Stored<()> {
        if self.state.accounts.get(token.account_id).is_none() {
            return Err(StoreError::Constraint("the token's account does not exist".to_owned()));
        }
        self.state.refresh_tokens.add(token)
    }

    async fn lookup(&mut self, id: Id<RefreshToken>) -> Stored<Option<RefreshToken>> {
        Ok(self.state.refresh_tokens.get(id))
    }

    async fn find_by_hash(&mut self, hash: &[u8; 32]) -> Stored<Option<RefreshToken>> {
        Ok(self.state.refresh_tokens.rows().find(|token| token.hash == *hash).cloned())
    }

    async fn mark_used(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool> {
        let Some(token) = self.unspent(id) else {
            return Ok(false);
        };
        token.used_at = Some(now);
        token.last_used_at = Some(now);
        Ok(true)
    }

    async fn touch(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool> {
        let Some(token) = self.unspent(id) else {
            return Ok(false);
        };
        token.last_used_at = Some(now);
        Ok(true)
    }

    async fn revoke(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool> {
        Ok(self.revoke_all(now, |token| token.id == id) > 0)
    }

    async fn revoke_family(&mut self, family_id: Uuid, now: Timestamp) -> Stored<u64> {
        Ok(self.revoke_all(now, |token| token.family_id == family_id))
    }

    async fn revoke_account(&mut self, account_id: Id<Account>, now: Timestamp) -> Stored<u64> {
        Ok(self.revoke_all(now, |token| token.account_id == account_id))
    }

    async fn remove_account(&mut self, account_id: Id<Account>) -> Stored<u64> {
        Ok(self.state.refresh_tokens.remove_where(|token| token.account_id == account_id))
    }

    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64> {
        Ok(self.state.refresh_tokens.remove_where(|token| token.expires_at <= now))
    }

    async fn list(
        &mut self,
        filter: &RefreshTokenFilter,
        page: &PageRequest<RefreshTokenSort>,
    ) -> Stored<Page<RefreshToken>> {
        let rows = self.state.refresh_tokens.rows().filter(|token| filter.admits(token)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}

impl MemoryTx {
    /// The token, unless it is used or revoked.
    fn unspent(&mut self, id: Id<RefreshToken>) -> Option<&mut RefreshToken> {
        let token = self.state.refresh_tokens.get_mut(id)?;
        (token.used_at.is_none() && token.revoked_at.is_none()).then_some(token)
    }

    /// Revokes those that fit and are not revoked yet.
    fn revoke_all(&mut self, now: Timestamp, fits: impl Fn(&RefreshToken) -> bool) -> u64 {
        let tokens = self.state.refresh_tokens.rows_mut();
        let mut revoked = 0;
        for token in tokens.filter(|token| token.revoked_at.is_none() && fits(token)) {
            token.revoked_at = Some(now);
            revoked += 1;
        }
        revoked
    }
}
