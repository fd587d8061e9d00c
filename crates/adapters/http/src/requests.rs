//! How many requests each agent's run has made, until somebody writes it down.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

/// Counts the requests of agents by run. The audit log knows an agent by its type and session, which several runs share.
#[derive(Debug, Default)]
pub struct RequestCounter(Mutex<HashMap<Uuid, u64>>);

impl RequestCounter {
    /// Counts one request.
    pub(crate) fn count(&self, run: Uuid) {
        self.add(run, 1);
    }

    /// Takes out what was counted since the last time, to be added to the runs in the database.
    pub fn drain(&self) -> Vec<(Uuid, u64)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    /// Puts back what was drained and could not be written.
    pub fn restore(&self, counts: &[(Uuid, u64)]) {
        for (run, count) in counts {
            self.add(*run, *count);
        }
    }

    fn add(&self, run: Uuid, count: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far = counts.entry(run).or_default();
        *so_far = so_far.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drained_is_counted_once_and_what_was_put_back_is_not_lost() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let counter = RequestCounter::default();
        for run in [a, b, a] {
            counter.count(run);
        }
        let mut counts = counter.drain();
        counts.sort_unstable();
        assert_eq!(counts, [(a, 2), (b, 1)]);
        assert!(counter.drain().is_empty());
        counter.count(a);
        counter.restore(&counts);
        counts = counter.drain();
        counts.sort_unstable();
        assert_eq!(counts, [(a, 3), (b, 1)]);
    }
}
