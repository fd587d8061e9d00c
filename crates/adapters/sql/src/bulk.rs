//! Rows in great number: for seeds and imports, which bring what the domain has already accepted.
//!
//! The rows are made by the same conversions as those of the repositories, links and folded columns included.

use claudetools_kernel::{Id, StoreError};
use claudetools_sessions::{Client, Machine, PendingTask, Project, Session, Tag, WorkItem};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel};

use crate::{
    connection::Writing,
    embedded::WRITER_CACHE,
    entity::{
        client, machine, pending_task, project, session, session_tag, session_technology, tag, task_dependency,
        work_item, work_item_tag,
    },
    failure::failure,
    insertion,
    store::{Base, SqlStore, SqlTx},
};

/// How many rows of a resource go into one transaction, about.
const ROWS_PER_TRANSACTION: usize = 5_000;
/// The most rows of one statement. Times the columns of the widest table it stays below what every engine takes.
const ROWS_PER_STATEMENT: usize = 128;

/// Rows in great number hit the leaves of a dozen indexes all over: these stay in memory, 128 MiB of them, and are copied into
/// the database every 64 MiB of log instead of every 4.
const BULK: [&str; 2] = ["PRAGMA cache_size = -131072", "PRAGMA wal_autocheckpoint = 16384"];
/// `InnoDB` counts by itself once a tenth of a table has changed, but some time later. This engine wants the tables named.
const COUNT_MYSQL: &str = "ANALYZE TABLE clients, projects, machines, tags, sessions, session_tags, session_technologies, \
                           work_items, work_item_tags, pending_tasks, task_dependencies";

/// As the store sets them.
const USUAL: [&str; 2] = [WRITER_CACHE, "PRAGMA wal_autocheckpoint = 1000"];

/// Adds rows in great number, in the order given: what a row refers to must come before it. Nobody else can write from the
/// first row until [`Bulk::finish`], but for the moments between two transactions. Dropped unfinished, it leaves what was
/// committed by then.
#[derive(Debug)]
pub struct Bulk {
    store: SqlStore,
    transaction: Option<SqlTx<Writing>>,
    rows: usize,
}

impl SqlStore {
    /// Begins to add rows in great number.
    pub async fn bulk(&self) -> Result<Bulk, StoreError> {
        self.tune(&BULK).await?;
        Ok(Bulk { store: self.clone(), transaction: None, rows: 0 })
    }

    /// Runs statements that only an engine in this process knows.
    async fn tune(&self, statements: &'static [&'static str]) -> Result<(), StoreError> {
        match self.base() {
            Base::Embedded(embedded) => embedded.maintain(statements).await,
            Base::Server { .. } => Ok(()),
        }
    }
}

impl Bulk {
    /// Adds clients.
    pub async fn clients(&mut self, clients: &[Client]) -> Result<(), StoreError> {
        self.insert::<client::Entity>(clients.iter().map(client::Model::from)).await?;
        self.count(clients.len()).await
    }

    /// Adds projects.
    pub async fn projects(&mut self, projects: &[Project]) -> Result<(), StoreError> {
        self.insert::<project::Entity>(projects.iter().map(project::Model::from)).await?;
        self.count(projects.len()).await
    }

    /// Adds machines.
    pub async fn machines(&mut self, machines: &[Machine]) -> Result<(), StoreError> {
        self.insert::<machine::Entity>(machines.iter().map(machine::Model::from)).await?;
        self.count(machines.len()).await
    }

    /// Adds tags.
    pub async fn tags(&mut self, tags: &[Tag]) -> Result<(), StoreError> {
        self.insert::<tag::Entity>(tags.iter().map(tag::Model::from)).await?;
        self.count(tags.len()).await
    }

    /// Adds sessions, with their tags and technologies.
    pub async fn sessions(&mut self, sessions: &[Session]) -> Result<(), StoreError> {
        self.transaction().await?.enter_technicians(sessions).await?;
        self.insert::<session::Entity>(sessions.iter().map(session::Model::from)).await?;
        self.insert::<session_tag::Entity>(sessions.iter().flat_map(session_tag::Model::of)).await?;
        self.insert::<session_technology::Entity>(sessions.iter().flat_map(session_technology::Model::of)).await?;
        self.count(sessions.len()).await
    }

    /// Adds work items, with their tags.
    pub async fn work_items(&mut self, items: &[WorkItem]) -> Result<(), StoreError> {
        self.insert::<work_item::Entity>(items.iter().map(work_item::Model::from)).await?;
        self.insert::<work_item_tag::Entity>(items.iter().flat_map(work_item_tag::Model::of)).await?;
        self.count(items.len()).await
    }

    /// Adds pending tasks, each with the tasks that it depends on.
    pub async fn pending_tasks(&mut self, tasks: &[(PendingTask, Vec<Id<PendingTask>>)]) -> Result<(), StoreError> {
        self.insert::<pending_task::Entity>(tasks.iter().map(|(task, _)| task.into())).await?;
        let links = tasks.iter().flat_map(|(task, on)| {
            let task_id = task.id.uuid();
            on.iter().map(move |on| task_dependency::Model { task_id, depends_on_id: on.uuid() })
        });
        self.insert::<task_dependency::Entity>(links).await?;
        self.count(tasks.len()).await
    }

    /// Commits the last rows, and lets the database learn how many of what there are now, by which it plans its queries.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        self.commit().await?;
        if let Base::Server { lanes, .. } = self.store.base() {
            let count = if self.store.engine() == DbBackend::MySql { COUNT_MYSQL } else { "ANALYZE" };
            lanes.here().execute_unprepared(count).await.map_err(failure)?;
        }
        self.store.tune(&["ANALYZE", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"]).await?;
        self.store.tune(&USUAL).await
    }

    /// Adds rows in statements of at most [`ROWS_PER_STATEMENT`], always of a power of two, so that there are few different
    /// ones and each is prepared once.
    async fn insert<E>(&mut self, rows: impl Iterator<Item = E::Model> + Send) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        let mut rows: Vec<E::Model> = rows.collect();
        let transaction = self.transaction().await?;
        while !rows.is_empty() {
            let most = rows.len().min(ROWS_PER_STATEMENT);
            let take = if most.is_power_of_two() { most } else { most.next_power_of_two() / 2 };
            let statements = insertion::all::<E>(transaction.engine(), rows.drain(..take)).into_iter().collect();
            transaction.run(statements).await?;
        }
        Ok(())
    }

    async fn transaction(&mut self) -> Result<&mut SqlTx<Writing>, StoreError> {
        let open = match self.transaction.take() {
            Some(open) => open,
            None => self.store.begin_write().await?,
        };
        Ok(self.transaction.insert(open))
    }

    /// Commits when there are enough rows.
    async fn count(&mut self, rows: usize) -> Result<(), StoreError> {
        self.rows += rows;
        if self.rows < ROWS_PER_TRANSACTION { Ok(()) } else { self.commit().await }
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        self.rows = 0;
        match self.transaction.take() {
            Some(open) => open.finish().await,
            None => Ok(()),
        }
    }
}
