//! Timers.

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    Timer, TimerFilter, TimerRow, TimerSort,
    ports::{Stored, TimerRepository},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationTrait, Select};

use crate::{
    entity::{
        client, project,
        timer::{Column, Entity, Joined, Relation},
    },
    query::{Listing, contains},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for Timer {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> TimerRepository for SqlTx<C> {
    async fn row(&mut self, id: Id<Timer>) -> Stored<Option<TimerRow>> {
        self.one::<_, Joined, _>(with_names().filter(Column::Id.eq(id.uuid()))).await
    }

    async fn running(&mut self, technician: &str) -> Stored<Option<Id<Timer>>> {
        self.id_of(Entity::find().select_only().column(Column::Id).filter(Column::RunningKey.eq(technician))).await
    }

    async fn list(&mut self, filter: &TimerFilter, page: &PageRequest<TimerSort>) -> Stored<Page<TimerRow>> {
        let listing = Listing { select: with_names(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Joined, _, _>(listing, page).await
    }
}

/// Timers with the names of their clients and projects.
fn with_names() -> Select<Entity> {
    Entity::find()
        .join(JoinType::LeftJoin, Relation::Client.def())
        .join(JoinType::LeftJoin, Relation::Project.def())
        .column_as(client::Column::Name, "client_name")
        .column_as(project::Column::Name, "project_name")
}

fn condition(filter: &TimerFilter) -> Condition {
    let running = |wanted| if wanted { Column::PausedAt.is_null() } else { Column::PausedAt.is_not_null() };
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.technician.as_deref().map(|part| contains(Column::TechnicianKey, part)))
        .add_option(filter.is_running.map(running))
}

const fn column(field: TimerSort) -> Column {
    match field {
        TimerSort::StartedAt => Column::StartedAt,
    }
}
