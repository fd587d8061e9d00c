//! What is known of places.

use async_trait::async_trait;
use claudetools_infra::failure::{
    FailurePattern, Insight, InsightFilter, InsightSort, Source, ports::InsightRepository,
};
use claudetools_kernel::{Id, Page, PageRequest, Stored};
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::{
    entity::environmental_insight::{Column, Entity, Model},
    query::{Listing, contains},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for Insight {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> InsightRepository for SqlTx<C> {
    async fn list(&mut self, filter: &InsightFilter, page: &PageRequest<InsightSort>) -> Stored<Page<Insight>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }

    async fn of_pattern(&mut self, pattern: Id<FailurePattern>) -> Stored<Option<Insight>> {
        self.one::<_, Model, _>(Entity::find().filter(Column::PatternId.eq(pattern.uuid()))).await
    }

    async fn of_verb(&mut self, verb: &str, limit: u32) -> Stored<Vec<Insight>> {
        let derived = Column::Source.eq(Source::Derived.to_string());
        self.all::<_, Model, _>(first(Entity::find().filter(Column::Verb.eq(verb)).filter(derived), limit)).await
    }

    async fn of_place(&mut self, client: Option<Uuid>, asset: Option<Uuid>, limit: u32) -> Stored<Vec<Insight>> {
        let of_asset = asset.map(|asset| Column::InfrastructureId.eq(asset));
        let whole_client = |client: Uuid| Column::ClientId.eq(client).and(Column::InfrastructureId.is_null());
        let nowhere = Column::ClientId.is_null().and(Column::InfrastructureId.is_null());
        let here = Condition::any().add(nowhere).add_option(of_asset).add_option(client.map(whole_client));
        self.all::<_, Model, _>(first(Entity::find().filter(here), limit)).await
    }
}

fn first(select: Select<Entity>, limit: u32) -> Select<Entity> {
    select.order_by_desc(Column::Priority).order_by_desc(Column::Id).limit(u64::from(limit))
}

fn condition(filter: &InsightFilter) -> Condition {
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted)))
        .add_option(filter.infrastructure_id.map(|wanted| Column::InfrastructureId.eq(wanted)))
        .add_option(filter.category.map(|wanted| Column::Category.eq(wanted.to_string())))
        .add_option(filter.source.map(|wanted| Column::Source.eq(wanted.to_string())))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: InsightSort) -> Column {
    match field {
        InsightSort::Priority => Column::Priority,
        InsightSort::CreatedAt => Column::CreatedAt,
        InsightSort::UpdatedAt => Column::UpdatedAt,
    }
}
