//! Sessions that announced themselves.

use claudetools_coord::Presence;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_sessions")]
#[from_ref(Presence)]
#[owned_try_into(Presence, StoreError| vars(row: {RowReader::new("coord_sessions", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) session_id: String,
    pub(crate) machine: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) project_key: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) pid: Option<i64>,
    pub(crate) state: Word,
    pub(crate) started_at: i64,
    pub(crate) last_seen_at: i64,
    pub(crate) ended_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
