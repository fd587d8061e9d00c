//! Machines.

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, Timestamp};
use claudetools_sessions::{
    Fingerprint, Machine, MachineFilter, MachineSort, Session,
    ports::{MachineRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

impl Row for Machine {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.machines
    }

    fn clashes(&self, other: &Self) -> bool {
        self.machine_fingerprint == other.machine_fingerprint
    }

    fn over(self, kept: &Self) -> Self {
        Self { last_seen: kept.last_seen, ..self }
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        counted([(Session::TYPE, state.sessions.count(|session| session.machine_id == Some(id)))])
    }
}

#[async_trait]
impl MachineRepository for MemoryTx {
    async fn by_fingerprint(&mut self, fingerprint: &Fingerprint) -> Stored<Option<Machine>> {
        Ok(self.state.machines.rows().find(|machine| machine.machine_fingerprint == *fingerprint).cloned())
    }

    async fn touch(&mut self, id: Id<Machine>, at: Timestamp) -> Stored<bool> {
        let Some(machine) = self.state.machines.get_mut(id) else {
            return Ok(false);
        };
        machine.last_seen = machine.last_seen.max(Some(at));
        Ok(true)
    }

    async fn list(&mut self, filter: &MachineFilter, page: &PageRequest<MachineSort>) -> Stored<Page<Machine>> {
        let rows = self.state.machines.rows().filter(|machine| filter.admits(machine)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
