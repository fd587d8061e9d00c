//! Closings of periods.

use claudetools_kernel::StoreError;
use claudetools_sessions::Closing;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "closings")]
#[from_ref(Closing)]
#[owned_try_into(Closing, StoreError| vars(row: {RowReader::new("closings", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    #[o2o(skip_repeat)]
    #[from(through, Keeps::keep(&~))]
    #[into(through, row.read("through_date", ~)?)]
    pub(crate) through_date: Date,
    pub(crate) closed_at: i64,
    pub(crate) closed_by: String,
    pub(crate) reopened_at: Option<i64>,
    pub(crate) reopened_by: Option<String>,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
