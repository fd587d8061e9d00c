//! Rows by id, with the rules that all repositories keep.

use std::collections::BTreeMap;

use claudetools_kernel::{Id, StoreError};

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

    pub(crate) fn add(&mut self, row: &R) -> Result<(), StoreError> {
        if self.0.contains_key(&row.id()) {
            return Err(StoreError::Constraint("id".to_owned()));
        }
        self.put(row)
    }

    pub(crate) fn save(&mut self, row: &R) -> Result<(), StoreError> {
        if self.0.get(&row.id()).is_none_or(|kept| kept.revision() != row.revision() - 1) {
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
}
