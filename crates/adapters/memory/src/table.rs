//! Rows by id, with the rules that all repositories keep.

use std::collections::BTreeMap;

use async_trait::async_trait;
use claudetools_kernel::{Entity, Id, Records, Referrer, StoreError, Stored};

use crate::store::{MemoryTx, State};

/// A row of a [`Table`]: where it lies, and what an engine would hold its columns to.
pub(crate) trait Row: Entity + Clone {
    /// The table of such rows.
    fn table(state: &mut State) -> &mut Table<Self>;

    /// Whether another row takes away a key that must be unique.
    fn clashes(&self, _other: &Self) -> bool {
        false
    }

    /// Whether the row refers to one that does not exist.
    fn dangles(&self, _state: &State) -> bool {
        false
    }

    /// The row to be saved over `kept`, with what a save leaves as it is.
    #[must_use]
    fn over(self, _kept: &Self) -> Self {
        self
    }

    /// What refers to the row, by [`counted`].
    fn referrers(_id: Id<Self>, _state: &State) -> Vec<Referrer> {
        Vec::new()
    }

    /// Removes from other tables what goes with the row; refuses while something is left that has to go before it.
    fn release(_id: Id<Self>, _state: &mut State) -> Stored<()> {
        Ok(())
    }
}

#[async_trait]
impl<R: Row> Records<R> for MemoryTx {
    async fn add(&mut self, row: &R) -> Stored<()> {
        self.refuse_dangling(row)?;
        R::table(&mut self.state).add(row)
    }

    async fn save(&mut self, row: &R) -> Stored<()> {
        self.refuse_dangling(row)?;
        R::table(&mut self.state).save(row)
    }

    async fn remove(&mut self, id: Id<R>) -> Stored<bool> {
        R::release(id, &mut self.state)?;
        Ok(R::table(&mut self.state).remove(id))
    }

    async fn lookup(&mut self, id: Id<R>) -> Stored<Option<R>> {
        Ok(R::table(&mut self.state).get(id))
    }

    async fn referrers(&mut self, id: Id<R>) -> Stored<Vec<Referrer>> {
        Ok(R::referrers(id, &self.state))
    }
}

impl MemoryTx {
    fn refuse_dangling(&self, row: &impl Row) -> Stored<()> {
        if row.dangles(&self.state) { Err(StoreError::Constraint("foreign key".to_owned())) } else { Ok(()) }
    }
}

/// Rows by id.
#[derive(Debug, Clone)]
pub(crate) struct Table<R>(BTreeMap<Id<R>, R>);

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<R: Row> Table<R> {
    pub(crate) fn rows(&self) -> impl Iterator<Item = &R> {
        self.0.values()
    }

    /// How many rows fit.
    pub(crate) fn count(&self, fits: impl Fn(&R) -> bool) -> usize {
        self.rows().filter(|row| fits(row)).count()
    }

    pub(crate) fn get(&self, id: Id<R>) -> Option<R> {
        self.0.get(&id).cloned()
    }

    /// For what is no change of the row: its revision stays.
    pub(crate) fn get_mut(&mut self, id: Id<R>) -> Option<&mut R> {
        self.0.get_mut(&id)
    }

    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.0.values_mut()
    }

    pub(crate) fn has(&self, id: Id<R>) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn add(&mut self, row: &R) -> Result<(), StoreError> {
        if self.0.contains_key(&row.id()) {
            return Err(StoreError::Constraint("id".to_owned()));
        }
        self.put(row)
    }

    /// Replaces the row of the revision before.
    pub(crate) fn save(&mut self, row: &R) -> Result<(), StoreError> {
        match self.0.get(&row.id()) {
            Some(kept) if kept.revision() == row.revision() - 1 => {
                let row = row.clone().over(kept);
                self.put(&row)
            }
            _ => Err(StoreError::Contention("the row was changed or removed since it was read".to_owned())),
        }
    }

    fn put(&mut self, row: &R) -> Result<(), StoreError> {
        if self.rows().any(|other| other.id() != row.id() && row.clashes(other)) {
            return Err(StoreError::Constraint("unique".to_owned()));
        }
        self.0.insert(row.id(), row.clone());
        Ok(())
    }

    pub(crate) fn remove(&mut self, id: Id<R>) -> bool {
        self.0.remove(&id).is_some()
    }

    /// Removes the rows that fit; tells how many.
    pub(crate) fn remove_where(&mut self, fits: impl Fn(&R) -> bool) -> u64 {
        let before = self.0.len();
        self.0.retain(|_, row| !fits(row));
        (before - self.0.len()) as u64
    }
}

/// The kinds of rows that refer to another, those without rows left out.
pub(crate) fn counted<const N: usize>(kinds: [(&'static str, usize); N]) -> Vec<Referrer> {
    let referrers = kinds.map(|(resource_type, count)| Referrer { resource_type, count: count as u64 });
    referrers.into_iter().filter(|referrer| referrer.count > 0).collect()
}
