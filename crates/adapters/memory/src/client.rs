//! Clients.

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, text};
use claudetools_sessions::{
    Client, ClientFilter, ClientSort, PendingTask, Project, Session,
    ports::{ClientRepository, Stored},
};

use crate::{
    store::MemoryTx,
    table::{Row, counted},
};

impl Row for Client {
    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn clashes(&self, other: &Self) -> bool {
        text::fold(&self.name) == text::fold(&other.name)
    }
}

#[async_trait]
impl ClientRepository for MemoryTx {
    async fn add(&mut self, client: &Client) -> Stored<()> {
        self.state.clients.add(client)
    }

    async fn save(&mut self, client: &Client) -> Stored<()> {
        self.state.clients.save(client)
    }

    async fn remove(&mut self, id: Id<Client>) -> Stored<bool> {
        Ok(self.state.clients.remove(id))
    }

    async fn lookup(&mut self, id: Id<Client>) -> Stored<Option<Client>> {
        Ok(self.state.clients.get(id))
    }

    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Client>>> {
        Ok(self.state.clients.rows().find(|client| text::fold(&client.name) == folded).map(|client| client.id))
    }

    async fn list(&mut self, filter: &ClientFilter, page: &PageRequest<ClientSort>) -> Stored<Page<Client>> {
        let rows = self.state.clients.rows().filter(|client| filter.admits(client)).cloned().collect();
        Ok(Page::cut(rows, page))
    }

    async fn referrers(&mut self, id: Id<Client>) -> Stored<Vec<Referrer>> {
        let projects = self.state.projects.rows().filter(|project| project.client_id == id).count();
        let sessions = self.state.sessions.rows().filter(|session| session.client_id == Some(id)).count();
        let tasks = self.state.pending_tasks.rows().filter(|task| task.client_id == Some(id)).count();
        Ok(counted([(Project::TYPE, projects), (Session::TYPE, sessions), (PendingTask::TYPE, tasks)]))
    }
}
