//! Entries of billable time.

use claudetools_kernel::StoreError;
use claudetools_sessions::{BillableTime, BillableTimeRow, Draw};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "billable_time")]
#[from_ref(BillableTime)]
#[owned_try_into(BillableTime, StoreError| vars(row: {RowReader::new("billable_time", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) session_id: Option<Uuid>,
    pub(crate) work_item_id: Option<Uuid>,
    pub(crate) technician: String,
    /// The technician folded.
    #[ghost(@.technician_key())]
    pub(crate) technician_key: String,
    pub(crate) entry_date: Date,
    pub(crate) start_time: Option<i64>,
    pub(crate) end_time: Option<i64>,
    pub(crate) minutes: i64,
    pub(crate) is_billable: bool,
    /// Ten-thousandths of a unit of the currency.
    pub(crate) hourly_rate: Option<i64>,
    pub(crate) rate_source: Word,
    pub(crate) currency: String,
    pub(crate) billing_increment_minutes: i32,
    pub(crate) billing_rounding: Word,
    pub(crate) time_zone: Option<String>,
    pub(crate) rounded_minutes: i64,
    /// Ten-thousandths of a unit of the currency.
    pub(crate) amount: Option<i64>,
    pub(crate) is_billed: bool,
    pub(crate) invoice_ref: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
    pub(crate) description: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
    #[sea_orm(belongs_to = "super::project::Entity", from = "Column::ProjectId", to = "super::project::Column::Id")]
    Project,
}

impl ActiveModelBehavior for ActiveModel {}

/// An entry and the names of its client and project.
#[derive(Debug, FromQueryResult, Deserialize, o2o)]
#[owned_try_into(BillableTimeRow, StoreError)]
#[ghosts(overlaps: {Vec::new()})]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    #[into(~.try_into()?)]
    entry: Model,
    client_name: String,
    project_name: Option<String>,
}

/// What of an entry draws on blocks.
#[derive(Debug, DerivePartialModel, Deserialize, o2o)]
#[sea_orm(entity = "Entity")]
#[owned_try_into(Draw, StoreError| vars(row: {RowReader::new("billable_time", @.id)}))]
pub(crate) struct DrawRow {
    #[o2o(repeat)]
    #[into(row.read(stringify!(~), ~)?)]
    id: Uuid,
    client_id: Uuid,
    entry_date: Date,
    rounded_minutes: i64,
    hourly_rate: Option<i64>,
    currency: String,
}
