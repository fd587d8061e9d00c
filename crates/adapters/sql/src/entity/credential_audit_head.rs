//! The head of the audit chain: one row.

use claudetools_credentials::Head;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

/// The id of the only row.
pub(crate) const ONLY: i64 = 1;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "credential_audit_head")]
#[from_ref(Head)]
#[owned_try_into(Head, StoreError| vars(row: {RowReader::new("credential_audit_head", Uuid::nil())}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[ghost({ONLY})]
    pub(crate) id: i64,
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) seq: i64,
    pub(crate) epoch: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) seal: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
