//! How long what has ended in coordination is kept, and its removal.

use async_trait::async_trait;
use claudetools_coord::{
    PruneBounds, Pruned, Retention,
    ports::{EventRepository, RetentionRepository},
};
use claudetools_kernel::{Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::{
    entity::{
        coord_component_history::{Column as History, Entity as Histories},
        coord_lock::{Column as Lock, Entity as Locks},
        coord_message::{Column as Message, Entity as Messages},
        coord_retention::{Column, Entity, Model, ONLY},
        coord_session::{Column as Session, Entity as Sessions},
    },
    query::padded,
    store::{Connection, SqlTx},
};

/// How many rows go at once.
const ROWS: u64 = 1024;

#[async_trait]
impl<C: Connection> RetentionRepository for SqlTx<C> {
    async fn decided(&mut self) -> Stored<Option<Retention>> {
        Ok(self.ask(self.one_of::<_, Model>(Entity::find_by_id(ONLY))).await?.map(Into::into))
    }

    async fn decide(&mut self, retention: &Retention) -> Stored<()> {
        self.put::<Entity>(retention.into(), Column::Id, ONLY).await
    }

    async fn prune(&mut self, bounds: &PruneBounds) -> Stored<Pruned> {
        let events = match bounds.events {
            Some(before) => EventRepository::prune(self, before).await?,
            None => 0,
        };
        Ok(Pruned {
            events,
            messages: self.erase_before::<Messages>(Message::CreatedAt, Message::Id, bounds.messages).await?,
            history: self.erase_before::<Histories>(History::RecordedAt, History::Id, bounds.history).await?,
            locks: self.erase_before::<Locks>(Lock::EndedAt, Lock::Id, bounds.ended).await?,
            sessions: self.erase_before::<Sessions>(Session::EndedAt, Session::Id, bounds.ended).await?,
        })
    }
}

impl<C: Connection> SqlTx<C> {
    /// Removes the rows whose instant lies before a bound; tells how many. Rows without one stay. They are looked up first and then
    /// removed by their ids: MariaDB would lock whatever it looks at on the way, and with it whoever holds a lock right now.
    async fn erase_before<E: EntityTrait>(
        &self,
        at: E::Column,
        id: E::Column,
        bound: Option<Timestamp>,
    ) -> Stored<u64> {
        let (Some(bound), mut gone) = (bound, 0) else { return Ok(0) };
        loop {
            let outdated = E::find().select_only().column(id).filter(at.lt(bound.micros())).limit(ROWS);
            let ids: Vec<Uuid> = self.values(outdated).await?;
            let erased =
                if ids.is_empty() { 0 } else { self.erase::<E>(Condition::all().add(id.is_in(padded(&ids)))).await? };
            // Whoever else prunes may have been faster.
            if erased == 0 {
                return Ok(gone);
            }
            gone += erased;
        }
    }
}
