//! Refresh tokens.

use claudetools_identity::RefreshToken;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "refresh_tokens")]
#[from_ref(RefreshToken)]
#[owned_try_into(RefreshToken, StoreError| vars(row: {RowReader::new("refresh_tokens", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) family_id: Uuid,
    pub(crate) kind: Word,
    /// SHA-256 of the token: unique.
    #[from(hash, Keeps::keep(&~))]
    #[into(hash, row.read("token_hash", ~)?)]
    pub(crate) token_hash: Vec<u8>,
    pub(crate) machine: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) expires_at: i64,
    pub(crate) used_at: Option<i64>,
    pub(crate) revoked_at: Option<i64>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("id", &self.id).field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
