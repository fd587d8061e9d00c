//! The events of coordination.

use claudetools_coord::Event;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_events")]
#[from_ref(Event)]
#[owned_try_into(Event, StoreError| vars(row: {RowReader::new("coord_events", Uuid::nil())}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) kind: Word,
    pub(crate) project_key: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) subject: Option<Uuid>,
    /// A JSON object.
    pub(crate) payload: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
