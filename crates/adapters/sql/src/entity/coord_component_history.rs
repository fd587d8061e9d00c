//! What was said of components.

use claudetools_coord::{HistoryEntry, Report};
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_component_history")]
#[from_ref(HistoryEntry)]
#[owned_try_into(HistoryEntry, StoreError| vars(row: {RowReader::new("coord_component_history", @.id)}))]
#[child_parents(report: Report)]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) component_id: Uuid,
    #[child(report)]
    pub(crate) state: Word,
    #[child(report)]
    pub(crate) version: Option<String>,
    #[child(report)]
    pub(crate) updated_by: Option<String>,
    #[child(report)]
    pub(crate) observed_at: i64,
    pub(crate) recorded_at: i64,
    pub(crate) late: bool,
    #[child(report)]
    pub(crate) notes: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
