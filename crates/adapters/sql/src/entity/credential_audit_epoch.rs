//! The epochs of the audit chain.

use claudetools_credentials::{Epoch, Sealed};
use claudetools_kernel::StoreError;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "credential_audit_epochs")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) epoch: i64,
    /// The master key that the audit key is derived from.
    pub(crate) key_id: String,
    pub(crate) first_seq: i64,
    /// The master key that the audit key is sealed under.
    pub(crate) sealed_key_id: String,
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

impl From<&Epoch> for Model {
    fn from(epoch: &Epoch) -> Self {
        let sealed = epoch.sealed_key.clone();
        Self {
            epoch: epoch.epoch,
            key_id: epoch.key_id.clone(),
            first_seq: epoch.first_seq,
            sealed_key_id: sealed.key_id,
            wrapped_key: sealed.wrapped_key,
            ciphertext: sealed.ciphertext,
        }
    }
}

impl TryFrom<Model> for Epoch {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let Model { epoch, key_id, first_seq, sealed_key_id, wrapped_key, ciphertext } = row;
        Ok(Self { epoch, key_id, first_seq, sealed_key: Sealed { key_id: sealed_key_id, wrapped_key, ciphertext } })
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
