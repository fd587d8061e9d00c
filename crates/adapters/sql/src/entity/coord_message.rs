//! Messages.

use claudetools_coord::{Message, MessageRow};
use claudetools_kernel::StoreError;
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_messages")]
#[from_ref(Message)]
#[owned_try_into(Message, StoreError| vars(row: {RowReader::new("coord_messages", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) seq: i64,
    pub(crate) from_session: String,
    pub(crate) to_session: Option<String>,
    pub(crate) to_project: Option<String>,
    pub(crate) broadcast: bool,
    pub(crate) subject: Option<String>,
    pub(crate) importance: Word,
    pub(crate) ack_required: bool,
    pub(crate) thread_id: Option<String>,
    pub(crate) reply_to: Option<Uuid>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) project_key: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) body: String,
    /// What `q` searches, folded.
    #[ghost(@.search_key())]
    pub(crate) search_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A message as one recipient has it.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Received {
    #[sea_orm(nested)]
    message: Model,
    delivered_at: i64,
    read_at: Option<i64>,
    acked_at: Option<i64>,
}

impl TryFrom<Received> for MessageRow {
    type Error = StoreError;

    fn try_from(row: Received) -> Result<Self, StoreError> {
        let reader = RowReader::new("coord_message_recipients", row.message.id);
        Ok(Self {
            message: row.message.try_into()?,
            delivered_at: Some(reader.read("delivered_at", row.delivered_at)?),
            read_at: reader.read("read_at", row.read_at)?,
            acked_at: reader.read("acked_at", row.acked_at)?,
        })
    }
}

impl TryFrom<Model> for MessageRow {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self::of(row.try_into()?, None))
    }
}
