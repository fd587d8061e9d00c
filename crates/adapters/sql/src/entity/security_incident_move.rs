//! Where incidents stood.

use claudetools_infra::inventory::IncidentMove;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "security_incident_moves")]
#[owned_try_into(IncidentMove, StoreError| vars(row: {RowReader::new("security_incident_moves", @.incident_id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[ghost]
    pub(crate) incident_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    #[ghost]
    pub(crate) seq: i64,
    #[into(from, row.read("from_status", ~)?)]
    pub(crate) from_status: Option<Word>,
    #[into(to, row.read("to_status", ~)?)]
    pub(crate) to_status: Word,
    #[into(row.read("at", ~)?)]
    pub(crate) at: i64,
    #[into(by, ~)]
    pub(crate) moved_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of the move that made the revision `seq` of an incident.
    pub(crate) fn new(incident_id: Uuid, seq: i64, moved: &IncidentMove) -> Self {
        Self {
            incident_id,
            seq,
            from_status: Keeps::keep(&moved.from),
            to_status: Keeps::keep(&moved.to),
            at: Keeps::keep(&moved.at),
            moved_by: moved.by.clone(),
        }
    }
}
