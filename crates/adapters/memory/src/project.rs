//! Projects.

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, text};
use claudetools_sessions::{
    BillableTime, BillingRule, Client, PendingTask, Project, ProjectFilter, ProjectRow, ProjectSort, ProjectTotals,
    Session, Timer,
    ports::{ProjectRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

impl Row for Project {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.projects
    }

    fn clashes(&self, other: &Self) -> bool {
        self.client_id == other.client_id
            && (self.slug == other.slug || text::fold(&self.name) == text::fold(&other.name))
    }

    fn dangles(&self, state: &State) -> bool {
        !state.clients.has(self.client_id)
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        counted([
            (Session::TYPE, state.sessions.count(|session| session.project_id == Some(id))),
            (PendingTask::TYPE, state.pending_tasks.count(|task| task.project_id == Some(id))),
            (BillableTime::TYPE, state.billable_time.count(|entry| entry.project_id == Some(id))),
            (Timer::TYPE, state.timers.count(|timer| timer.project_id == Some(id))),
        ])
    }
}

impl MemoryTx {
    fn project_row(&self, project: Project) -> ProjectRow {
        let client = self.state.clients.get(project.client_id);
        let rule = client.as_ref().map(BillingRule::from).unwrap_or_default();
        ProjectRow { project, client_name: client.map(|client| client.name).unwrap_or_default(), rule }
    }

    fn projects_of(&self, client: Id<Client>) -> impl Iterator<Item = &Project> {
        self.state.projects.rows().filter(move |project| project.client_id == client)
    }
}

#[async_trait]
impl ProjectRepository for MemoryTx {
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
}
