//! Revoked access tokens.

use claudetools_identity::Revocation;
use claudetools_kernel::{Id, StoreError, Timestamp};
use sea_orm::entity::prelude::*;

use crate::row::RowReader;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "revocations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    /// The token's id, or the subject, folded.
    pub(crate) value: String,
    pub(crate) issued_before: Option<i64>,
    pub(crate) recorded_at: i64,
    pub(crate) expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Revocation> for Model {
    fn from(revocation: &Revocation) -> Self {
        Self {
            id: revocation.id.uuid(),
            kind: revocation.kind.to_string(),
            value: revocation.value.clone(),
            issued_before: revocation.issued_before.map(Timestamp::micros),
            recorded_at: revocation.recorded_at.micros(),
            expires_at: revocation.expires_at.micros(),
        }
    }
}

impl TryFrom<Model> for Revocation {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("revocations", row.id);
        Ok(Self {
            id: Id::new(row.id),
            kind: reader.word("kind", &row.kind)?,
            value: row.value,
            issued_before: reader.optional_instant("issued_before", row.issued_before)?,
            recorded_at: reader.instant("recorded_at", row.recorded_at)?,
            expires_at: reader.instant("expires_at", row.expires_at)?,
        })
    }
}
