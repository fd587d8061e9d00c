//! Machines.

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, Timestamp};
use claudetools_sessions::{
    Fingerprint, Machine, MachineFilter, MachineSort, Session,
    ports::{MachineRepository, Stored},
};

use crate::{
    store::MemoryTx,
    table::{Row, counted},
};

impl Row for Machine {
    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn clashes(&self, other: &Self) -> bool {
        self.machine_fingerprint == other.machine_fingerprint
    }
}

#[async_trait]
impl MachineRepository for MemoryTx {
    async fn add(&mut self, machine: &Machine) -> Stored<()> {
        self.state.machines.add(machine)
    }

    async fn save(&mut self, machine: &Machine) -> Stored<()> {
        let last_seen = self.state.machines.get(machine.id).and_then(|kept| kept.last_seen);
        self.state.machines.save(&Machine { last_seen, ..machine.clone() })
    }

    async fn remove(&mut self, id: Id<Machine>) -> Stored<bool> {
        Ok(self.state.machines.remove(id))
    }

    async fn lookup(&mut self, id: Id<Machine>) -> Stored<Option<Machine>> {
        Ok(self.state.machines.get(id))
    }

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

    async fn referrers(&mut self, id: Id<Machine>) -> Stored<Vec<Referrer>> {
        let sessions = self.state.sessions.rows().filter(|session| session.machine_id == Some(id)).count();
        Ok(counted([(Session::TYPE, sessions)]))
    }
}
