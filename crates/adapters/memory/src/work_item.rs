//! Work items.

use std::collections::BTreeSet;

use async_trait::async_trait;
use claudetools_infra::failure::Command;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer};
use claudetools_sessions::{
    BillableTime, Client, PendingTask, Session, Tag, Timer, WorkItem, WorkItemDetail, WorkItemFilter, WorkItemRow,
    WorkItemSort, WorkItemStatus,
    ports::{Stored, WorkItemRepository},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

impl Row for WorkItem {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.work_items
    }

    fn dangles(&self, state: &State) -> bool {
        !state.sessions.has(self.session_id)
            || self.client_id.is_some_and(|id| !state.clients.has(id))
            || self.tags.iter().any(|id| !state.tags.has(*id))
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        counted([
            (PendingTask::TYPE, state.pending_tasks.count(|task| task.work_item_id == Some(id))),
            (BillableTime::TYPE, state.billable_time.count(|entry| entry.work_item_id == Some(id))),
            (Timer::TYPE, state.timers.count(|timer| timer.work_item_id == Some(id))),
            (Command::TYPE, state.commands.count(|command| command.work_item_id == Some(id.uuid()))),
        ])
    }
}

#[async_trait]
impl WorkItemRepository for MemoryTx {
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
}

impl State {
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
