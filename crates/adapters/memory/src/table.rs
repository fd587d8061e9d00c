//! Rows by id, with the rules that all repositories keep.

use std::collections::BTreeMap;

use claudetools_kernel::{Id, Referrer, StoreError};

/// A row of a [`Table`].
pub(crate) trait Row: Clone {
    fn id(&self) -> Id<Self>;
    fn revision(&self) -> i64;
    /// Whether another row takes away a key that must be unique.
    fn clashes(&self, other: &Self) -> bool;
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

    pub(crate) fn add(&mut self, row: &R) -> Result<(), StoreError> {
        if self.0.contains_key(&row.id()) {
            return Err(StoreError::Constraint("id".to_owned()));
        }
        self.put(row)
    }

    pub(crate) fn save(&mut self, row: &R) -> Result<(), StoreError> {
        self.save_over(row, row.revision() - 1)
    }

    /// Replaces the row if it still has the revision `previous`.
    pub(crate) fn save_over(&mut self, row: &R, previous: i64) -> Result<(), StoreError> {
        if self.0.get(&row.id()).is_none_or(|kept| kept.revision() != previous) {
            return Err(StoreError::Contention("the row was changed or removed since it was read".to_owned()));
        }
        self.put(row)
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
