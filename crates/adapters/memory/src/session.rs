//! Sessions.

use std::collections::HashSet;

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, StoreError};
use claudetools_sessions::{
    Session, SessionDetail, SessionFilter, SessionRow, SessionSort, SessionWorkItem, WorkItem,
    ports::{SessionRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, counted},
};

impl Row for Session {
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
impl SessionRepository for MemoryTx {
    async fn add(&mut self, session: &Session) -> Stored<()> {
        self.state.refuse_dangling(session)?;
        self.state.sessions.add(session)
    }

    async fn save(&mut self, session: &Session) -> Stored<()> {
        self.state.refuse_dangling(session)?;
        self.state.sessions.save(session)
    }

    async fn remove(&mut self, id: Id<Session>) -> Stored<bool> {
        Ok(self.state.sessions.remove(id))
    }

    async fn lookup(&mut self, id: Id<Session>) -> Stored<Option<Session>> {
        Ok(self.state.sessions.get(id))
    }

    async fn detail(&mut self, id: Id<Session>) -> Stored<Option<SessionDetail>> {
        let Some(session) = self.state.sessions.get(id) else {
            return Ok(None);
        };
        let row = self.state.session_row(&session);
        let machine = session.machine_id.and_then(|id| self.state.machines.get(id));
        let mut items: Vec<&WorkItem> = self.state.work_items.rows().filter(|item| item.session_id == id).collect();
        items.sort_by_key(|item| (item.created_at, item.id));
        Ok(Some(SessionDetail {
            client_name: row.client_name,
            project_name: row.project_name,
            machine_hostname: machine.map(|machine| machine.hostname),
            tags: self.state.tag_names(&session.tags),
            work_items: items.into_iter().map(SessionWorkItem::from).collect(),
            session,
        }))
    }

    async fn list(&mut self, filter: &SessionFilter, page: &PageRequest<SessionSort>) -> Stored<Page<SessionRow>> {
        let admitted = self.state.sessions.rows().filter(|session| {
            let tags: HashSet<String> = self.state.tag_names(&session.tags).into_iter().collect();
            filter.admits(session, &tags)
        });
        Ok(Page::cut(admitted.map(|session| self.state.session_row(session)).collect(), page))
    }

    async fn referrers(&mut self, id: Id<Session>) -> Stored<Vec<Referrer>> {
        let items = self.state.work_items.rows().filter(|item| item.session_id == id).count();
        Ok(counted([(WorkItem::TYPE, items)]))
    }
}

impl State {
    fn refuse_dangling(&self, session: &Session) -> Stored<()> {
        let dangles = session.client_id.is_some_and(|id| self.clients.get(id).is_none())
            || session.project_id.is_some_and(|id| self.projects.get(id).is_none())
            || session.machine_id.is_some_and(|id| self.machines.get(id).is_none())
            || session.tags.iter().any(|id| self.tags.get(*id).is_none());
        if dangles { Err(StoreError::Constraint("foreign key".to_owned())) } else { Ok(()) }
    }

    fn session_row(&self, session: &Session) -> SessionRow {
        let client = session.client_id.and_then(|id| self.clients.get(id));
        let project = session.project_id.and_then(|id| self.projects.get(id));
        SessionRow::new(session, client.map(|client| client.name), project.map(|project| project.name))
    }
}
