//! Who has received which message.

use claudetools_coord::Delivery;
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_message_recipients")]
#[from_ref(Delivery)]
#[owned_try_into(Delivery, StoreError| vars(row: {RowReader::new("coord_message_recipients", @.message_id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) message_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) session_id: String,
    pub(crate) seq: i64,
    pub(crate) delivered_at: i64,
    pub(crate) read_at: Option<i64>,
    pub(crate) acked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::coord_message::Entity",
        from = "Column::MessageId",
        to = "super::coord_message::Column::Id"
    )]
    Message,
}

impl ActiveModelBehavior for ActiveModel {}
