//! Revoked access tokens.

use async_trait::async_trait;
use claudetools_identity::{Revocation, ports::RevocationRepository};
use claudetools_kernel::{Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    entity::revocation::{Column, Entity, Model},
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> RevocationRepository for SqlTx<C> {
    async fn add(&mut self, revocation: &Revocation) -> Stored<()> {
        self.insert::<Entity>(revocation.into()).await
    }

    async fn since(&mut self, from: Timestamp, now: Timestamp) -> Stored<Vec<Revocation>> {
        let select = Entity::find()
            .filter(Column::RecordedAt.gte(from.micros()))
            .filter(Column::ExpiresAt.gt(now.micros()))
            .order_by_asc(Column::RecordedAt)
            .order_by_asc(Column::Id);
        self.all::<_, Model, _>(select).await
    }

    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64> {
        self.erase::<Entity>(Condition::all().add(Column::ExpiresAt.lte(now.micros()))).await
    }
}
