//! Where patterns are expected.

use claudetools_infra::failure::{FailurePattern, Spot};
use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "failure_pattern_spots")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) spot: String,
    /// The pattern's, so that those of a verb lie together.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) verb: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) pattern_id: Uuid,
    /// The pattern's: what a command must have in it, folded.
    pub(crate) needle: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::failure_pattern::Entity",
        from = "Column::PatternId",
        to = "super::failure_pattern::Column::Id"
    )]
    Pattern,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a pattern that is expected at a spot.
    pub(crate) fn of(pattern: &FailurePattern, spot: &Spot) -> Self {
        let (verb, pattern_id, needle) = (pattern.verb.clone(), pattern.id.uuid(), pattern.needle());
        Self { spot: spot.key(), verb, pattern_id, needle }
    }
}
