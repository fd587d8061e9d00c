//! Projects.

use async_trait::async_trait;
use claudetools_kernel::{Entity as _, Id, Page, PageRequest};
use claudetools_sessions::{
    BillableTime, Client, PendingTask, Project, ProjectFilter, ProjectRow, ProjectSort, ProjectTotals, Session, Timer,
    ports::{ProjectRepository, Stored},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationTrait, Select};
use uuid::Uuid;

use crate::{
    entity::{
        billable_time, client, pending_task,
        project::{Column, Entity, Joined, Relation},
        session, timer,
    },
    query::{Listing, contains},
    records::{Referring, Row},
    store::{Connection, SqlTx},
};

impl Row for Project {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;

    fn referring(id: Uuid) -> Vec<Referring> {
        vec![
            Referring::new::<session::Entity>(Session::TYPE, session::Column::ProjectId.eq(id)),
            Referring::new::<pending_task::Entity>(PendingTask::TYPE, pending_task::Column::ProjectId.eq(id)),
            Referring::new::<billable_time::Entity>(BillableTime::TYPE, billable_time::Column::ProjectId.eq(id)),
            Referring::new::<timer::Entity>(Timer::TYPE, timer::Column::ProjectId.eq(id)),
        ]
    }
}

#[async_trait]
impl<C: Connection> ProjectRepository for SqlTx<C> {
    async fn row(&mut self, id: Id<Project>) -> Stored<Option<ProjectRow>> {
        self.one::<_, Joined, _>(with_client().filter(Column::Id.eq(id.uuid()))).await
    }

    async fn by_name(&mut self, client: Id<Client>, folded: &str) -> Stored<Option<Id<Project>>> {
        self.id_of(ids(client).filter(Column::NameKey.eq(folded))).await
    }

    async fn by_slug(&mut self, client: Id<Client>, slug: &str) -> Stored<Option<Id<Project>>> {
        self.id_of(ids(client).filter(Column::Slug.eq(slug))).await
    }

    async fn slugs(&mut self, client: Id<Client>, prefix: &str) -> Stored<Vec<String>> {
        // Slugs hold none of the characters that `LIKE` reads as a pattern.
        let slugs = Entity::find()
            .select_only()
            .column(Column::Slug)
            .filter(Column::ClientId.eq(client.uuid()))
            .filter(Column::Slug.starts_with(prefix));
        self.values(slugs).await
    }

    async fn list(&mut self, filter: &ProjectFilter, page: &PageRequest<ProjectSort>) -> Stored<Page<ProjectRow>> {
        let listing = Listing { select: with_client(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Joined, _, _>(listing, page).await
    }

    async fn totals(&mut self, id: Id<Project>) -> Stored<ProjectTotals> {
        let totals = session::Entity::find()
            .select_only()
            .column_as(session::Column::Id.count(), "sessions")
            .column_as(self.whole_sum(session::Column::DurationMinutes), "minutes")
            .filter(session::Column::ProjectId.eq(id.uuid()));
        let totals: Option<(i64, Option<i64>)> = self.value(totals).await?;
        let (sessions, minutes) = totals.unwrap_or_default();
        Ok(ProjectTotals { sessions: sessions.unsigned_abs(), minutes: minutes.unwrap_or_default() })
    }
}

/// Projects with their clients' names and rules.
fn with_client() -> Select<Entity> {
    Entity::find()
        .join(JoinType::LeftJoin, Relation::Client.def())
        .column_as(client::Column::Name, "client_name")
        .column(client::Column::BillingIncrementMinutes)
        .column(client::Column::BillingRounding)
}

/// The ids of a client's projects.
fn ids(client: Id<Client>) -> Select<Entity> {
    Entity::find().select_only().column(Column::Id).filter(Column::ClientId.eq(client.uuid()))
}

fn condition(filter: &ProjectFilter) -> Condition {
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.status.map(|wanted| Column::Status.eq(wanted.to_string())))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: ProjectSort) -> Column {
    match field {
        ProjectSort::Name => Column::NameKey,
        ProjectSort::CreatedAt => Column::CreatedAt,
        ProjectSort::UpdatedAt => Column::UpdatedAt,
    }
}
