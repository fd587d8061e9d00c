//! Accounts.

use async_trait::async_trait;
use claudetools_identity::{Account, AccountFilter, AccountSort, ports::AccountRepository};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Stored, Timestamp};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for Account {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.accounts
    }

    fn clashes(&self, other: &Self) -> bool {
        self.email_key == other.email_key
    }

    fn release(id: Id<Self>, state: &mut State) -> Stored<()> {
        match state.refresh_tokens.count(|token| token.account_id == id) {
            0 => Ok(()),
            _ => Err(StoreError::Constraint("a refresh token refers to the account".to_owned())),
        }
    }
}

#[async_trait]
impl AccountRepository for MemoryTx {
    async fn find_by_key(&mut self, email_key: &str) -> Stored<Option<Account>> {
        Ok(self.state.accounts.rows().find(|account| account.email_key == email_key).cloned())
    }

    async fn lock(&mut self, id: Id<Account>) -> Stored<Option<Account>> {
        Ok(self.state.accounts.get(id))
    }

    async fn lock_admins(&mut self) -> Stored<Vec<Id<Account>>> {
        let admins = self.state.accounts.rows().filter(|account| account.is_active_admin());
        Ok(admins.map(|account| account.id).collect())
    }

    async fn record_login(&mut self, id: Id<Account>, at: Timestamp, new_hash: Option<&str>) -> Stored<()> {
        let Some(account) = self.state.accounts.get_mut(id) else {
            return Err(StoreError::Contention("the account was removed since it was read".to_owned()));
        };
        account.last_login_at = Some(at);
        if let Some(hash) = new_hash {
            hash.clone_into(&mut account.password_hash);
        }
        Ok(())
    }

    async fn list(&mut self, filter: &AccountFilter, page: &PageRequest<AccountSort>) -> Stored<Page<Account>> {
        let rows = self.state.accounts.rows().filter(|account| filter.admits(account)).cloned().collect();
        Ok(Page::cut(rows, page))
    }

    async fn any(&mut self) -> Stored<bool> {
        Ok(self.state.accounts.rows().next().is_some())
    }
}
