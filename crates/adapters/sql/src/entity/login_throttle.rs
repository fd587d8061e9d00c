//! Failed log-ins.

use claudetools_identity::ThrottleState;
use claudetools_kernel::{StoreError, Timestamp};
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::{Keeps, RowReader};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "login_throttle")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) throttle_key: String,
    /// A list of instants in microseconds.
    pub(crate) recent: String,
    pub(crate) strikes: i64,
    pub(crate) blocked_until: Option<i64>,
    pub(crate) updated_at: i64,
    pub(crate) revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&ThrottleState> for Model {
    fn from(state: &ThrottleState) -> Self {
        let recent: Vec<i64> = state.recent.iter().copied().map(Timestamp::micros).collect();
        Self {
            throttle_key: state.key.clone(),
            recent: Keeps::keep(&recent),
            strikes: i64::from(state.strikes),
            blocked_until: state.blocked_until.map(Timestamp::micros),
            updated_at: state.updated_at.micros(),
            revision: state.revision,
        }
    }
}

impl TryFrom<Model> for ThrottleState {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("login_throttle", Uuid::nil());
        let recent: Vec<i64> = reader.read("recent", row.recent)?;
        Ok(Self {
            recent: recent.into_iter().map(|at| reader.read("recent", at)).collect::<Result<_, _>>()?,
            strikes: reader.value("strikes", row.strikes.try_into().ok())?,
            blocked_until: reader.read("blocked_until", row.blocked_until)?,
            updated_at: reader.read("updated_at", row.updated_at)?,
            revision: row.revision,
            key: row.throttle_key,
        })
    }
}
