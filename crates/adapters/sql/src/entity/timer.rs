//! Timers.

use claudetools_kernel::StoreError;
use claudetools_sessions::{Timer, TimerRow};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "timers")]
#[from_ref(Timer)]
#[owned_try_into(Timer, StoreError| vars(row: {RowReader::new("timers", @.id)}))]
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
    /// The same while it runs: unique.
    #[ghost(@.running_key())]
    pub(crate) running_key: Option<String>,
    pub(crate) is_billable: bool,
    /// Ten-thousandths of a unit of the currency.
    pub(crate) hourly_rate: Option<i64>,
    pub(crate) started_at: i64,
    pub(crate) paused_at: Option<i64>,
    pub(crate) paused_micros: i64,
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

/// A timer and the names of its client and project.
#[derive(Debug, FromQueryResult, Deserialize, o2o)]
#[owned_try_into(TimerRow, StoreError)]
#[ghosts(minutes: {0})]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    #[into(~.try_into()?)]
    timer: Model,
    client_name: String,
    project_name: Option<String>,
}
