//! Pending tasks and what they depend on.

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Entity as _, Id, Page, PageRequest};
use claudetools_sessions::{
    Client, PendingTask, PendingTaskFilter, PendingTaskRow, Priority, TaskLink, TaskSort, TaskStatus,
    ports::{PendingTaskRepository, Stored},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, JoinType, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    RelationTrait, Select,
    sea_query::{Expr, SimpleExpr},
};
use uuid::Uuid;

use crate::{
    entity::{
        client,
        pending_task::{Column, Entity, Joined, Relation},
        project, task_dependency,
    },
    query::{Guard, Listing, contains, padded},
    records::{Referring, Row},
    store::{Connection, SqlTx},
};

/// How many ids an IN list takes at once; all engines take this many parameters.
const IDS: usize = 1024;

impl Row for PendingTask {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;

    fn referring(id: Uuid) -> Vec<Referring> {
        let waiting = task_dependency::Entity::find()
            .select_only()
            .column(task_dependency::Column::TaskId)
            .filter(task_dependency::Column::DependsOnId.eq(id));
        let of = Column::ParentTaskId.eq(id).or(Column::Id.in_subquery(waiting.into_query()));
        vec![Referring::new::<Entity>(Self::TYPE, of)]
    }
}

#[async_trait]
impl<C: Connection> PendingTaskRepository for SqlTx<C> {
    async fn lock_graph(&mut self) -> Stored<()> {
        self.lock_guard(Guard::TaskGraph).await
    }

    async fn depend(&mut self, id: Id<PendingTask>, on: &[Id<PendingTask>]) -> Stored<()> {
        let task_id = id.uuid();
        let of_task = Condition::all().add(task_dependency::Column::TaskId.eq(task_id));
        let links = on.iter().map(|on| task_dependency::Model { task_id, depends_on_id: on.uuid() });
        self.erase::<task_dependency::Entity>(of_task).await?;
        self.insert_all::<task_dependency::Entity>(links).await
    }

    async fn row(&mut self, id: Id<PendingTask>) -> Stored<Option<PendingTaskRow>> {
        self.one::<_, Joined, _>(with_names().filter(Column::Id.eq(id.uuid()))).await
    }

    async fn dependencies(&mut self, id: Id<PendingTask>) -> Stored<Vec<Id<PendingTask>>> {
        let of = task_dependency::Column::TaskId.eq(id.uuid());
        let select = dependencies().filter(of).order_by_asc(task_dependency::Column::DependsOnId);
        self.ids(select).await
    }

    async fn known(&mut self, ids: &[Id<PendingTask>]) -> Stored<Vec<Id<PendingTask>>> {
        let mut known = Vec::new();
        for some in ids.chunks(IDS) {
            let select = Entity::find().select_only().column(Column::Id);
            known.extend(self.ids(select.filter(Column::Id.is_in(uuids(some)))).await?);
        }
        Ok(known)
    }

    async fn targets(&mut self, link: TaskLink, of: &[Id<PendingTask>]) -> Stored<Vec<Id<PendingTask>>> {
        let mut targets = Vec::new();
        for some in of.chunks(IDS) {
            let some = uuids(some);
            targets.extend(match link {
                TaskLink::Parent => {
                    let parents = Entity::find().select_only().column(Column::ParentTaskId);
                    let parents = parents.filter(Column::ParentTaskId.is_not_null()).filter(Column::Id.is_in(some));
                    self.ids(parents).await?
                }
                TaskLink::DependsOn => {
                    self.ids(dependencies().filter(task_dependency::Column::TaskId.is_in(some))).await?
                }
            });
        }
        Ok(targets)
    }

    async fn list(
        &mut self,
        filter: &PendingTaskFilter,
        today: NaiveDate,
        page: &PageRequest<TaskSort>,
    ) -> Stored<Page<PendingTaskRow>> {
        let filter = condition(filter, today);
        let listing = Listing { select: with_names(), filter, sort: column, id: Column::Id };
        self.page::<_, Joined, _, _>(listing, page).await
    }

    async fn open_of(&mut self, client: Id<Client>, today: NaiveDate, limit: u32) -> Stored<Vec<PendingTaskRow>> {
        let select = with_names().filter(Column::ClientId.eq(client.uuid())).filter(is_open());
        let select = select
            .order_by(first(Column::DueDate.lt(today)), Order::Asc)
            .order_by(importance(), Order::Asc)
            .order_by(first(Column::DueDate.is_not_null()), Order::Asc)
            .order_by(Column::DueDate, Order::Asc)
            .order_by(Column::Id, Order::Asc)
            .limit(u64::from(limit));
        self.all::<_, Joined, _>(select).await
    }
}

impl<C: Connection> SqlTx<C> {
    /// The ids that `select` yields in its only column.
    async fn ids<E: EntityTrait, K>(&self, select: Select<E>) -> Stored<Vec<Id<K>>> {
        Ok(self.values(select).await?.into_iter().map(Id::new).collect())
    }
}

/// Tasks with the names of their clients and projects.
fn with_names() -> Select<Entity> {
    Entity::find()
        .join(JoinType::LeftJoin, Relation::Client.def())
        .join(JoinType::LeftJoin, Relation::Project.def())
        .column_as(client::Column::Name, "client_name")
        .column_as(project::Column::Name, "project_name")
}

fn dependencies() -> Select<task_dependency::Entity> {
    task_dependency::Entity::find().select_only().column(task_dependency::Column::DependsOnId)
}

fn uuids(ids: &[Id<PendingTask>]) -> Vec<Uuid> {
    padded(&ids.iter().map(|id| id.uuid()).collect::<Vec<_>>())
}

fn is_open() -> SimpleExpr {
    Column::Status.is_not_in(TaskStatus::CLOSED.map(|status| status.to_string()))
}

/// Orders rows that fit before those that do not.
fn first(fit: SimpleExpr) -> SimpleExpr {
    Expr::case(fit, 0).finally(1).into()
}

/// What matters most has the smallest number.
fn importance() -> SimpleExpr {
    let is = |priority: Priority| Column::Priority.eq(priority.to_string());
    Expr::case(is(Priority::Critical), 0).case(is(Priority::High), 1).case(is(Priority::Medium), 2).finally(3).into()
}

fn condition(filter: &PendingTaskFilter, today: NaiveDate) -> Condition {
    let overdue = |wanted| {
        let overdue = Condition::all().add(Column::DueDate.lt(today)).add(is_open());
        if wanted { overdue } else { Condition::any().add(Column::DueDate.is_null()).add(overdue.not()) }
    };
    Condition::all()
        .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted.uuid())))
        .add_option(filter.project_id.map(|wanted| Column::ProjectId.eq(wanted.uuid())))
        .add_option(filter.priority.map(|wanted| Column::Priority.eq(wanted.to_string())))
        .add_option(filter.status.map(|wanted| Column::Status.eq(wanted.to_string())))
        .add_option(filter.assigned_to.as_deref().map(|part| contains(Column::AssignedKey, part)))
        .add_option(filter.due_before.map(|day| Column::DueDate.lt(day)))
        .add_option(filter.overdue.map(overdue))
}

const fn column(field: TaskSort) -> Column {
    match field {
        TaskSort::CreatedAt => Column::CreatedAt,
        TaskSort::UpdatedAt => Column::UpdatedAt,
        TaskSort::Title => Column::TitleKey,
    }
}
