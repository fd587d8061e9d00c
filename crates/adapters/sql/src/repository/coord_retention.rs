//! How long what has ended in coordination is kept, and its removal.

use async_trait::async_trait;
use claudetools_coord::{
    LockState, PresenceState, PruneBounds, Pruned, Retention,
    ports::{EventRepository, RetentionRepository},
};
use claudetools_kernel::{Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr};
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
        self.put_row::<Entity>(retention.into(), Column::Id, ONLY).await
    }

    async fn prune(&mut self, bounds: &PruneBounds) -> Stored<Pruned> {
        let events = match bounds.events {
            Some(before) => EventRepository::prune(self, before).await?,
            None => 0,
        };
        let ended = self.erase_before::<Sessions>(Session::EndedAt, Session::Id, bounds.ended).await?;
        let silent = self.erase_silent(bounds.ended).await?;
        Ok(Pruned {
            events,
            messages: self.erase_before::<Messages>(Message::CreatedAt, Message::Id, bounds.messages).await?,
            history: self.erase_before::<Histories>(History::RecordedAt, History::Id, bounds.history).await?,
            locks: self.erase_before::<Locks>(Lock::EndedAt, Lock::Id, bounds.ended).await?,
            sessions: ended + silent,
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
        let Some(bound) = bound else { return Ok(0) };
        let outdated = Condition::all().add(at.lt(bound.micros()));
        self.erase_found::<E>(id, &outdated, None).await
    }

    /// Removes the sessions that have not ended but were last seen before a bound: they have died without a word. One that a lock is
    /// still marked as held for stays.
    async fn erase_silent(&self, bound: Option<Timestamp>) -> Stored<u64> {
        let Some(bound) = bound else { return Ok(0) };
        let held = Locks::find()
            .select_only()
            .column(Lock::Id)
            .filter(Lock::State.eq(LockState::Held.to_string()))
            .filter(Expr::col(Lock::SessionId.as_column_ref()).equals(Session::SessionId.as_column_ref()));
        let is_silent = Condition::all()
            .add(Session::LastSeenAt.lt(bound.micros()))
            .add(Session::State.ne(PresenceState::Ended.to_string()));
        let outdated = is_silent.clone().add(Expr::exists(held.into_query()).not());
        // It may have given a sign of life since it was looked up.
        self.erase_found::<Sessions>(Session::Id, &outdated, Some(&is_silent)).await
    }

    /// Removes the rows that are `outdated`, as far as they are `still` when they go; tells how many.
    async fn erase_found<E: EntityTrait>(
        &self,
        id: E::Column,
        outdated: &Condition,
        still: Option<&Condition>,
    ) -> Stored<u64> {
        let mut gone = 0;
        loop {
            let found = E::find().select_only().column(id).filter(outdated.clone()).limit(ROWS);
            let ids: Vec<Uuid> = self.values(found).await?;
            let these = Condition::all().add(id.is_in(padded(&ids))).add_option(still.cloned());
            let erased = if ids.is_empty() { 0 } else { self.erase::<E>(these).await? };
            // Whoever else prunes may have been faster.
            if erased == 0 {
                return Ok(gone);
            }
            gone += erased;
        }
    }
}
