//! Work items.

use std::collections::BTreeSet;

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, StoreError};
use claudetools_sessions::{
    Client, PendingTask, Session, Tag, WorkItem, WorkItemDetail, WorkItemFilter, WorkItemRow, WorkItemSort,
    WorkItemStatus,
    ports::{Stored, WorkItemRepository},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, counted},
};

impl Row for WorkItem {
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

#[async_trait]
impl WorkItemRepository for MemoryTx {
    async fn add(&mut self, item: &WorkItem) -> Stored<()> {
        self.state.refuse_dangling_item(item)?;
        self.state.work_items.add(item)
    }

    async fn save(&mut self, item: &WorkItem) -> Stored<()> {
        self.state.refuse_dangling_item(item)?;
        self.state.work_items.save(item)
    }

    async fn remove(&mut self, id: Id<WorkItem>) -> Stored<bool> {
        Ok(self.state.work_items.remove(id))
    }

    async fn lookup(&mut self, id: Id<WorkItem>) -> Stored<Option<WorkItem>> {
        Ok(self.state.work_items.get(id))
    }

    async fn detail(&mut self, id: Id<WorkItem>) -> Stored<Option<WorkItemDetail>> {
        let Some(item) = self.state.work_items.get(id) else {
            return Ok(None);
        };
        let row = self.state.work_item_row(&item);
        let tags = self.state.tag_names(&item.tags);
        Ok(Some(WorkItemDetail { item, session_title: row.session_title, client_name: row.client_name, tags }))
    }

    async fn list(&mut self, filter: &WorkItemFilter, page: &PageRequest<WorkItemSort>) -> Stored<Page<WorkItemRow>> {
        let admitted = self.state.work_items.rows().filter(|item| filter.admits(item));
        Ok(Page::cut(admitted.map(|item| self.state.work_item_row(item)).collect(), page))
    }

    async fn open_of(&mut self, client: Id<Client>, limit: u32) -> Stored<Vec<WorkItemRow>> {
        let of_client = self.state.work_items.rows().filter(|item| item.client_id == Some(client));
        let open = of_client.filter(|item| item.status != WorkItemStatus::Completed);
        let rows = open.map(|item| self.state.work_item_row(item)).collect();
        Ok(Page::cut(rows, &PageRequest::first(limit)).items)
    }

    async fn follow(&mut self, session: &Session) -> Stored<()> {
        for item in self.state.work_items.rows_mut().filter(|item| item.session_id == session.id) {
            item.client_id = session.client_id;
            item.session_date = session.session_date;
        }
        Ok(())
    }

    async fn referrers(&mut self, id: Id<WorkItem>) -> Stored<Vec<Referrer>> {
        let tasks = self.state.pending_tasks.rows().filter(|task| task.work_item_id == Some(id)).count();
        Ok(counted([(PendingTask::TYPE, tasks)]))
    }
}

impl State {
    fn refuse_dangling_item(&self, item: &WorkItem) -> Stored<()> {
        let dangles = self.sessions.get(item.session_id).is_none()
            || item.client_id.is_some_and(|id| self.clients.get(id).is_none())
            || item.tags.iter().any(|id| self.tags.get(*id).is_none());
        if dangles { Err(StoreError::Constraint("foreign key".to_owned())) } else { Ok(()) }
    }

    fn work_item_row(&self, item: &WorkItem) -> WorkItemRow {
        let session = self.sessions.get(item.session_id);
        let client = item.client_id.and_then(|id| self.clients.get(id));
        WorkItemRow::new(
            item,
            session.map(|session| session.session_title).unwrap_or_default(),
            client.map(|client| client.name),
        )
    }

    /// The names of these tags, in their order.
    pub(crate) fn tag_names(&self, tags: &BTreeSet<Id<Tag>>) -> Vec<String> {
        let mut names: Vec<String> = tags.iter().filter_map(|id| self.tags.get(*id)).map(|tag| tag.name).collect();
        names.sort();
        names
    }
}
