//! What is known of places.

use claudetools_infra::failure::Insight;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "environmental_insights")]
#[from_ref(Insight)]
#[owned_try_into(Insight, StoreError| vars(row: {RowReader::new("environmental_insights", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) infrastructure_id: Option<Uuid>,
    pub(crate) category: Word,
    pub(crate) title: String,
    pub(crate) priority: i32,
    pub(crate) source: Word,
    pub(crate) confidence: i32,
    pub(crate) last_verified_at: Option<i64>,
    pub(crate) pattern_id: Option<Uuid>,
    pub(crate) verb: String,
    pub(crate) attribute: Option<Word>,
    pub(crate) attribute_value: Option<String>,
    /// Where it holds, as it is looked up.
    #[ghost(@.spot().key())]
    pub(crate) spot: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) description: String,
    pub(crate) examples: String,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
    /// What one entered by hand may be about, folded.
    #[ghost(@.topics())]
    pub(crate) topics: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
