//! Runs of agents.

use async_trait::async_trait;
use claudetools_identity::{AgentRun, AgentRunFilter, AgentRunSort, AgentRunStatus, ports::AgentRunRepository};
use claudetools_kernel::{Enumeration, Id, Page, PageRequest, StoreError, Timestamp};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    entity::agent_run::{Column, Entity, Model},
    query::Listing,
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> AgentRunRepository for SqlTx<C> {
    async fn add(&mut self, run: &AgentRun) -> Result<(), StoreError> {
        self.insert::<Entity>(run.into()).await
    }

    async fn lookup(&mut self, id: Id<AgentRun>) -> Result<Option<AgentRun>, StoreError> {
        self.one::<_, Model, _>(Entity::find_by_id(id.uuid())).await
    }

    async fn find_by_token(&mut self, token_id: &str) -> Result<Option<AgentRun>, StoreError> {
        self.one::<_, Model, _>(Entity::find().filter(Column::TokenId.eq(token_id))).await
    }

    async fn find_completed(
        &mut self,
        agent_type: &str,
        input_digest: &[u8; 32],
        client_id: Uuid,
        since: Timestamp,
    ) -> Result<Option<AgentRun>, StoreError> {
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

    async fn save(&mut self, run: &AgentRun, previous_revision: i64) -> Result<(), StoreError> {
        let mut row = Model::from(run).into_active_model();
        row.not_set(Column::RequestCount);
        self.replace_revision::<Entity>(row, Column::Id, Column::Revision, previous_revision).await
    }

    async fn add_requests(&mut self, counts: &[(Id<AgentRun>, u64)]) -> Result<(), StoreError> {
        for (run, count) in counts {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            let update = Entity::update_many()
                .col_expr(Column::RequestCount, Expr::col(Column::RequestCount).add(count))
                .filter(Column::Id.eq(run.uuid()));
            self.change(update).await?;
        }
        Ok(())
    }

    async fn list(
        &mut self,
        filter: &AgentRunFilter,
        page: &PageRequest<AgentRunSort>,
    ) -> Result<Page<AgentRun>, StoreError> {
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
