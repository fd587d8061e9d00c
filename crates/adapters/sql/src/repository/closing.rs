//! Closings of periods.

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    Client, Closing, ClosingFilter, ClosingSort,
    ports::{ClosingRepository, Stored},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, sea_query::SimpleExpr,
};

use crate::{
    entity::closing::{Column, Entity, Model},
    query::{Guard, Listing},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for Closing {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> ClosingRepository for SqlTx<C> {
    async fn hold_periods(&mut self) -> Stored<()> {
        self.share_guard(Guard::BillingPeriods).await
    }

    async fn lock_periods(&mut self) -> Stored<()> {
        self.lock_guard(Guard::BillingPeriods).await
    }

    async fn closed_through(&mut self, client: Option<Id<Client>>) -> Stored<Option<NaiveDate>> {
        let concerns = Condition::any()
            .add(Column::ClientId.is_null())
            .add_option(client.map(|client| Column::ClientId.eq(client.uuid())));
        let last = in_force().filter(concerns).select_only().column(Column::ThroughDate);
        self.value(last.order_by_desc(Column::ThroughDate)).await
    }

    async fn in_force(&mut self, client: Option<Id<Client>>) -> Stored<Vec<Closing>> {
        let of = in_force().filter(exactly(client)).order_by_desc(Column::ThroughDate).order_by_desc(Column::Id);
        self.all::<_, Model, _>(of).await
    }

    async fn list(&mut self, filter: &ClosingFilter, page: &PageRequest<ClosingSort>) -> Stored<Page<Closing>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }
}

fn in_force() -> Select<Entity> {
    Entity::find().filter(Column::ReopenedAt.is_null())
}

fn exactly(client: Option<Id<Client>>) -> SimpleExpr {
    client.map_or_else(|| Column::ClientId.is_null(), |client| Column::ClientId.eq(client.uuid()))
}

fn condition(filter: &ClosingFilter) -> Condition {
    let closed = |wanted| if wanted { Column::ReopenedAt.is_null() } else { Column::ReopenedAt.is_not_null() };
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.is_closed.map(closed))
}

const fn column(field: ClosingSort) -> Column {
    match field {
        ClosingSort::ClosedAt => Column::ClosedAt,
        ClosingSort::Through => Column::ThroughDate,
    }
}
