//! Patterns of failures and their keys.

use async_trait::async_trait;
use claudetools_infra::failure::{FailurePattern, PatternFilter, PatternKey, PatternSort, ports::PatternRepository};
use claudetools_kernel::{Id, Page, PageRequest, Stored};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{
    entity::{
        failure_pattern::{Column, Entity, Model},
        failure_pattern_key,
    },
    query::{Listing, contains},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for FailurePattern {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> PatternRepository for SqlTx<C> {
    async fn list(&mut self, filter: &PatternFilter, page: &PageRequest<PatternSort>) -> Stored<Page<FailurePattern>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }

    async fn by_key(&mut self, key: &[u8; 32]) -> Stored<Option<Id<FailurePattern>>> {
        let of_key = failure_pattern_key::Column::FailureKey.eq(key.to_vec());
        let select = failure_pattern_key::Entity::find().select_only().column(failure_pattern_key::Column::PatternId);
        self.id_of(select.filter(of_key)).await
    }

    async fn templates(&mut self, bucket: &[u8; 32], limit: u32) -> Stored<Vec<(String, Id<FailurePattern>)>> {
        use failure_pattern_key::Column as Key;
        let templates = failure_pattern_key::Entity::find()
            .select_only()
            .columns([Key::Template, Key::PatternId])
            .filter(Key::Bucket.eq(bucket.to_vec()))
            .filter(Key::Template.ne(""))
            .order_by_asc(Key::CreatedAt)
            .order_by_asc(Key::FailureKey)
            .limit(u64::from(limit));
        let rows = self.values::<_, (String, Uuid)>(templates).await?;
        Ok(rows.into_iter().map(|(template, id)| (template, Id::new(id))).collect())
    }

    async fn add_key(&mut self, key: &PatternKey) -> Stored<()> {
        self.insert::<failure_pattern_key::Entity>(key.into()).await
    }

    async fn of_verb(&mut self, verb: &str, limit: u32) -> Stored<Vec<FailurePattern>> {
        let of_verb = Entity::find().filter(Column::Verb.eq(verb)).filter(Column::IsActive.eq(true));
        let of_verb = of_verb.order_by_desc(Column::OccurrenceCount).order_by_desc(Column::Id).limit(u64::from(limit));
        self.all::<_, Model, _>(of_verb).await
    }
}

/// Lists of ids are JSON: an id stands in them as it is written.
fn lists(column: Column, id: Uuid) -> sea_orm::sea_query::SimpleExpr {
    contains(column, &format!("\"{id}\""))
}

fn condition(filter: &PatternFilter) -> Condition {
    Condition::all()
        .add_option(filter.infrastructure_id.map(|wanted| lists(Column::AffectedInfrastructure, wanted)))
        .add_option(filter.client_id.map(|wanted| lists(Column::ClientIds, wanted)))
        .add_option(filter.pattern_type.map(|wanted| Column::PatternType.eq(wanted.to_string())))
        .add_option(filter.severity.map(|wanted| Column::Severity.eq(wanted.to_string())))
        .add_option(filter.is_active.map(|wanted| Column::IsActive.eq(wanted)))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: PatternSort) -> Column {
    match field {
        PatternSort::OccurrenceCount => Column::OccurrenceCount,
        PatternSort::CreatedAt => Column::CreatedAt,
        PatternSort::UpdatedAt => Column::UpdatedAt,
    }
}
