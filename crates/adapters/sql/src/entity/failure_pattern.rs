//! Patterns of failures.

use claudetools_infra::failure::FailurePattern;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "failure_patterns")]
#[from_ref(FailurePattern)]
#[owned_try_into(FailurePattern, StoreError| vars(row: {RowReader::new("failure_patterns", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) pattern_type: Word,
    pub(crate) pattern_signature: String,
    pub(crate) severity: Word,
    pub(crate) occurrence_count: i64,
    pub(crate) is_active: bool,
    pub(crate) source: Word,
    pub(crate) verb: String,
    pub(crate) subject: String,
    pub(crate) first_seen_at: Option<i64>,
    pub(crate) last_seen_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) error_pattern: Option<String>,
    pub(crate) root_cause: Option<String>,
    pub(crate) recommended_solution: Option<String>,
    pub(crate) alternative_approaches: String,
    pub(crate) affected_infrastructure: String,
    pub(crate) hosts: String,
    pub(crate) client_ids: String,
    pub(crate) examples: String,
    pub(crate) suggestions: String,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
