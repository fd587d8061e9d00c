//! How long what has ended in coordination is kept, and its removal.

use async_trait::async_trait;
use claudetools_coord::{PruneBounds, Pruned, Retention, ports::RetentionRepository};
use claudetools_kernel::{Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait};

use crate::{
    entity::{
        coord_component_history, coord_event, coord_lock, coord_message,
        coord_retention::{Column, Entity, Model, ONLY},
        coord_session,
    },
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> RetentionRepository for SqlTx<C> {
    async fn decided(&mut self) -> Stored<Option<Retention>> {
        Ok(self.ask(self.one_of::<_, Model>(Entity::find_by_id(ONLY))).await?.map(Into::into))
    }

    async fn decide(&mut self, retention: &Retention) -> Stored<()> {
        self.put::<Entity>(retention.into(), Column::Id, ONLY).await
    }

    async fn prune(&mut self, bounds: &PruneBounds) -> Stored<Pruned> {
        Ok(Pruned {
            events: self.erase_before::<coord_event::Entity>(coord_event::Column::At, bounds.events).await?,
            messages: self
                .erase_before::<coord_message::Entity>(coord_message::Column::CreatedAt, bounds.messages)
                .await?,
            history: self
                .erase_before::<coord_component_history::Entity>(
                    coord_component_history::Column::RecordedAt,
                    bounds.history,
                )
                .await?,
            locks: self.erase_before::<coord_lock::Entity>(coord_lock::Column::EndedAt, bounds.ended).await?,
            sessions: self.erase_before::<coord_session::Entity>(coord_session::Column::EndedAt, bounds.ended).await?,
        })
    }
}

impl<C: Connection> SqlTx<C> {
    /// Removes the rows whose instant lies before a bound; tells how many. Rows without one stay.
    async fn erase_before<E: EntityTrait>(&self, at: E::Column, bound: Option<Timestamp>) -> Stored<u64> {
        let Some(bound) = bound else { return Ok(0) };
        self.erase::<E>(Condition::all().add(at.lt(bound.micros()))).await
    }
}
