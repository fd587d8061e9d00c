//! Work items.

use std::collections::BTreeSet;

use async_trait::async_trait;
use claudetools_infra::failure::Command;
use claudetools_kernel::{Entity as _, Id, Page, PageRequest, Records, Referrer};
use claudetools_sessions::{
    BillableTime, Client, PendingTask, Session, Timer, WorkItem, WorkItemDetail, WorkItemFilter, WorkItemRow,
    WorkItemSort, WorkItemStatus,
    ports::{Stored, WorkItemRepository},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, PartialModelTrait, QueryFilter, QuerySelect, RelationTrait, Select,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    entity::{
        billable_time, client, command, pending_task, session, timer,
        work_item::{Column, Entity, Joined, ListRow, Model, Relation},
        work_item_tag,
    },
    query::{Listing, contains},
    question::{All, Values},
    records::Referring,
    row::RowReader,
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> Records<WorkItem> for SqlTx<C> {
    async fn add(&mut self, item: &WorkItem) -> Stored<()> {
        let mut statements = vec![self.insert_of::<Entity>(item.into())];
        statements.extend(self.insert_all_of::<work_item_tag::Entity>(work_item_tag::Model::of(item)));
        self.run(statements).await?;
        Ok(())
    }

    async fn save(&mut self, item: &WorkItem) -> Stored<()> {
        self.replace::<Entity>(item.into(), Column::Id, Column::Revision).await?;
        let tags = Condition::all().add(work_item_tag::Column::WorkItemId.eq(item.id.uuid()));
        let mut statements = vec![self.erase_of::<work_item_tag::Entity>(tags)];
        statements.extend(self.insert_all_of::<work_item_tag::Entity>(work_item_tag::Model::of(item)));
        self.run(statements).await?;
        Ok(())
    }

    async fn remove(&mut self, id: Id<WorkItem>) -> Stored<bool> {
        // Its tags go with it: their foreign key cascades.
        Ok(self.erase::<Entity>(Condition::all().add(Column::Id.eq(id.uuid()))).await? > 0)
    }

    async fn lookup(&mut self, id: Id<WorkItem>) -> Stored<Option<WorkItem>> {
        let item = self.one_of::<_, Model>(Entity::find_by_id(id.uuid()));
        let (item, tags) = self.ask((item, self.work_item_tags(id))).await?;
        let Some(item) = item else { return Ok(None) };
        let tags = tags.into_iter().map(|Values((tag, _))| Id::new(tag)).collect();
        Ok(Some(WorkItem { tags, ..item.try_into()? }))
    }

    async fn referrers(&mut self, id: Id<WorkItem>) -> Stored<Vec<Referrer>> {
        let of_item = pending_task::Column::WorkItemId.eq(id.uuid());
        let (time, timers) = (billable_time::Column::WorkItemId, timer::Column::WorkItemId);
        let commands = command::Column::WorkItemId.eq(id.uuid());
        let kinds = vec![
            Referring::new::<pending_task::Entity>(PendingTask::TYPE, of_item),
            Referring::new::<billable_time::Entity>(BillableTime::TYPE, time.eq(id.uuid())),
            Referring::new::<timer::Entity>(Timer::TYPE, timers.eq(id.uuid())),
            Referring::new::<command::Entity>(Command::TYPE, commands),
        ];
        self.count_referrers(kinds).await
    }
}

#[async_trait]
impl<C: Connection> WorkItemRepository for SqlTx<C> {
    async fn detail(&mut self, id: Id<WorkItem>) -> Stored<Option<WorkItemDetail>> {
        let named = with_joins(Entity::find_by_id(id.uuid()))
            .column_as(session::Column::SessionTitle, "session_title")
            .column_as(client::Column::Name, "client_name");
        let (row, tags) = self.ask((self.one_of::<_, Joined>(named), self.work_item_tags(id))).await?;
        let Some(row) = row else { return Ok(None) };
        let tags = tags.into_iter().map(|Values((tag, name))| (Id::new(tag), name));
        let (tags, tag_names): (BTreeSet<_>, _) = tags.unzip();
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
}

impl<C: Connection> SqlTx<C> {
    /// The question for the tags of a work item by name.
    fn work_item_tags(&self, id: Id<WorkItem>) -> All<Values<(Uuid, String)>> {
        let links = work_item_tag::Entity::find().filter(work_item_tag::Column::WorkItemId.eq(id.uuid()));
        self.tags_of(links.join(JoinType::InnerJoin, work_item_tag::Relation::Tag.def()))
    }
}

/// The list, whose rows leave out texts at length and lists.
pub(crate) fn work_item_listing(filter: &WorkItemFilter) -> Listing<Entity, WorkItemSort> {
    let select = with_joins(ListRow::select_cols(Entity::find().select_only()));
    Listing { select, filter: condition(filter), sort: column, id: Column::Id }
}

/// With the session and the client, for their names.
fn with_joins(select: Select<Entity>) -> Select<Entity> {
    select.join(JoinType::LeftJoin, Relation::Session.def()).join(JoinType::LeftJoin, Relation::Client.def())
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
