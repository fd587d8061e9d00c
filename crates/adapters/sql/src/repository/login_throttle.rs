//! Failed log-ins.

use async_trait::async_trait;
use claudetools_identity::{ThrottleState, ports::LoginThrottleRepository};
use claudetools_kernel::{Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QuerySelect};

use crate::{
    entity::login_throttle::{Column, Entity, Model},
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> LoginThrottleRepository for SqlTx<C> {
    async fn lookup(&mut self, key: &str) -> Stored<Option<ThrottleState>> {
        self.one::<_, Model, _>(Entity::find_by_id(key)).await
    }

    async fn lock(&mut self, key: &str) -> Stored<Option<ThrottleState>> {
        self.one::<_, Model, _>(Entity::find_by_id(key).lock_exclusive()).await
    }

    async fn add(&mut self, state: &ThrottleState) -> Stored<()> {
        self.insert::<Entity>(state.into()).await
    }

    async fn save(&mut self, state: &ThrottleState, previous_revision: i64) -> Stored<()> {
        let row = Model::from(state).into_active_model();
        self.replace_revision::<Entity>(row, Column::ThrottleKey, Column::Revision, previous_revision).await
    }

    async fn clear(&mut self, key: &str) -> Stored<()> {
        self.erase::<Entity>(Condition::all().add(Column::ThrottleKey.eq(key))).await?;
        Ok(())
    }

    async fn remove_idle(&mut self, before: Timestamp) -> Stored<u64> {
        self.erase::<Entity>(Condition::all().add(Column::UpdatedAt.lt(before.micros()))).await
    }
}
