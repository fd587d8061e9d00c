//! How long what has ended in coordination is kept: one row.

use claudetools_coord::Retention;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

/// The key of the only row.
pub(crate) const ONLY: i64 = 1;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_retention")]
#[from_ref(Retention)]
#[owned_into(Retention)]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[ghost({ONLY})]
    pub(crate) id: i64,
    pub(crate) events_days: i32,
    pub(crate) messages_days: i32,
    pub(crate) history_days: i32,
    pub(crate) ended_days: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
