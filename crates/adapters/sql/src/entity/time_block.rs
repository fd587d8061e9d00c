//! Blocks of hours.

use claudetools_kernel::StoreError;
use claudetools_sessions::{BlockBalance, TimeBlock, TimeBlockRow};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "time_blocks")]
#[from_ref(TimeBlock)]
#[owned_try_into(TimeBlock, StoreError| vars(row: {RowReader::new("time_blocks", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    /// Hundredths of an hour.
    pub(crate) hours: i64,
    #[o2o(skip_repeat)]
    #[from(from, Keeps::keep(&~))]
    #[into(from, row.read("from_date", ~)?)]
    pub(crate) from_date: Date,
    #[o2o(skip_repeat)]
    #[from(until, Keeps::keep(&~))]
    #[into(until, row.read("until_date", ~)?)]
    pub(crate) until_date: Option<Date>,
    pub(crate) rollover: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) notes: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
}

impl ActiveModelBehavior for ActiveModel {}

/// A block and its client's name.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    block: Model,
    client_name: String,
}

impl TryFrom<Joined> for TimeBlockRow {
    type Error = StoreError;

    fn try_from(Joined { block, client_name }: Joined) -> Result<Self, StoreError> {
        let block: TimeBlock = block.try_into()?;
        Ok(Self { balance: BlockBalance::untouched(&block), block, client_name })
    }
}
