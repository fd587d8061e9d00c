//! The head of coordination: one row. Its repository reads it together with the clock, in each engine's own words.

use sea_orm::entity::prelude::*;
use serde::Deserialize;

/// The id of the only row.
pub(crate) const ONLY: i64 = 1;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "coord_head")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i64,
    pub(crate) last_token: i64,
    pub(crate) last_event: i64,
    pub(crate) last_ticket: i64,
    pub(crate) waiting: i64,
    /// The latest time that anybody acted on, in microseconds.
    pub(crate) clock: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
