//! The keys of failures, and the patterns that they belong to.

use claudetools_infra::failure::PatternKey;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::Keeps;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "failure_pattern_keys")]
#[from_ref(PatternKey)]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[from(key, Keeps::keep(&~))]
    pub(crate) failure_key: Vec<u8>,
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    pub(crate) bucket: Vec<u8>,
    pub(crate) pattern_id: Uuid,
    pub(crate) fingerprint_version: i32,
    pub(crate) created_at: i64,
    pub(crate) template: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
