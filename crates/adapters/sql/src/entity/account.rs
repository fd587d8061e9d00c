//! Accounts.

use claudetools_identity::Account;
use claudetools_kernel::{Id, Scopes, StoreError, Timestamp};
use sea_orm::entity::prelude::*;

use crate::row::RowReader;

#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) email: String,
    /// The address folded: unique, what `q` searches and what the list is sorted by.
    pub(crate) email_key: String,
    pub(crate) password_hash: String,
    /// The highest scope; it stands for all below it too.
    pub(crate) scope: String,
    pub(crate) is_active: bool,
    pub(crate) last_login_at: Option<i64>,
    pub(crate) password_changed_at: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the hash: whoever reads a log could try passwords on it.
        f.debug_struct("Model").field("id", &self.id).field("email", &self.email).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Account> for Model {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.uuid(),
            email: account.email.clone(),
            email_key: account.email_key.clone(),
            password_hash: account.password_hash.clone(),
            scope: account.scopes.highest().to_string(),
            is_active: account.is_active,
            last_login_at: account.last_login_at.map(Timestamp::micros),
            password_changed_at: account.password_changed_at.micros(),
            created_at: account.created_at.micros(),
            updated_at: account.updated_at.micros(),
            revision: account.revision,
        }
    }
}

impl TryFrom<Model> for Account {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("accounts", row.id);
        Ok(Self {
            id: Id::new(row.id),
            email: row.email,
            email_key: row.email_key,
            password_hash: row.password_hash,
            scopes: Scopes::up_to(reader.word("scope", &row.scope)?),
            is_active: row.is_active,
            created_at: reader.instant("created_at", row.created_at)?,
            updated_at: reader.instant("updated_at", row.updated_at)?,
            last_login_at: reader.optional_instant("last_login_at", row.last_login_at)?,
            password_changed_at: reader.instant("password_changed_at", row.password_changed_at)?,
            revision: row.revision,
        })
    }
}
