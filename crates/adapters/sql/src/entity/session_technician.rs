//! Who has ever had a session. Names are added with the first one and stay.

use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "session_technicians")]
pub(crate) struct Model {
    /// The technician folded.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) technician_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
