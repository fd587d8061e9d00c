//! Sessions.

use std::collections::HashSet;

use async_trait::async_trait;
use claudetools_infra::failure::Command;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer};
use claudetools_sessions::{
    BillableTime, Session, SessionDetail, SessionFilter, SessionRow, SessionSort, SessionWorkItem, Timer, WorkItem,
    ports::{SessionRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

impl Row for Session {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.sessions
    }

    fn dangles(&self, state: &State) -> bool {
        self.client_id.is_some_and(|id| !state.clients.has(id))
            || self.project_id.is_some_and(|id| !state.projects.has(id))
            || self.machine_id.is_some_and(|id| !state.machines.has(id))
            || self.tags.iter().any(|id| !state.tags.has(*id))
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        counted([
            (WorkItem::TYPE, state.work_items.count(|item| item.session_id == id)),
            (BillableTime::TYPE, state.billable_time.count(|entry| entry.session_id == Some(id))),
            (Timer::TYPE, state.timers.count(|timer| timer.session_id == Some(id))),
            (Command::TYPE, state.commands.count(|command| command.session_id == id.uuid())),
        ])
    }
}

#[async_trait]
impl SessionRepository for MemoryTx {
    async fn detail(&mut self, id: Id<Session>) -> Stored<Option<SessionDetail>> {
        let Some(session) = self.state.sessions.get(id) else {
            return Ok(None);
        };
        let row = self.state.session_row(&session);
        let machine = session.machine_id.and_then(|id| self.state.machines.get(id));
        let mut items: Vec<&WorkItem> = self.state.work_items.rows().filter(|item| item.session_id == id).collect();
        items.sort_by_key(|item| (item.created_at, item.id));
        let of_session = |entry: &&BillableTime| entry.session_id == Some(id);
        let mut time: Vec<BillableTime> = self.state.billable_time.rows().filter(of_session).cloned().collect();
        time.sort_by_key(|entry| (entry.entry_date, entry.id));
        Ok(Some(SessionDetail {
            client_name: row.client_name,
            project_name: row.project_name,
            machine_hostname: machine.map(|machine| machine.hostname),
            tags: self.state.tag_names(&session.tags),
            work_items: items.into_iter().map(SessionWorkItem::from).collect(),
            commands: i64::try_from(self.state.commands.count(|command| command.session_id == id.uuid()))
                .unwrap_or(i64::MAX),
            billable_time: time,
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
}

impl State {
    fn session_row(&self, session: &Session) -> SessionRow {
        let client = session.client_id.and_then(|id| self.clients.get(id));
        let project = session.project_id.and_then(|id| self.projects.get(id));
        SessionRow::new(session, client.map(|client| client.name), project.map(|project| project.name))
    }
}
