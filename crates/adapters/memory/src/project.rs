//! Projects.

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, StoreError, text};
use claudetools_sessions::{
    Client, PendingTask, Project, ProjectFilter, ProjectRow, ProjectSort, ProjectTotals, Session,
    ports::{ProjectRepository, Stored},
};

use crate::{
    store::MemoryTx,
    table::{Row, counted},
};

impl Row for Project {
    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn clashes(&self, other: &Self) -> bool {
        self.client_id == other.client_id
            && (self.slug == other.slug || text::fold(&self.name) == text::fold(&other.name))
    }
}

impl MemoryTx {
    fn project_row(&self, project: Project) -> ProjectRow {
        let client = self.state.clients.get(project.client_id);
        ProjectRow { project, client_name: client.map(|client| client.name).unwrap_or_default() }
    }

    fn projects_of(&self, client: Id<Client>) -> impl Iterator<Item = &Project> {
        self.state.projects.rows().filter(move |project| project.client_id == client)
    }

    fn has_client_of(&self, project: &Project) -> Stored<()> {
        let client = self.state.clients.get(project.client_id);
        client.map(drop).ok_or_else(|| StoreError::Constraint("client_id".to_owned()))
    }
}

#[async_trait]
impl ProjectRepository for MemoryTx {
    async fn add(&mut self, project: &Project) -> Stored<()> {
        self.has_client_of(project)?;
        self.state.projects.add(project)
    }

    async fn save(&mut self, project: &Project) -> Stored<()> {
        self.has_client_of(project)?;
        self.state.projects.save(project)
    }

    async fn remove(&mut self, id: Id<Project>) -> Stored<bool> {
        Ok(self.state.projects.remove(id))
    }

    async fn lookup(&mut self, id: Id<Project>) -> Stored<Option<Project>> {
        Ok(self.state.projects.get(id))
    }

    async fn row(&mut self, id: Id<Project>) -> Stored<Option<ProjectRow>> {
        Ok(self.state.projects.get(id).map(|project| self.project_row(project)))
    }

    async fn by_name(&mut self, client: Id<Client>, folded: &str) -> Stored<Option<Id<Project>>> {
        Ok(self.projects_of(client).find(|project| text::fold(&project.name) == folded).map(|project| project.id))
    }

    async fn by_slug(&mut self, client: Id<Client>, slug: &str) -> Stored<Option<Id<Project>>> {
        Ok(self.projects_of(client).find(|project| project.slug == slug).map(|project| project.id))
    }

    async fn slugs(&mut self, client: Id<Client>, prefix: &str) -> Stored<Vec<String>> {
        let slugs = self.projects_of(client).map(|project| &project.slug);
        Ok(slugs.filter(|slug| slug.starts_with(prefix)).cloned().collect())
    }

    async fn list(&mut self, filter: &ProjectFilter, page: &PageRequest<ProjectSort>) -> Stored<Page<ProjectRow>> {
        let admitted = self.state.projects.rows().filter(|project| filter.admits(project));
        Ok(Page::cut(admitted.map(|project| self.project_row(project.clone())).collect(), page))
    }

    async fn totals(&mut self, id: Id<Project>) -> Stored<ProjectTotals> {
        let of_project = self.state.sessions.rows().filter(|session| session.project_id == Some(id));
        Ok(of_project.fold(ProjectTotals::default(), |totals, session| ProjectTotals {
            sessions: totals.sessions + 1,
            minutes: totals.minutes + session.duration_minutes.unwrap_or_default(),
        }))
    }

    async fn referrers(&mut self, id: Id<Project>) -> Stored<Vec<Referrer>> {
        let sessions = self.state.sessions.rows().filter(|session| session.project_id == Some(id)).count();
        let tasks = self.state.pending_tasks.rows().filter(|task| task.project_id == Some(id)).count();
        Ok(counted([(Session::TYPE, sessions), (PendingTask::TYPE, tasks)]))
    }
}
