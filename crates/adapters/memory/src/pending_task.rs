//! Pending tasks and what they depend on.

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, StoreError};
use claudetools_sessions::{
    Client, PendingTask, PendingTaskFilter, PendingTaskRow, TaskLink, TaskSort,
    ports::{PendingTaskRepository, Stored},
};

use crate::{
    store::MemoryTx,
    table::{Row, counted},
};

impl Row for PendingTask {
    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn clashes(&self, _other: &Self) -> bool {
        false
    }
}

impl MemoryTx {
    fn task_row(&self, task: PendingTask) -> PendingTaskRow {
        let client = task.client_id.and_then(|id| self.state.clients.get(id));
        let project = task.project_id.and_then(|id| self.state.projects.get(id));
        PendingTaskRow {
            task,
            client_name: client.map(|client| client.name),
            project_name: project.map(|project| project.name),
        }
    }

    /// Refuses a task that refers to what does not exist.
    fn stands_on_rows(&self, task: &PendingTask) -> Stored<()> {
        let missing = [
            ("client_id", task.client_id.is_some_and(|id| self.state.clients.get(id).is_none())),
            ("project_id", task.project_id.is_some_and(|id| self.state.projects.get(id).is_none())),
            ("work_item_id", task.work_item_id.is_some_and(|id| self.state.work_items.get(id).is_none())),
            ("parent_task_id", task.parent_task_id.is_some_and(|id| self.state.pending_tasks.get(id).is_none())),
        ];
        match missing.iter().find(|(_, missing)| *missing) {
            Some((column, _)) => Err(StoreError::Constraint((*column).to_owned())),
            None => Ok(()),
        }
    }

    fn waits_for(&self, task: Id<PendingTask>, on: Id<PendingTask>) -> bool {
        self.state.task_dependencies.contains(&(task, on))
    }
}

#[async_trait]
impl PendingTaskRepository for MemoryTx {
    /// One transaction writes at a time.
    async fn lock_graph(&mut self) -> Stored<()> {
        Ok(())
    }

    async fn add(&mut self, task: &PendingTask) -> Stored<()> {
        self.stands_on_rows(task)?;
        self.state.pending_tasks.add(task)
    }

    async fn save(&mut self, task: &PendingTask) -> Stored<()> {
        self.stands_on_rows(task)?;
        self.state.pending_tasks.save(task)
    }

    async fn depend(&mut self, id: Id<PendingTask>, on: &[Id<PendingTask>]) -> Stored<()> {
        if on.iter().chain([&id]).any(|task| self.state.pending_tasks.get(*task).is_none()) {
            return Err(StoreError::Constraint("depends_on_id".to_owned()));
        }
        self.state.task_dependencies.retain(|(task, _)| *task != id);
        self.state.task_dependencies.extend(on.iter().map(|on| (id, *on)));
        Ok(())
    }

    async fn remove(&mut self, id: Id<PendingTask>) -> Stored<bool> {
        self.state.task_dependencies.retain(|(task, _)| *task != id);
        Ok(self.state.pending_tasks.remove(id))
    }

    async fn lookup(&mut self, id: Id<PendingTask>) -> Stored<Option<PendingTask>> {
        Ok(self.state.pending_tasks.get(id))
    }

    async fn row(&mut self, id: Id<PendingTask>) -> Stored<Option<PendingTaskRow>> {
        Ok(self.state.pending_tasks.get(id).map(|task| self.task_row(task)))
    }

    async fn dependencies(&mut self, id: Id<PendingTask>) -> Stored<Vec<Id<PendingTask>>> {
        self.targets(TaskLink::DependsOn, &[id]).await
    }

    async fn known(&mut self, ids: &[Id<PendingTask>]) -> Stored<Vec<Id<PendingTask>>> {
        Ok(ids.iter().copied().filter(|id| self.state.pending_tasks.get(*id).is_some()).collect())
    }

    async fn targets(&mut self, link: TaskLink, of: &[Id<PendingTask>]) -> Stored<Vec<Id<PendingTask>>> {
        let parent = |id: &Id<PendingTask>| self.state.pending_tasks.get(*id)?.parent_task_id;
        Ok(match link {
            TaskLink::Parent => of.iter().filter_map(parent).collect(),
            TaskLink::DependsOn => {
                let links = self.state.task_dependencies.iter().filter(|(task, _)| of.contains(task));
                links.map(|(_, on)| *on).collect()
            }
        })
    }

    async fn list(
        &mut self,
        filter: &PendingTaskFilter,
        today: NaiveDate,
        page: &PageRequest<TaskSort>,
    ) -> Stored<Page<PendingTaskRow>> {
        let admitted = self.state.pending_tasks.rows().filter(|task| filter.admits(task, today));
        Ok(Page::cut(admitted.map(|task| self.task_row(task.clone())).collect(), page))
    }

    async fn open_of(&mut self, client: Id<Client>, today: NaiveDate, limit: u32) -> Stored<Vec<PendingTaskRow>> {
        let of_client = self.state.pending_tasks.rows().filter(|task| task.client_id == Some(client));
        let mut open: Vec<&PendingTask> = of_client.filter(|task| task.status.is_open()).collect();
        open.sort_by_cached_key(|task| task.urgency(today));
        Ok(open.into_iter().take(limit as usize).map(|task| self.task_row(task.clone())).collect())
    }

    async fn referrers(&mut self, id: Id<PendingTask>) -> Stored<Vec<Referrer>> {
        let refers = |task: &&PendingTask| task.parent_task_id == Some(id) || self.waits_for(task.id, id);
        Ok(counted([(PendingTask::TYPE, self.state.pending_tasks.rows().filter(refers).count())]))
    }
}
