//! Blocks of hours.

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    Client, TimeBlock, TimeBlockFilter, TimeBlockRow, TimeBlockSort,
    ports::{Stored, TimeBlockRepository},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationTrait, Select};

use crate::{
    entity::{
        client,
        time_block::{Column, Entity, Joined, Model, Relation},
    },
    query::{Listing, padded},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for TimeBlock {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> TimeBlockRepository for SqlTx<C> {
    async fn row(&mut self, id: Id<TimeBlock>) -> Stored<Option<TimeBlockRow>> {
        self.one::<_, Joined, _>(with_client().filter(Column::Id.eq(id.uuid()))).await
    }

    async fn list(
        &mut self,
        filter: &TimeBlockFilter,
        page: &PageRequest<TimeBlockSort>,
    ) -> Stored<Page<TimeBlockRow>> {
        let listing = Listing { select: with_client(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Joined, _, _>(listing, page).await
    }

    async fn of_clients(&mut self, clients: Option<&[Id<Client>]>) -> Stored<Vec<TimeBlock>> {
        let of = clients.map(|clients| clients.iter().map(|id| id.uuid()).collect::<Vec<_>>());
        let of = Condition::all().add_option(of.map(|ids| Column::ClientId.is_in(padded(&ids))));
        self.all::<_, Model, _>(Entity::find().filter(of)).await
    }
}

/// Blocks with their clients' names.
fn with_client() -> Select<Entity> {
    Entity::find().join(JoinType::LeftJoin, Relation::Client.def()).column_as(client::Column::Name, "client_name")
}

fn condition(filter: &TimeBlockFilter) -> Condition {
    let open = |day| {
        let ends = Condition::any().add(Column::UntilDate.is_null()).add(Column::UntilDate.gte(day));
        Condition::all().add(Column::FromDate.lte(day)).add(ends)
    };
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.on.map(open))
}

const fn column(field: TimeBlockSort) -> Column {
    match field {
        TimeBlockSort::From => Column::FromDate,
        TimeBlockSort::CreatedAt => Column::CreatedAt,
        TimeBlockSort::UpdatedAt => Column::UpdatedAt,
    }
}
