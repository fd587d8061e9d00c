//! Locks.

use claudetools_coord::{Lock, LockDetail, LockMode, LockState};
use claudetools_kernel::{StoreError, Timestamp};
use o2o::o2o;
use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::Deserialize;

use crate::row::{Keeps, RowReader, Word};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize, o2o)]
#[sea_orm(table_name = "coord_locks")]
#[from_ref(Lock)]
#[owned_try_into(Lock, StoreError| vars(row: {RowReader::new("coord_locks", @.id)}))]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[o2o(repeat)]
    #[from(Keeps::keep(&~))]
    #[into(row.read(stringify!(~), ~)?)]
    pub(crate) id: Uuid,
    pub(crate) resource: String,
    pub(crate) mode: Word,
    pub(crate) token: i64,
    pub(crate) session_id: String,
    pub(crate) task: Option<String>,
    pub(crate) reason: Option<String>,
    /// A JSON object.
    pub(crate) meta: Option<String>,
    pub(crate) ttl_seconds: i64,
    pub(crate) granted_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) state: Word,
    pub(crate) ended_at: Option<i64>,
    pub(crate) end_reason: Option<String>,
    /// The path, unless the lock is marked as ended.
    #[ghost(held(@).then(|| @.resource.to_string()))]
    pub(crate) live_path: Option<String>,
    /// The same of an exclusive lock, and unique: the engine would refuse two holders even if we did not.
    #[ghost((held(@) && @.mode == LockMode::Exclusive).then(|| @.resource.to_string()))]
    pub(crate) exclusive_path: Option<String>,
    /// When its time runs out, unless it is marked as ended.
    #[ghost(held(@).then(|| Timestamp::micros(@.expires_at)))]
    pub(crate) live_until: Option<i64>,
}

fn held(lock: &Lock) -> bool {
    lock.state == LockState::Held
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::coord_session::Entity",
        from = "Column::SessionId",
        to = "super::coord_session::Column::SessionId"
    )]
    Session,
}

impl ActiveModelBehavior for ActiveModel {}

/// A lock and what its session announced.
#[derive(Debug, FromQueryResult, Deserialize)]
pub(crate) struct Joined {
    #[sea_orm(nested)]
    pub(crate) lock: Model,
    pub(crate) host: Option<String>,
    pub(crate) agent: Option<String>,
}

impl TryFrom<Joined> for LockDetail {
    type Error = StoreError;

    fn try_from(row: Joined) -> Result<Self, StoreError> {
        Ok(Self { lock: row.lock.try_into()?, host: row.host, agent: row.agent })
    }
}
