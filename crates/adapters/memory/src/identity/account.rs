//! Accounts.

use async_trait::async_trait;
use claudetools_identity::{Account, AccountFilter, AccountSort, ports::AccountRepository};
use claudetools_kernel::{Id, Page, PageRequest, StoreError, Timestamp};

use crate::{store::MemoryTx, table::Row};

impl Row for Account {
    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn clashes(&self, other: &Self) -> bool {
        self.email_key == other.email_key
    }
}

#[async_trait]
impl AccountRepository for MemoryTx {
    async fn add(&mut self, account: &Account) -> Result<(), StoreError> {
        self.state.accounts.add(account)
    }

    async fn lookup(&mut self, id: Id<Account>) -> Result<Option<Account>, StoreError> {
        Ok(self.state.accounts.get(id))
    }

    async fn find_by_key(&mut self, email_key: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.state.accounts.rows().find(|account| account.email_key == email_key).cloned())
    }

    async fn lock(&mut self, id: Id<Account>) -> Result<Option<Account>, StoreError> {
        Ok(self.state.accounts.get(id))
    }

    async fn lock_admins(&mut self) -> Result<Vec<Id<Account>>, StoreError> {
        let admins = self.state.accounts.rows().filter(|account| account.is_active_admin());
        Ok(admins.map(|account| account.id).collect())
    }

    async fn save(&mut self, account: &Account, previous_revision: i64) -> Result<(), StoreError> {
        self.state.accounts.save_over(account, previous_revision)
    }

    async fn record_login(&mut self, id: Id<Account>, at: Timestamp, new_hash: Option<&str>) -> Result<(), StoreError> {
        let Some(account) = self.state.accounts.get_mut(id) else {
            return Err(StoreError::Contention("the account was removed since it was read".to_owned()));
        };
        account.last_login_at = Some(at);
        if let Some(hash) = new_hash {
            hash.clone_into(&mut account.password_hash);
        }
        Ok(())
    }

    async fn remove(&mut self, id: Id<Account>) -> Result<bool, StoreError> {
        if self.state.refresh_tokens.rows().any(|token| token.account_id == id) {
            return Err(StoreError::Constraint("a refresh token refers to the account".to_owned()));
        }
        Ok(self.state.accounts.remove(id))
    }

    async fn list(
        &mut self,
        filter: &AccountFilter,
        page: &PageRequest<AccountSort>,
    ) -> Result<Page<Account>, StoreError> {
        let rows = self.state.accounts.rows().filter(|account| filter.admits(account)).cloned().collect();
        Ok(Page::cut(rows, page))
    }

    async fn any(&mut self) -> Result<bool, StoreError> {
        Ok(self.state.accounts.rows().next().is_some())
    }
}
