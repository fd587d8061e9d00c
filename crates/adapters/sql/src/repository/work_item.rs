//! Work items.

use std::collections::BTreeSet;

use async_trait::async_trait;
use claudetools_kernel::{Entity as _, Id, Page, PageRequest, Referrer};
use claudetools_sessions::{
    Client, PendingTask, Session, Tag, WorkItem, WorkItemDetail, WorkItemFilter, WorkItemRow, WorkItemSort,
    WorkItemStatus,
    ports::{Stored, WorkItemRepository},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait, Select, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    entity::{
        client, pending_task, session, tag,
        work_item::{Column, Entity, Joined, ListRow, Model, Relation},
        work_item_tag,
    },
    failure::failure,
    query::{Listing, contains},
    row::RowReader,
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> WorkItemRepository for SqlTx<C> {
    async fn add(&mut self, item: &WorkItem) -> Stored<()> {
        self.insert::<Entity>(item.into()).await?;
        self.add_work_item_tags(item).await
    }

    async fn save(&mut self, item: &WorkItem) -> Stored<()> {
        self.replace::<Entity>(item.into(), Column::Id, Column::Revision).await?;
        let tags = Condition::all().add(work_item_tag::Column::WorkItemId.eq(item.id.uuid()));
        self.erase::<work_item_tag::Entity>(tags).await?;
        self.add_work_item_tags(item).await
    }

    async fn remove(&mut self, id: Id<WorkItem>) -> Stored<bool> {
        // Its tags go with it: their foreign key cascades.
        Ok(self.erase::<Entity>(Condition::all().add(Column::Id.eq(id.uuid()))).await? > 0)
    }

    async fn lookup(&mut self, id: Id<WorkItem>) -> Stored<Option<WorkItem>> {
        let Some(item) = self.one::<_, Model, WorkItem>(Entity::find_by_id(id.uuid())).await? else {
            return Ok(None);
        };
        let tags = self.work_item_tags(id).await?.into_iter().map(|(tag, _)| tag).collect();
        Ok(Some(WorkItem { tags, ..item }))
    }

    async fn detail(&mut self, id: Id<WorkItem>) -> Stored<Option<WorkItemDetail>> {
        let named = with_names(Entity::find_by_id(id.uuid()));
        let row = named.into_model::<Joined>().one(self.connection()).await.map_err(failure)?;
        let Some(row) = row else { return Ok(None) };
        let (tags, tag_names): (BTreeSet<_>, _) = self.work_item_tags(id).await?.into_iter().unzip();
        let session_title = RowReader::new("work_items", id.uuid()).value("session_id", row.session_title)?;
        let item = WorkItem { tags, ..row.item.try_into()? };
        Ok(Some(WorkItemDetail { item, session_title, client_name: row.client_name, tags: tag_names }))
    }

    async fn list(&mut self, filter: &WorkItemFilter, page: &PageRequest<WorkItemSort>) -> Stored<Page<WorkItemRow>> {
        self.page::<_, ListRow, _, _>(work_item_listing(filter), page).await
    }

    async fn open_of(&mut self, client: Id<Client>, limit: u32) -> Stored<Vec<WorkItemRow>> {
        let filter = WorkItemFilter { client_id: Some(client), ..WorkItemFilter::default() };
        let mut listing = work_item_listing(&filter);
        listing.filter = listing.filter.add(Column::Status.ne(WorkItemStatus::Completed.to_string()));
        Ok(self.page::<_, ListRow, _, _>(listing, &PageRequest::first(limit)).await?.items)
    }

    async fn follow(&mut self, session: &Session) -> Stored<()> {
        let update = Entity::update_many()
            .col_expr(Column::ClientId, Expr::val(session.client_id.map(Id::uuid)))
            .col_expr(Column::SessionDate, Expr::val(session.session_date))
            .filter(Column::SessionId.eq(session.id.uuid()));
        self.change(update).await?;
        Ok(())
    }

    async fn referrers(&mut self, id: Id<WorkItem>) -> Stored<Vec<Referrer>> {
        let tasks = pending_task::Column::WorkItemId.eq(id.uuid());
        Ok(self.referring::<pending_task::Entity>(PendingTask::TYPE, tasks).await?.into_iter().collect())
    }
}

impl<C: Connection> SqlTx<C> {
    async fn add_work_item_tags(&self, item: &WorkItem) -> Stored<()> {
        let tags = work_item_tag::Model::of(item).map(IntoActiveModel::into_active_model);
        if !item.tags.is_empty() {
            let insert = work_item_tag::Entity::insert_many(tags);
            insert.exec_without_returning(self.connection()).await.map_err(failure)?;
        }
        Ok(())
    }

    /// The tags of a work item by name.
    async fn work_item_tags(&self, id: Id<WorkItem>) -> Stored<Vec<(Id<Tag>, String)>> {
        let tags = work_item_tag::Entity::find()
            .select_only()
            .column(tag::Column::Id)
            .column(tag::Column::Name)
            .join(JoinType::InnerJoin, work_item_tag::Relation::Tag.def())
            .filter(work_item_tag::Column::WorkItemId.eq(id.uuid()))
            .order_by_asc(tag::Column::Name);
        let tags: Vec<(Uuid, String)> = tags.into_tuple().all(self.connection()).await.map_err(failure)?;
        Ok(tags.into_iter().map(|(id, name)| (Id::new(id), name)).collect())
    }
}

/// The list, whose rows leave out texts at length and lists.
pub(crate) fn work_item_listing(filter: &WorkItemFilter) -> Listing<Entity, WorkItemSort> {
    let columns = Entity::find().select_only().columns([
        Column::Id,
        Column::SessionId,
        Column::SessionDate,
        Column::ClientId,
        Column::Category,
        Column::Title,
        Column::Status,
        Column::Priority,
        Column::IsBillable,
        Column::EstimatedMinutes,
        Column::ActualMinutes,
        Column::CompletedAt,
        Column::CreatedAt,
        Column::UpdatedAt,
    ]);
    Listing { select: with_names(columns), filter: condition(filter), sort: column, id: Column::Id }
}

/// With the session's title and the client's name.
fn with_names(select: Select<Entity>) -> Select<Entity> {
    select
        .join(JoinType::LeftJoin, Relation::Session.def())
        .join(JoinType::LeftJoin, Relation::Client.def())
        .column_as(session::Column::SessionTitle, "session_title")
        .column_as(client::Column::Name, "client_name")
}

fn condition(filter: &WorkItemFilter) -> Condition {
    Condition::all()
        .add_option(filter.session_id.map(|wanted| Column::SessionId.eq(wanted.uuid())))
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.category.map(|wanted| Column::Category.eq(wanted.to_string())))
        .add_option(filter.status.map(|wanted| Column::Status.eq(wanted.to_string())))
        .add_option(filter.priority.map(|wanted| Column::Priority.eq(wanted.to_string())))
        .add_option(filter.is_billable.map(|wanted| Column::IsBillable.eq(wanted)))
        .add_option(filter.date_from.map(|first| Column::SessionDate.gte(first)))
        .add_option(filter.date_to.map(|last| Column::SessionDate.lte(last)))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: WorkItemSort) -> Column {
    match field {
        WorkItemSort::CreatedAt => Column::CreatedAt,
        WorkItemSort::UpdatedAt => Column::UpdatedAt,
        WorkItemSort::Title => Column::TitleKey,
    }
}
