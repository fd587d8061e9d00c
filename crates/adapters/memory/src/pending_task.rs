//! Pending tasks and what they depend on.

use async_trait::async_trait;
use chrono::NaiveDate;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, StoreError};
use claudetools_sessions::{
    Client, PendingTask, PendingTaskFilter, PendingTaskRow, TaskLink, TaskSort,
    ports::{PendingTaskRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

impl Row for PendingTask {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.pending_tasks
    }

    fn dangles(&self, state: &State) -> bool {
        self.client_id.is_some_and(|id| !state.clients.has(id))
            || self.project_id.is_some_and(|id| !state.projects.has(id))
            || self.work_item_id.is_some_and(|id| !state.work_items.has(id))
            || self.parent_task_id.is_some_and(|id| !state.pending_tasks.has(id))
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        let waits = |task: &Self| state.task_dependencies.contains(&(task.id, id));
        let refers = |task: &Self| task.parent_task_id == Some(id) || waits(task);
        counted([(Self::TYPE, state.pending_tasks.count(refers))])
    }

    fn release(id: Id<Self>, state: &mut State) -> Stored<()> {
        state.task_dependencies.retain(|(task, _)| *task != id);
        Ok(())
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
}

#[async_trait]
impl PendingTaskRepository for MemoryTx {
    /// One transaction writes at a time.
    async fn lock_graph(&mut self) -> Stored<()> {
        Ok(())
    }

    async fn depend(&mut self, id: Id<PendingTask>, on: &[Id<PendingTask>]) -> Stored<()> {
        if on.iter().chain([&id]).any(|task| self.state.pending_tasks.get(*task).is_none()) {
            return Err(StoreError::Constraint("depends_on_id".to_owned()));
        }
        self.state.task_dependencies.retain(|(task, _)| *task != id);
        self.state.task_dependencies.extend(on.iter().map(|on| (id, *on)));
        Ok(())
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
}
