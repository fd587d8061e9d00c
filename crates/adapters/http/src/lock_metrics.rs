//! What is measured of locks: what the desk counts, shown as Prometheus reads it.

use std::sync::atomic::{AtomicU64, Ordering};

use claudetools_coord::LockCounts;
use prometheus::{IntCounter, IntGauge, Registry};

/// The series of locks.
#[derive(Debug, Clone)]
pub(crate) struct LockMetrics {
    held: IntGauge,
    acquired: IntCounter,
    conflicts: IntCounter,
    expired: IntCounter,
    batches: IntCounter,
}

impl LockMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let held = IntGauge::new("claudetools_locks_held", "Locks that are held, on all replicas, when last counted.")?;
        registry.register(Box::new(held.clone()))?;
        Ok(Self {
            held,
            acquired: counter("claudetools_locks_acquired_total", "Locks that this process has granted.")?,
            conflicts: counter(
                "claudetools_lock_conflicts_total",
                "Calls for locks that this process has refused because others hold them or were there before.",
            )?,
            expired: counter("claudetools_locks_expired_total", "Locks that this process has marked as expired.")?,
            batches: counter(
                "claudetools_lock_batches_total",
                "Times that this process has decided calls for locks, any number of them at once.",
            )?,
        })
    }

    /// Takes over what the desk has counted.
    pub(crate) fn show(&self, counts: &LockCounts) {
        self.held.set(i64::try_from(counts.held.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        for (series, counted) in [
            (&self.acquired, &counts.acquired),
            (&self.conflicts, &counts.conflicts),
            (&self.expired, &counts.expired),
            (&self.batches, &counts.batches),
        ] {
            rise(series, counted);
        }
    }
}

/// Lets a series rise to what was counted.
fn rise(series: &IntCounter, counted: &AtomicU64) {
    series.inc_by(counted.load(Ordering::Relaxed).saturating_sub(series.get()));
}
