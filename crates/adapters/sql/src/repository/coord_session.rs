//! Sessions that announced themselves.

use async_trait::async_trait;
use claudetools_coord::{Presence, PresenceFilter, PresenceSort, PresenceState, ports::PresenceRepository};
use claudetools_kernel::{Page, PageRequest, Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::ExprTrait};

use crate::{
    entity::coord_session::{Column, Entity, Model},
    query::{Listing, padded},
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> PresenceRepository for SqlTx<C> {
    async fn find(&mut self, session_ids: &[String]) -> Stored<Vec<Presence>> {
        self.all::<_, Model, _>(Entity::find().filter(Column::SessionId.is_in(padded(session_ids)))).await
    }

    async fn put(&mut self, presence: &Presence) -> Stored<()> {
        self.put_row::<Entity>(presence.into(), Column::Id, presence.id.uuid()).await
    }

    async fn silent(&mut self, since: Timestamp, limit: u32) -> Stored<Vec<Presence>> {
        let silent = Entity::find()
            .filter(Column::State.eq(PresenceState::Active.to_string()))
            .filter(Column::LastSeenAt.lte(since.micros()))
            .order_by_asc(Column::LastSeenAt);
        self.all::<_, Model, _>(silent.limit(u64::from(limit))).await
    }

    async fn list(
        &mut self,
        filter: &PresenceFilter,
        page: &PageRequest<PresenceSort>,
        now: Timestamp,
    ) -> Stored<Page<Presence>> {
        let (select, filter) = (Entity::find(), condition(filter, now));
        self.page::<_, Model, _, _>(Listing { select, filter, sort: column, id: Column::Id }, page).await
    }
}

fn condition(filter: &PresenceFilter, now: Timestamp) -> Condition {
    let silent_at = Presence::silent_at(now).micros();
    let is_active = || Column::State.eq(PresenceState::Active.to_string());
    let active = |wanted: bool| {
        if wanted {
            Condition::all().add(is_active()).add(Column::LastSeenAt.gt(silent_at))
        } else {
            Condition::any().add(is_active().not()).add(Column::LastSeenAt.lte(silent_at))
        }
    };
    Condition::all()
        .add_option(filter.active.map(active))
        .add_option(filter.project_key.as_deref().map(|wanted| Column::ProjectKey.eq(wanted)))
}

const fn column(field: PresenceSort) -> Column {
    match field {
        PresenceSort::LastSeenAt => Column::LastSeenAt,
        PresenceSort::StartedAt => Column::StartedAt,
        PresenceSort::SessionId => Column::SessionId,
    }
}
