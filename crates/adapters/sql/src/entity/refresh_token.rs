//! Refresh tokens.

use claudetools_identity::RefreshToken;
use claudetools_kernel::{Id, StoreError, Timestamp};
use sea_orm::entity::prelude::*;

use crate::row::RowReader;

#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) family_id: Uuid,
    pub(crate) kind: String,
    /// SHA-256 of the token: unique.
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

impl From<&RefreshToken> for Model {
    fn from(token: &RefreshToken) -> Self {
        Self {
            id: token.id.uuid(),
            account_id: token.account_id.uuid(),
            family_id: token.family_id,
            kind: token.kind.to_string(),
            token_hash: token.hash.to_vec(),
            machine: token.machine.clone(),
            created_at: token.created_at.micros(),
            last_used_at: token.last_used_at.map(Timestamp::micros),
            expires_at: token.expires_at.micros(),
            used_at: token.used_at.map(Timestamp::micros),
            revoked_at: token.revoked_at.map(Timestamp::micros),
        }
    }
}

impl TryFrom<Model> for RefreshToken {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("refresh_tokens", row.id);
        Ok(Self {
            id: Id::new(row.id),
            account_id: Id::new(row.account_id),
            family_id: row.family_id,
            kind: reader.word("kind", &row.kind)?,
            hash: reader.value("token_hash", row.token_hash.try_into().ok())?,
            machine: row.machine,
            created_at: reader.instant("created_at", row.created_at)?,
            last_used_at: reader.optional_instant("last_used_at", row.last_used_at)?,
            expires_at: reader.instant("expires_at", row.expires_at)?,
            used_at: reader.optional_instant("used_at", row.used_at)?,
            revoked_at: reader.optional_instant("revoked_at", row.revoked_at)?,
        })
    }
}
