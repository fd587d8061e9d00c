//! Those who wait for locks.

use claudetools_coord::Waiter;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_waiters")]
#[from_ref(Waiter)]
#[owned_try_into(Waiter, StoreError| vars(row: {RowReader::new("coord_waiters", Uuid::nil())}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) ticket: i64,
    pub(crate) session_id: String,
    /// A list of paths, as JSON.
    pub(crate) resources: String,
    pub(crate) mode: Word,
    pub(crate) since: i64,
    pub(crate) deadline: i64,
    pub(crate) alive_until: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
