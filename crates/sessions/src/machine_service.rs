//! What callers do with machines.

use claudetools_kernel::{Actor, Change, Entity, Error, Id, Page, Query, Result, Scope, Target};

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
    pub async fn list(&self, actor: &Actor, query: &Query<MachineFilter, MachineSort>) -> Result<Page<Machine>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.machines().list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<Machine>,
        fields: MachineFields,
    ) -> Result<Change<Machine>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let machine = tx.machines().find_for(target).await?;
        let seen = fields.last_seen;
        let machine = machine.change(fields, self.0.now())?;
        refuse_known_fingerprint(tx.machines(), &machine).await?;
        tx.machines().save(&machine).await?;
        if let Some(seen) = seen {
            tx.machines().touch(target.id, seen).await?;
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
    pub async fn delete(&self, actor: &Actor, target: &Target<Machine>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.machines().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }
}

async fn refuse_known_fingerprint(machines: &mut dyn MachineRepository, machine: &Machine) -> Result<()> {
    let holder = machines.by_fingerprint(&machine.machine_fingerprint).await?;
    Error::refuse_taken("machine_fingerprint", holder.map(|other| other.id), machine.id)
}
