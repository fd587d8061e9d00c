//! Timers.

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    Timer, TimerFilter, TimerRow, TimerSort,
    ports::{Stored, TimerRepository},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for Timer {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.timers
    }

    fn clashes(&self, other: &Self) -> bool {
        self.running_key().is_some() && self.running_key() == other.running_key()
    }

    fn dangles(&self, state: &State) -> bool {
        !state.clients.has(self.client_id)
            || self.project_id.is_some_and(|id| !state.projects.has(id))
            || self.session_id.is_some_and(|id| !state.sessions.has(id))
            || self.work_item_id.is_some_and(|id| !state.work_items.has(id))
    }
}

#[async_trait]
impl TimerRepository for MemoryTx {
    async fn row(&mut self, id: Id<Timer>) -> Stored<Option<TimerRow>> {
        Ok(self.state.timers.get(id).map(|timer| self.state.timer_row(timer)))
    }

    async fn running(&mut self, technician: &str) -> Stored<Option<Id<Timer>>> {
        let runs = |timer: &&Timer| timer.running_key().as_deref() == Some(technician);
        Ok(self.state.timers.rows().find(runs).map(|timer| timer.id))
    }

    async fn list(&mut self, filter: &TimerFilter, page: &PageRequest<TimerSort>) -> Stored<Page<TimerRow>> {
        let admitted = self.state.timers.rows().filter(|timer| filter.admits(timer)).cloned();
        Ok(Page::cut(admitted.map(|timer| self.state.timer_row(timer)).collect(), page))
    }
}

impl State {
    fn timer_row(&self, timer: Timer) -> TimerRow {
        TimerRow {
            client_name: self.client_name(timer.client_id),
            project_name: timer.project_id.and_then(|id| self.projects.get(id)).map(|project| project.name),
            minutes: 0,
            timer,
        }
    }
}
