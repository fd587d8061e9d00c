//! What callers do with pending tasks.

use claudetools_kernel::{Actor, Change, Error, Id, Page, Patch, Query, Result, Scope, Target};

use crate::{
    Context, PendingTask, PendingTaskDetail, PendingTaskFields, PendingTaskFilter, PendingTaskRow, TaskLink, TaskSort,
    pending_task::PendingTaskDraft,
    ports::{PendingTaskRepository, SessionsTx},
    task_graph::refuse_cycle,
};

/// The use cases of pending tasks. Reading needs [`Scope::Read`], entering and changing [`Scope::Write`], removing
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct PendingTaskService(Context);

impl PendingTaskService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a task.
    pub async fn create(&self, actor: &Actor, fields: PendingTaskFields) -> Result<Change<PendingTaskDetail>> {
        actor.require(Scope::Write)?;
        let draft = PendingTask::draft(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        let draft = settle(tx.as_mut(), draft, None).await?;
        let id = draft.task.id;
        tx.pending_tasks().add(&draft.task).await?;
        // Nothing refers to a new task yet, so that no circle can come of it.
        if let Some(ids) = draft.depends_on.filter(|ids| !ids.is_empty()) {
            tx.pending_tasks().depend(id, &ids).await?;
        }
        Ok(Change::new(detail(tx.pending_tasks(), id).await?, tx))
    }

    /// One task.
    pub async fn get(&self, actor: &Actor, id: Id<PendingTask>) -> Result<PendingTaskDetail> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        detail(tx.pending_tasks(), id).await
    }

    /// A page of tasks.
    pub async fn list(
        &self,
        actor: &Actor,
        query: &Query<PendingTaskFilter, TaskSort>,
    ) -> Result<Page<PendingTaskRow>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.pending_tasks().list(&query.filter, self.0.now().date(), &query.page).await?)
    }

    /// Changes the fields given. Refused as [`Error::Conflict`] when the task would become a part of itself or wait for
    /// itself.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<PendingTask>,
        fields: PendingTaskFields,
    ) -> Result<Change<PendingTaskDetail>> {
        actor.require(Scope::Write)?;
        let moves = matches!(fields.parent_task_id, Patch::Set(_)) || fields.depends_on.is_some();
        let id = target.id;
        let mut tx = self.0.store.begin().await?;
        if moves {
            tx.pending_tasks().lock_graph().await?;
        }
        let before = tx.pending_tasks().find_for(target).await?;
        let draft = before.clone().change(fields, self.0.now())?;
        let draft = settle(tx.as_mut(), draft, Some(&before)).await?;
        let parent = draft.task.parent_task_id.filter(|parent| Some(*parent) != before.parent_task_id);
        if let Some(parent) = parent {
            refuse_cycle(tx.pending_tasks(), TaskLink::Parent, id, &[parent]).await?;
        }
        if let Some(ids) = &draft.depends_on {
            refuse_cycle(tx.pending_tasks(), TaskLink::DependsOn, id, ids).await?;
        }
        tx.pending_tasks().save(&draft.task).await?;
        if let Some(ids) = &draft.depends_on {
            tx.pending_tasks().depend(id, ids).await?;
        }
        Ok(Change::new(detail(tx.pending_tasks(), id).await?, tx))
    }

    /// Removes a task that no other is a part of or waits for.
    pub async fn delete(&self, actor: &Actor, target: &Target<PendingTask>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.pending_tasks().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }
}

/// Looks up what the draft newly refers to, and fits it to its project.
async fn settle(
    tx: &mut dyn SessionsTx,
    mut draft: PendingTaskDraft,
    before: Option<&PendingTask>,
) -> Result<PendingTaskDraft> {
    let (client, project) = (draft.task.client_id, draft.task.project_id);
    if let Some(client) = client.filter(|_| before.is_none_or(|before| before.client_id != client)) {
        tx.clients().find(client).await?;
    }
    let placed = before.is_some_and(|before| (before.client_id, before.project_id) == (client, project));
    if let Some(project) = project.filter(|_| !placed) {
        let project = tx.projects().find(project).await?;
        draft.place(&project)?;
    }
    let item = draft.task.work_item_id;
    if let Some(item) = item.filter(|_| before.is_none_or(|before| before.work_item_id != item)) {
        tx.work_items().find(item).await?;
    }
    let parent = draft.task.parent_task_id;
    let parent = parent.filter(|_| before.is_none_or(|before| before.parent_task_id != parent));
    let named: Vec<_> = parent.into_iter().chain(draft.depends_on.iter().flatten().copied()).collect();
    if !named.is_empty() {
        let known = tx.pending_tasks().known(&named).await?;
        if let Some(unknown) = named.into_iter().find(|id| !known.contains(id)) {
            return Err(Error::not_found(unknown));
        }
    }
    Ok(draft)
}

async fn detail(tasks: &mut dyn PendingTaskRepository, id: Id<PendingTask>) -> Result<PendingTaskDetail> {
    let row = tasks.row(id).await?.ok_or_else(|| Error::not_found(id))?;
    Ok(PendingTaskDetail { row, depends_on: tasks.dependencies(id).await? })
}
