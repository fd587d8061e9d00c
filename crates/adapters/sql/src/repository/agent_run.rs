//! Runs of agents.

use async_trait::async_trait;
use claudetools_identity::{AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, ports::AgentRunRepository};
use claudetools_kernel::{Enumeration, Id, Page, PageRequest, Stored, Timestamp};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    entity::agent_run::{ActiveModel, Column, Entity, Model},
    query::Listing,
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for AgentRun {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;

    fn changed(&self) -> ActiveModel {
        // Requests may have been counted since the row was read.
        ActiveModel { request_count: ActiveValue::NotSet, ..Model::from(self).into_active_model() }
    }
}

#[async_trait]
impl<C: Connection> AgentRunRepository for SqlTx<C> {
    async fn find_by_token(&mut self, token_id: &str) -> Stored<Option<AgentRun>> {
        self.one::<_, Model, _>(Entity::find().filter(Column::TokenId.eq(token_id))).await
    }

    async fn find_completed(
        &mut self,
        agent_type: &str,
        input_digest: &[u8; 32],
        client_id: Uuid,
        since: Timestamp,
    ) -> Stored<Option<AgentRun>> {
        let answers = Entity::find()
            .filter(Column::InputDigest.eq(input_digest.to_vec()))
            .filter(Column::ClientId.eq(client_id))
            .filter(Column::AgentType.eq(agent_type))
            .filter(Column::Status.eq(AgentRunStatus::Completed.as_str()))
            .filter(Column::FinishedAt.gte(since.micros()))
            .order_by_desc(Column::FinishedAt)
            .order_by_desc(Column::Id);
        self.one::<_, Model, _>(answers).await
    }

    async fn add_requests(&mut self, counts: &[(Id<AgentRun>, u64)]) -> Stored<()> {
        for (run, count) in counts {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            let update = Entity::update_many()
                .col_expr(Column::RequestCount, Expr::col(Column::RequestCount).add(count))
                .filter(Column::Id.eq(run.uuid()));
            self.change(update).await?;
        }
        Ok(())
    }

    async fn list(&mut self, filter: &AgentRunFilter, page: &PageRequest<AgentRunSort>) -> Stored<Page<AgentRun>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }
}

fn condition(filter: &AgentRunFilter) -> Condition {
    Condition::all()
        .add_option(filter.session_id.map(|session| Column::ParentSession.eq(session)))
        .add_option(filter.agent_type.as_ref().map(|kind| Column::AgentType.eq(kind.as_str())))
        .add_option(filter.status.map(|status| Column::Status.eq(status.as_str())))
}

const fn column(field: AgentRunSort) -> Column {
    match field {
        AgentRunSort::StartedAt => Column::StartedAt,
    }
}
