//! Patterns of failures and their keys.

use async_trait::async_trait;
use claudetools_infra::failure::{
    FailurePattern, PatternFilter, PatternKey, PatternSort, Spot, ports::PatternRepository,
};
use claudetools_kernel::{Id, Page, PageRequest, Stored};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, RelationTrait,
    sea_query::{Expr, Func, OnConflict},
};
use uuid::Uuid;

use crate::{
    entity::{
        failure_pattern::{Column, Entity, Model},
        failure_pattern_key, failure_pattern_spot,
    },
    query::{Listing, contains, padded},
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

    async fn expect_at(&mut self, pattern: &FailurePattern, spots: &[Spot]) -> Stored<()> {
        use failure_pattern_spot::{ActiveModel, Column as At, Entity as Spots};
        let rows: Vec<ActiveModel> =
            spots.iter().map(|spot| failure_pattern_spot::Model::of(pattern, spot).into()).collect();
        if rows.is_empty() {
            return Ok(());
        }
        // Those that are there already are left as they are.
        let known = OnConflict::columns([At::Spot, At::Verb, At::PatternId]).do_nothing_on([At::PatternId]).to_owned();
        self.run(vec![self.statement(&Spots::insert_many(rows).on_conflict(known).into_query())]).await?;
        Ok(())
    }

    async fn expect_anew(&mut self, pattern: &FailurePattern) -> Stored<()> {
        use failure_pattern_spot::Column as At;
        let others = At::PatternId.eq(pattern.id.uuid()).and(At::Spot.starts_with(Spot::HOST).not());
        self.erase::<failure_pattern_spot::Entity>(Condition::all().add(others)).await?;
        self.expect_at(pattern, &pattern.spots()).await
    }

    async fn expected(
        &mut self,
        spots: &[Spot],
        verbs: &[String],
        command: &str,
        limit: u32,
    ) -> Stored<Vec<FailurePattern>> {
        use failure_pattern_spot::Column as At;
        if verbs.is_empty() {
            return Ok(Vec::new());
        }
        let position = if self.engine() == DbBackend::Postgres { "STRPOS" } else { "INSTR" };
        let has_needle = Func::cust(position).arg(command).arg(Expr::col(At::Needle.as_column_ref()));
        // Host and asset are two spots, and the same pattern may be expected at both.
        let expected = Entity::find()
            .join(JoinType::InnerJoin, failure_pattern_spot::Relation::Pattern.def().rev())
            .filter(At::Spot.is_in(padded(&spots.iter().map(Spot::key).collect::<Vec<_>>())))
            .filter(At::Verb.is_in(padded(verbs)))
            .filter(Expr::expr(has_needle).gt(0))
            // Not `= true`: SQLite, which has no statistics at first, might begin with all that are active.
            .filter(Column::IsActive.ne(false))
            .order_by_desc(Column::Source)
            .order_by_desc(Column::OccurrenceCount)
            .order_by_desc(Column::Id)
            .limit(u64::from(limit) * 2);
        let mut patterns = self.all::<_, Model, FailurePattern>(expected).await?;
        patterns.dedup_by_key(|pattern| pattern.id);
        patterns.truncate(limit as usize);
        Ok(patterns)
    }

    async fn some(&mut self, ids: &[Id<FailurePattern>]) -> Stored<Vec<FailurePattern>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        self.all::<_, Model, _>(Entity::find().filter(Column::Id.is_in(padded(&ids)))).await
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
