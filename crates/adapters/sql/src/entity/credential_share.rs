//! One-time links.

use claudetools_credentials::Share;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "credential_shares")]
#[from_ref(Share)]
#[owned_try_into(Share, StoreError| vars(row: {RowReader::new("credential_shares", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) credential_id: Uuid,
    pub(crate) fields: String,
    pub(crate) views_left: i32,
    pub(crate) expires_at: i64,
    pub(crate) created_at: i64,
    pub(crate) created_by: String,
    pub(crate) sealed: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
