//! What is known of places.

use std::cmp::Reverse;

use async_trait::async_trait;
use claudetools_infra::failure::{
    FailurePattern, Insight, InsightFilter, InsightSort, Source, Spot, ports::InsightRepository,
};
use claudetools_kernel::{Id, Page, PageRequest, Stored};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::{
    entity::environmental_insight::{Column, Entity, Model},
    query::{Listing, contains, padded},
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

    async fn holding(&mut self, spots: &[Spot], limit: u32) -> Stored<Vec<Insight>> {
        self.all::<_, Model, _>(first(there(spots), limit)).await
    }

    async fn about(&mut self, spots: &[Spot], verbs: &[String], limit: u32) -> Stored<Vec<Insight>> {
        if verbs.is_empty() {
            return Ok(Vec::new());
        }
        // Two questions, each of which an index answers: with OR the text of everything that holds there would be looked at.
        let derived = there(spots).filter(Column::Verb.is_in(padded(verbs)));
        let topics = padded(verbs).into_iter().map(|verb| contains(Column::Topics, &format!(" {verb} ")));
        let entered = there(spots).filter(Column::Verb.eq("")).filter(topics.fold(Condition::any(), Condition::add));
        let mut found = self.all::<_, Model, Insight>(first(derived, limit)).await?;
        found.extend(self.all::<_, Model, Insight>(first(entered, limit)).await?);
        found.sort_by_key(|insight| Reverse((insight.priority, insight.id)));
        found.truncate(limit as usize);
        Ok(found)
    }
}

/// The insights that hold at one of the spots.
fn there(spots: &[Spot]) -> Select<Entity> {
    let keys: Vec<String> = spots.iter().map(Spot::key).collect();
    Entity::find().filter(Column::Spot.is_in(padded(&keys)))
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
