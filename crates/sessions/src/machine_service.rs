//! What callers do with machines.

use claudetools_kernel::{Actor, Change, Entity, Error, Expected, Id, Page, PageRequest, Result, Scope};

use crate::{Context, Machine, MachineFields, MachineFilter, MachineKey, MachineSort, ports::MachineRepository};

/// The use cases of machines. Reading needs [`Scope::Read`], registering, changing and heartbeats [`Scope::Write`], deleting
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct MachineService(Context);

impl MachineService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Registers a machine. Refused as [`Error::Duplicate`] when its fingerprint is registered already.
    pub async fn create(&self, actor: &Actor, fields: MachineFields) -> Result<Change<Machine>> {
        actor.require(Scope::Write)?;
        let machine = Machine::new(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        refuse_known_fingerprint(tx.machines(), &machine).await?;
        tx.machines().add(&machine).await?;
        Ok(Change::new(machine, tx))
    }

    /// One machine, by id or by fingerprint.
    pub async fn get(&self, actor: &Actor, key: &MachineKey) -> Result<Machine> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let found = match key {
            MachineKey::Id(id) => tx.machines().lookup(*id).await?,
            MachineKey::Fingerprint(fingerprint) => tx.machines().by_fingerprint(fingerprint).await?,
        };
        found.ok_or_else(|| Error::NotFound { resource_type: Machine::TYPE, resource_id: key.to_string() })
    }

    /// A page of machines.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: &MachineFilter,
        page: &PageRequest<MachineSort>,
    ) -> Result<Page<Machine>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.machines().list(filter, page).await?)
    }

    /// Changes the fields given.
    pub async fn update(
        &self,
        actor: &Actor,
        id: Id<Machine>,
        fields: MachineFields,
        expected: &Expected,
    ) -> Result<Change<Machine>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let machine = find(tx.machines(), id).await?;
        expected.check(machine.revision)?;
        let seen = fields.last_seen;
        let machine = machine.change(fields, self.0.now())?;
        refuse_known_fingerprint(tx.machines(), &machine).await?;
        tx.machines().save(&machine).await?;
        if let Some(seen) = seen {
            tx.machines().touch(id, seen).await?;
        }
        Ok(Change::new(machine, tx))
    }

    /// Notes that the machine has reported now. That is no change of it: its revision stays.
    pub async fn heartbeat(&self, actor: &Actor, id: Id<Machine>) -> Result<Change<()>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        if tx.machines().touch(id, self.0.now()).await? { Ok(Change::new((), tx)) } else { Err(Error::not_found(id)) }
    }

    /// Removes a machine that nothing refers to; others are to be deactivated instead.
    pub async fn delete(&self, actor: &Actor, id: Id<Machine>, expected: &Expected) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        let machine = find(tx.machines(), id).await?;
        expected.check(machine.revision)?;
        Error::refuse_if_referenced(id, tx.machines().referrers(id).await?)?;
        tx.machines().remove(id).await?;
        Ok(Change::new((), tx))
    }
}

async fn find(machines: &mut dyn MachineRepository, id: Id<Machine>) -> Result<Machine> {
    machines.lookup(id).await?.ok_or_else(|| Error::not_found(id))
}

async fn refuse_known_fingerprint(machines: &mut dyn MachineRepository, machine: &Machine) -> Result<()> {
    match machines.by_fingerprint(&machine.machine_fingerprint).await? {
        Some(other) if other.id != machine.id => {
            Err(Error::Duplicate { field: "machine_fingerprint", existing: other.id.uuid() })
        }
        _ => Ok(()),
    }
}
