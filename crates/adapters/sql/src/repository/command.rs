//! Commands, and what they need of sessions, clients and assets.

use async_trait::async_trait;
use claudetools_infra::{
    failure::{
        Command, CommandFilter, CommandSort, FailurePattern, Run,
        ports::{CommandContext, CommandRepository},
    },
    inventory::Asset,
};
use claudetools_kernel::{Id, Page, PageRequest, Stored};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, PartialModelTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    entity::{
        client,
        command::{Column, Entity, Model, RunRow},
        infrastructure, session, work_item,
    },
    query::{Guard, Listing, contains},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for Command {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> CommandRepository for SqlTx<C> {
    async fn list(&mut self, filter: &CommandFilter, page: &PageRequest<CommandSort>) -> Stored<Page<Command>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }

    async fn lock_queue(&mut self) -> Stored<()> {
        self.lock_guard(Guard::CommandQueue).await
    }

    async fn waiting(&mut self, limit: u32) -> Stored<Vec<Id<Command>>> {
        let waiting = Entity::find().select_only().column(Column::Id).filter(Column::IsAnalysed.eq(false));
        let waiting = waiting.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(u64::from(limit));
        Ok(self.values::<_, Uuid>(waiting).await?.into_iter().map(Id::new).collect())
    }

    async fn give_up(&mut self, command: Id<Command>) -> Stored<bool> {
        let update = Entity::update_many()
            .col_expr(Column::IsAnalysed, Expr::val(true))
            .col_expr(Column::Verb, Expr::val(""))
            .col_expr(Column::Intent, Expr::val(""))
            .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
            .filter(Column::Id.eq(command.uuid()))
            .filter(Column::IsAnalysed.eq(false));
        Ok(self.change(update).await? > 0)
    }

    async fn runs(&mut self, verb: &str, limit: u32) -> Stored<Vec<Run>> {
        let runs = Entity::find().filter(Column::Verb.eq(verb)).filter(Column::IsAnalysed.eq(true));
        let runs = runs.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(u64::from(limit));
        self.all::<_, RunRow, _>(RunRow::select_cols(runs.select_only())).await
    }

    async fn failure_of(&mut self, pattern: Id<FailurePattern>) -> Stored<Option<Command>> {
        self.one::<_, Model, _>(Entity::find().filter(Column::PatternId.eq(pattern.uuid())).limit(1)).await
    }

    async fn attempts(&mut self, session: Uuid, host: &str, intent: &str, limit: u32) -> Stored<Vec<Command>> {
        let attempts = Entity::find()
            .filter(Column::SessionId.eq(session))
            .filter(Column::HostKey.eq(host))
            .filter(Column::Intent.eq(intent))
            .filter(Column::IsAnalysed.eq(true));
        let attempts = attempts.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(u64::from(limit));
        self.all::<_, Model, _>(attempts).await
    }
}

#[async_trait]
impl<C: Connection> CommandContext for SqlTx<C> {
    async fn session_client(&mut self, session: Uuid) -> Stored<Option<Option<Uuid>>> {
        self.value(session::Entity::find_by_id(session).select_only().column(session::Column::ClientId)).await
    }

    async fn work_item_session(&mut self, work_item: Uuid) -> Stored<Option<Uuid>> {
        self.value(work_item::Entity::find_by_id(work_item).select_only().column(work_item::Column::SessionId)).await
    }

    async fn client_name(&mut self, client: Uuid) -> Stored<Option<String>> {
        self.value(client::Entity::find_by_id(client).select_only().column(client::Column::Name)).await
    }

    async fn asset_of_host(&mut self, client: Option<Uuid>, host: &str) -> Stored<Option<Asset>> {
        let named = infrastructure::Entity::find().filter(infrastructure::Column::HostnameKey.eq(host)).limit(2);
        let named = match client {
            Some(client) => named.filter(infrastructure::Column::ClientId.eq(client)),
            None => named,
        };
        let mut found = self.all::<_, infrastructure::Model, Asset>(named).await?;
        Ok(if found.len() == 1 { found.pop() } else { None })
    }
}

fn condition(filter: &CommandFilter) -> Condition {
    let (from, to) = filter.span();
    Condition::all()
        .add_option(filter.session_id.map(|wanted| Column::SessionId.eq(wanted)))
        .add_option(filter.work_item_id.map(|wanted| Column::WorkItemId.eq(wanted)))
        .add_option(filter.host.as_deref().map(|part| contains(Column::HostKey, part)))
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted)))
        .add_option(filter.success.map(|wanted| Column::Success.eq(wanted)))
        .add_option(filter.failure_category.map(|wanted| Column::FailureCategory.eq(wanted.to_string())))
        .add_option(from.map(|from| Column::ExecutedAt.gte(from.micros())))
        .add_option(to.map(|to| Column::ExecutedAt.lt(to.micros())))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: CommandSort) -> Column {
    match field {
        CommandSort::ExecutedAt => Column::ExecutedAt,
        CommandSort::CreatedAt => Column::CreatedAt,
    }
}
