//! The value that master keys are checked by: one row.

use claudetools_credentials::{Sealed, VaultCheck};
use claudetools_kernel::StoreError;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

/// The id of the only row.
pub(crate) const ONLY: i64 = 1;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "vault_check")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i64,
    pub(crate) key_id: String,
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

impl From<&VaultCheck> for Model {
    fn from(check: &VaultCheck) -> Self {
        let Sealed { key_id, wrapped_key, ciphertext } = check.sealed.clone();
        Self { id: ONLY, key_id, wrapped_key, ciphertext }
    }
}

impl TryFrom<Model> for VaultCheck {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let Model { key_id, wrapped_key, ciphertext, .. } = row;
        Ok(Self { sealed: Sealed { key_id, wrapped_key, ciphertext } })
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
