//! Components as they stand.

use claudetools_coord::{Component, ComponentKey, Report};
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_components")]
#[from_ref(Component)]
#[owned_try_into(Component, StoreError| vars(row: {RowReader::new("coord_components", @.id)}))]
#[child_parents(key: ComponentKey, report: Report)]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    #[child(key)]
    pub(crate) project_key: String,
    #[child(key)]
    pub(crate) component: String,
    #[child(report)]
    pub(crate) state: Word,
    #[child(report)]
    pub(crate) version: Option<String>,
    #[child(report)]
    pub(crate) updated_by: Option<String>,
    #[child(report)]
    pub(crate) observed_at: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    #[child(report)]
    pub(crate) notes: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
