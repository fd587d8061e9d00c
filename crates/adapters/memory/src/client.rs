//! Clients.

use async_trait::async_trait;
use claudetools_credentials::Credential;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, text};
use claudetools_sessions::{
    BillableTime, Client, ClientFilter, ClientSort, Closing, PendingTask, Project, Session, TimeBlock, Timer,
    ports::{ClientRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

impl Row for Client {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.clients
    }

    fn clashes(&self, other: &Self) -> bool {
        text::fold(&self.name) == text::fold(&other.name)
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        counted([
            (Project::TYPE, state.projects.count(|project| project.client_id == id)),
            (Session::TYPE, state.sessions.count(|session| session.client_id == Some(id))),
            (PendingTask::TYPE, state.pending_tasks.count(|task| task.client_id == Some(id))),
            (BillableTime::TYPE, state.billable_time.count(|entry| entry.client_id == id)),
            (Timer::TYPE, state.timers.count(|timer| timer.client_id == id)),
            (Closing::TYPE, state.closings.count(|closing| closing.client_id == Some(id))),
            (TimeBlock::TYPE, state.time_blocks.count(|block| block.client_id == id)),
            (Credential::TYPE, state.credentials.count(|credential| credential.client_id == Some(id.uuid()))),
        ])
    }
}

#[async_trait]
impl ClientRepository for MemoryTx {
    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Client>>> {
        Ok(self.state.clients.rows().find(|client| text::fold(&client.name) == folded).map(|client| client.id))
    }

    async fn list(&mut self, filter: &ClientFilter, page: &PageRequest<ClientSort>) -> Stored<Page<Client>> {
        let rows = self.state.clients.rows().filter(|client| filter.admits(client)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
