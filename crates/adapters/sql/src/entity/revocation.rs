//! Revoked access tokens.

use claudetools_identity::Revocation;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "revocations")]
#[from_ref(Revocation)]
#[owned_try_into(Revocation, StoreError| vars(row: {RowReader::new("revocations", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) kind: Word,
    /// The token's id, or the subject, folded.
    pub(crate) value: String,
    pub(crate) issued_before: Option<i64>,
    pub(crate) recorded_at: i64,
    pub(crate) expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
