//! Tags.

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    CountedTag, RECENTLY_TAGGED, Tag, TagFilter, TagSort, TagUsage, TaggedSession, TaggedWorkItem,
    ports::{Stored, TagRepository},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    RelationTrait, Select,
    sea_query::{Expr, SimpleExpr},
};
use uuid::Uuid;

use crate::{
    entity::{
        session,
        session_tag::{self, Column as OnSession},
        tag::{Column, Counted, Entity, Model, OfSession, OfWorkItem},
        work_item,
        work_item_tag::{self, Column as OnWorkItem},
    },
    query::{Listing, contains, padded},
    question::{All, Values},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for Tag {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> TagRepository for SqlTx<C> {
    async fn counted(&mut self, id: Id<Tag>) -> Stored<Option<CountedTag>> {
        self.one::<_, Counted, _>(counted().filter(Column::Id.eq(id.uuid()))).await
    }

    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Tag>>> {
        let ids = Entity::find().select_only().column(Column::Id).filter(Column::Name.eq(folded));
        self.id_of(ids).await
    }

    async fn by_names(&mut self, folded: &[String]) -> Stored<Vec<Tag>> {
        self.all::<_, Model, _>(Entity::find().filter(Column::Name.is_in(padded(folded)))).await
    }

    async fn list(&mut self, filter: &TagFilter, page: &PageRequest<TagSort>) -> Stored<Page<CountedTag>> {
        let listing = Listing { select: counted(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Counted, _, _>(listing, page).await
    }

    async fn usage(&mut self, id: Id<Tag>) -> Stored<TagUsage> {
        let on_session = Condition::all().add(OnSession::TagId.eq(id.uuid()));
        let on_work_item = Condition::all().add(OnWorkItem::TagId.eq(id.uuid()));
        Ok(TagUsage {
            sessions: self.count::<session_tag::Entity>(on_session.clone()).await?,
            work_items: self.count::<work_item_tag::Entity>(on_work_item.clone()).await?,
            recent_sessions: self.recent_sessions(on_session).await?,
            recent_work_items: self.recent_work_items(on_work_item).await?,
        })
    }
}

impl<C: Connection> SqlTx<C> {
    /// The question for the tags that `links`, joined with them, lead to, by name.
    pub(super) fn tags_of<E: EntityTrait>(&self, links: Select<E>) -> All<Values<(Uuid, String)>> {
        self.all_of(links.select_only().column(Column::Id).column(Column::Name).order_by_asc(Column::Name))
    }

    async fn recent_sessions(&self, filter: Condition) -> Stored<Vec<TaggedSession>> {
        let sessions = session_tag::Entity::find()
            .select_only()
            .column_as(OnSession::SessionId, "id")
            .column(session::Column::SessionTitle)
            .column(OnSession::SessionDate)
            .join(JoinType::LeftJoin, session_tag::Relation::Session.def())
            .filter(filter)
            .order_by_desc(OnSession::SessionDate)
            .order_by_desc(OnSession::SessionId)
            .limit(RECENTLY_TAGGED as u64);
        self.all::<_, OfSession, _>(sessions).await
    }

    /// The latest by id, which begins with the time at which it was made.
    async fn recent_work_items(&self, filter: Condition) -> Stored<Vec<TaggedWorkItem>> {
        let items = work_item_tag::Entity::find()
            .select_only()
            .column_as(OnWorkItem::WorkItemId, "id")
            .column(work_item::Column::Title)
            .join(JoinType::LeftJoin, work_item_tag::Relation::WorkItem.def())
            .filter(filter)
            .order_by_desc(OnWorkItem::WorkItemId)
            .limit(RECENTLY_TAGGED as u64);
        self.all::<_, OfWorkItem, _>(items).await
    }
}

/// Tags with the numbers of their uses, counted for the rows of the page alone.
fn counted() -> Select<Entity> {
    let sessions = uses::<session_tag::Entity>(OnSession::TagId);
    Entity::find().expr_as(sessions.add(uses::<work_item_tag::Entity>(OnWorkItem::TagId)), "usage_count")
}

/// How many rows of `E` point to the tag of the row at hand: read off an index.
fn uses<E: EntityTrait>(tag_id: E::Column) -> SimpleExpr {
    let rows = E::find().select_only().expr(Expr::col(tag_id.as_column_ref()).count());
    let rows = rows.filter(Expr::col(tag_id.as_column_ref()).equals(Column::Id.as_column_ref()));
    Expr::from(rows.into_query())
}

fn condition(filter: &TagFilter) -> Condition {
    Condition::all()
        .add_option(filter.category.map(|wanted| Column::Category.eq(wanted.to_string())))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: TagSort) -> Column {
    match field {
        TagSort::Name => Column::Name,
        TagSort::CreatedAt => Column::CreatedAt,
        TagSort::UpdatedAt => Column::UpdatedAt,
    }
}
