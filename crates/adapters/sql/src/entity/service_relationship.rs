//! How services hang together.

use claudetools_infra::inventory::ServiceRelationship;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "service_relationships")]
#[from_ref(ServiceRelationship)]
#[owned_try_into(ServiceRelationship, StoreError| vars(row: {RowReader::new("service_relationships", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) from_service_id: Uuid,
    pub(crate) to_service_id: Uuid,
    pub(crate) relationship_type: Word,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::service::Entity", from = "Column::FromServiceId", to = "super::service::Column::Id")]
    From,
    #[sea_orm(belongs_to = "super::service::Entity", from = "Column::ToServiceId", to = "super::service::Column::Id")]
    To,
}

impl ActiveModelBehavior for ActiveModel {}
