//! What the storage of every row can do, and how a write names the row that it is meant for.

use async_trait::async_trait;

use crate::{Detail, Entity, Error, Expected, Id, Referrer, Result, StoreError};

/// The result of a storage call.
pub type Stored<T> = std::result::Result<T, StoreError>;

/// The part that all repositories have in common. A resource's own port adds its lists and what else it is looked up by:
/// `trait ClientRepository: Records<Client>`.
///
/// Each of the first five is one statement, or a fixed few, and decides nothing; the others say once what every use case
/// means by them.
#[async_trait]
pub trait Records<T: Entity>: Send {
    /// Adds a row. Fails with [`StoreError::Constraint`] when a unique key is taken or a foreign key names no row. Services
    /// look first, so this means another writer came in between, and the whole use case is repeated. A storage may add the row later,
    /// before anything else is asked in the transaction or with its commit, and fails there.
    async fn add(&mut self, row: &T) -> Stored<()>;

    /// Replaces the row that has the revision before the one given. When there is none it fails with
    /// [`StoreError::Contention`]: somebody else changed or removed the row since it was read.
    async fn save(&mut self, row: &T) -> Stored<()>;

    /// Removes a row that nothing refers to, with what belongs to it; tells whether there was one.
    async fn remove(&mut self, id: Id<T>) -> Stored<bool>;

    /// The row with this id.
    async fn lookup(&mut self, id: Id<T>) -> Stored<Option<T>>;

    /// What refers to the row and keeps it from being removed, kinds without rows left out.
    async fn referrers(&mut self, id: Id<T>) -> Stored<Vec<Referrer>>;

    /// The row with this id, which is to exist.
    async fn find(&mut self, id: Id<T>) -> Result<T> {
        self.lookup(id).await?.ok_or_else(|| Error::not_found(id))
    }

    /// The row that a write is meant for.
    async fn find_for(&mut self, target: &Target<T>) -> Result<T> {
        target.admit(self.lookup(target.id).await?)
    }

    /// Removes the row that a write is meant for, unless others refer to it.
    async fn remove_unreferenced(&mut self, target: &Target<T>) -> Result<()> {
        self.find_for(target).await?;
        Error::refuse_if_referenced(target.id, self.referrers(target.id).await?)?;
        self.remove(target.id).await?;
        Ok(())
    }
}

/// The row that a write is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<K> {
    /// Its id.
    pub id: Id<K>,
    /// The revisions of it that may be replaced.
    pub expected: Expected,
}

impl<K: Entity> Target<K> {
    /// The row with this id, whatever its revision.
    pub const fn any(id: Id<K>) -> Self {
        Self { id, expected: Expected::Any }
    }

    /// What was found under the id, if it exists and has a revision expected.
    pub fn admit<D: Detail<Of = K>>(&self, found: Option<D>) -> Result<D> {
        let found = found.ok_or_else(|| Error::not_found(self.id))?;
        self.expected.check(found.entity().revision())?;
        Ok(found)
    }
}
