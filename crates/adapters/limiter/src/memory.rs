//! Counters in the memory of this process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use claudetools_kernel::{Clock, LimitClass, LimitKey, LimiterUnavailable, RateLimiter, Timestamp, Verdict};

use crate::{
    budgets::Budgets,
    window::{Reading, Window, verdict},
};

/// Among how many locks the keys are spread, so that workers seldom wait for each other.
const SHARDS: usize = 64;
/// How many keys a shard holds at the most: a quarter of a million in all, in some 30 MiB.
const MOST_KEYS: usize = 4096;
/// With fewer keys than this a shard is not worth sweeping.
const WORTH_SWEEPING: usize = 64;

/// Counts in the memory of this process, by the clock given.
///
/// Each key has one entry with all its windows, so that a request is decided under a single lock, which is held for as long
/// as it takes to look at a few numbers.
pub struct MemoryLimiter {
    budgets: Budgets,
    clock: Arc<dyn Clock>,
    shards: Box<[Mutex<Shard>]>,
}

impl fmt::Debug for MemoryLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLimiter").field("budgets", &self.budgets).finish_non_exhaustive()
    }
}

impl MemoryLimiter {
    /// A limiter that has counted nothing.
    pub fn new(budgets: Budgets, clock: Arc<dyn Clock>) -> Self {
        Self { budgets, clock, shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// How many keys have an entry.
    pub fn keys(&self) -> usize {
        let keys = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).entries.len();
        self.shards.iter().map(keys).sum()
    }

    fn decide(&self, class: LimitClass, key: LimitKey, is_counted: bool) -> Option<Verdict> {
        self.budgets.plan(class).next()?;
        let shard = self.shards.get(usize::from(key.bytes()[0]) % SHARDS)?;
        // Each counter is whole in itself, so a panic elsewhere while the lock was held has broken nothing.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: the instants that one key is counted at do not go back.
        let now = self.clock.now();
        let mut counters = shard.entries.get(&key).copied().unwrap_or_default();
        let mut readings = self.budgets.plan(class).map(|(window, budget)| counters.read(window, budget, now));
        let passed = readings.all(|reading| reading.used < reading.budget);
        if passed && is_counted {
            for (window, _) in self.budgets.plan(class) {
                counters.count(window, now);
            }
            shard.keep(key, counters, now);
        }
        let readings = self.budgets.plan(class).map(|(window, budget)| counters.read(window, budget, now));
        verdict(passed, readings, now)
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn take(&self, class: LimitClass, key: LimitKey) -> Result<Option<Verdict>, LimiterUnavailable> {
        Ok(self.decide(class, key, true))
    }

    async fn look(&self, class: LimitClass, key: LimitKey) -> Result<Option<Verdict>, LimiterUnavailable> {
        Ok(self.decide(class, key, false))
    }

    async fn probe(&self) -> Result<(), LimiterUnavailable> {
        Ok(())
    }
}

/// The counters of some keys.
#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<LimitKey, Counters>,
    /// With how many entries the next sweep is due.
    sweep_at: usize,
}

impl Shard {
    /// Keeps the counters of a key, making room for one that is new.
    fn keep(&mut self, key: LimitKey, counters: Counters, now: Timestamp) {
        let is_due = self.entries.len() >= self.sweep_at.max(WORTH_SWEEPING);
        if is_due && !self.entries.contains_key(&key) {
            self.sweep(now);
        }
        self.entries.insert(key, counters);
    }

    /// Removes what has ended. The next sweep is due when the shard has doubled, so that each new key pays for two looks at
    /// the most. When all is in use and the shard full, the tenth that ends first goes: a flood of callers that cost a
    /// request each is better let through than kept.
    fn sweep(&mut self, now: Timestamp) {
        self.entries.retain(|_, counters| counters.last_end(now).is_some());
        if self.entries.len() >= MOST_KEYS {
            let mut ends: Vec<_> = self.entries.values().filter_map(|counters| counters.last_end(now)).collect();
            let (_, limit, _) = ends.select_nth_unstable(MOST_KEYS / 10);
            let limit = *limit;
            self.entries.retain(|_, counters| counters.last_end(now).is_some_and(|end| end > limit));
            // All may end at the same instant.
            tracing::warn!(left = self.entries.len(), "too many callers to count them all; counts were dropped");
        }
        self.sweep_at = (self.entries.len() * 2).min(MOST_KEYS);
    }
}

/// The counters of one key, by [`Window::index`].
#[derive(Debug, Default, Clone, Copy)]
struct Counters([Counter; Window::ALL.len()]);

/// How many requests were counted in a window, and when it ends.
#[derive(Debug, Default, Clone, Copy)]
struct Counter {
    used: u32,
    ends: Option<Timestamp>,
}

impl Counters {
    fn read(&self, window: Window, budget: u32, now: Timestamp) -> Reading {
        let counter = self.0.get(window.index()).copied().unwrap_or_default();
        match counter.running(window, now) {
            Some(ends) => Reading { budget, used: counter.used, ends },
            None => Reading { budget, used: 0, ends: end(window, now) },
        }
    }

