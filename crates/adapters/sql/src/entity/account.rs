//! Accounts.

use claudetools_identity::Account;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "accounts")]
#[from_ref(Account)]
#[owned_try_into(Account, StoreError| vars(row: {RowReader::new("accounts", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) email: String,
    /// The address folded: unique, what `q` searches and what the list is sorted by.
    pub(crate) email_key: String,
    pub(crate) password_hash: String,
    /// The highest scope; it stands for all below it too.
    #[from(scopes, Keeps::keep(&~))]
    #[into(scopes, row.read("scope", ~)?)]
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
