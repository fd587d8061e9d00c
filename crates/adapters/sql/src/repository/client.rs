//! Clients.

use async_trait::async_trait;
use claudetools_kernel::{Entity as _, Id, Page, PageRequest, Referrer};
use claudetools_sessions::{
    Client, ClientFilter, ClientSort, PendingTask, Project, Session,
    ports::{ClientRepository, Stored},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use crate::{
    entity::{
        client::{Column, Entity, Model},
        pending_task, project, session,
    },
    query::{Listing, contains},
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> ClientRepository for SqlTx<C> {
    async fn add(&mut self, client: &Client) -> Stored<()> {
        self.insert::<Entity>(client.into()).await
    }

    async fn save(&mut self, client: &Client) -> Stored<()> {
        self.replace::<Entity>(client.into(), Column::Id, Column::Revision).await
    }

    async fn remove(&mut self, id: Id<Client>) -> Stored<bool> {
        Ok(self.erase::<Entity>(Condition::all().add(Column::Id.eq(id.uuid()))).await? > 0)
    }

    async fn lookup(&mut self, id: Id<Client>) -> Stored<Option<Client>> {
        self.one::<_, Model, _>(Entity::find_by_id(id.uuid())).await
    }

    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Client>>> {
        let ids = Entity::find().select_only().column(Column::Id).filter(Column::NameKey.eq(folded));
        self.id_of(ids).await
    }

    async fn list(&mut self, filter: &ClientFilter, page: &PageRequest<ClientSort>) -> Stored<Page<Client>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }

    async fn referrers(&mut self, id: Id<Client>) -> Stored<Vec<Referrer>> {
        let id = id.uuid();
        let projects = self.referring::<project::Entity>(Project::TYPE, project::Column::ClientId.eq(id)).await?;
        let sessions = self.referring::<session::Entity>(Session::TYPE, session::Column::ClientId.eq(id)).await?;
        let tasks = pending_task::Column::ClientId.eq(id);
        let tasks = self.referring::<pending_task::Entity>(PendingTask::TYPE, tasks).await?;
        Ok(projects.into_iter().chain(sessions).chain(tasks).collect())
    }
}

fn condition(filter: &ClientFilter) -> Condition {
    Condition::all()
        .add_option(filter.client_type.map(|wanted| Column::ClientType.eq(wanted.to_string())))
        .add_option(filter.is_active.map(|wanted| Column::IsActive.eq(wanted)))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: ClientSort) -> Column {
    match field {
        ClientSort::Name => Column::NameKey,
        ClientSort::CreatedAt => Column::CreatedAt,
        ClientSort::UpdatedAt => Column::UpdatedAt,
    }
}