    fn count(&mut self, window: Window, now: Timestamp) {
        let Some(counter) = self.0.get_mut(window.index()) else { return };
        match counter.running(window, now) {
            Some(_) => counter.used = counter.used.saturating_add(1),
            None => *counter = Counter { used: 1, ends: Some(end(window, now)) },
        }
    }

    /// When the last of its windows ends; `None` when all have.
    fn last_end(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = Window::ALL.iter().zip(&self.0).filter_map(|(window, counter)| counter.running(*window, now));
        ends.max()
    }
}

impl Counter {
    /// When its window ends, while it runs. One that ends later than it could was made by a clock that has since been put
    /// back: its key would be refused for as long as that.
    fn running(&self, window: Window, now: Timestamp) -> Option<Timestamp> {
        self.ends.filter(|ends| *ends > now && *ends <= end(window, now))
    }
}

/// When a window ends that begins now.
fn end(window: Window, now: Timestamp) -> Timestamp {
    now.plus(TimeDelta::from_std(window.length()).unwrap_or(TimeDelta::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const BUDGETS: Budgets = Budgets { per_minute: 3, per_hour: 5, decrypts_per_minute: 2 };

    /// A clock that stands where it was put.
    #[derive(Debug, Default)]
    struct Standing(AtomicI64);

    impl Standing {
        fn advance(&self, seconds: i64) {
            self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }
    }

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::SeqCst)).unwrap()
        }
    }

    fn limiter() -> (MemoryLimiter, Arc<Standing>) {
        let clock = Arc::new(Standing::default());
        (MemoryLimiter::new(BUDGETS, clock.clone()), clock)
    }

    fn key(number: u128) -> LimitKey {
        // Spread over the shards as digests are.
        LimitKey::new(number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes())
    }

    fn passes(limiter: &MemoryLimiter, key: LimitKey, times: usize) -> usize {
        (0..times).filter(|_| limiter.decide(LimitClass::Token, key, true).unwrap().is_passed()).count()
    }

    #[test]
    fn a_window_begins_with_its_first_request_and_is_over_after_its_length() {
        let (limiter, clock) = limiter();
        clock.advance(59);
        assert_eq!(passes(&limiter, key(1), 5), 3, "the minute's budget");
        clock.advance(59);
        assert_eq!(passes(&limiter, key(1), 1), 0, "a second before the end");
        clock.advance(1);
        assert_eq!(passes(&limiter, key(1), 5), 2, "a new minute, and what the hour has left");
        clock.advance(3540);
        assert_eq!(passes(&limiter, key(1), 5), 3, "a new hour");
    }

    #[test]
    fn a_clock_that_is_put_back_refuses_nobody_for_longer_than_a_window() {
        let (limiter, clock) = limiter();
        clock.advance(1_000_000);
        assert_eq!(passes(&limiter, key(1), 5), 3);
        clock.advance(-900_000);
        assert_eq!(passes(&limiter, key(1), 5), 3);
    }

    #[test]
    fn what_has_ended_is_swept() {
        let (limiter, clock) = limiter();
        for round in 0..20 {
            for number in 0..1000 {
                passes(&limiter, key(round * 1000 + number), 1);
            }
            clock.advance(3600);
        }
        let kept = limiter.keys();
        assert!(kept <= SHARDS * WORTH_SWEEPING, "{kept} of 20000 keys are kept, 1000 of which can be in use");
    }

    #[test]
    fn no_number_of_callers_makes_it_grow_without_bound() {
        let (limiter, clock) = limiter();
        for number in 0..(SHARDS * MOST_KEYS) as u128 * 2 {
            if number % 1000 == 0 {
                clock.advance(1);
            }
            passes(&limiter, key(number), 1);
        }
        let kept = limiter.keys();
        assert!(kept <= SHARDS * MOST_KEYS, "{kept} keys");
        assert!(kept > SHARDS * MOST_KEYS / 2, "{kept} keys: those that end last are kept");
    }

    #[test]
    fn a_look_leaves_no_entry() {
        let (limiter, _) = limiter();
        assert!(limiter.decide(LimitClass::Token, key(1), false).unwrap().is_passed());
        assert_eq!(limiter.keys(), 0);
    }
}
