//! A clock that stands where a test puts it.

use std::sync::atomic::{AtomicI64, Ordering};

use claudetools_crypto::SystemClock;
use claudetools_kernel::{Clock, Timestamp};

/// A clock that runs with the system's, moved by as much as the test says, or stands still.
#[derive(Debug, Default)]
pub struct TestClock {
    moved_micros: AtomicI64,
    /// Where it stands, in microseconds since 1970; while 0, it runs.
    stands_at_micros: AtomicI64,
    calls_until_panic: AtomicI64,
}

impl TestClock {
    /// Moves the clock by so many seconds, forward or back.
    pub fn advance(&self, seconds: i64) {
        self.moved_micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Lets the clock stand at an instant, for what depends on the very second; `advance` moves it on from there.
    pub fn stand_at(&self, instant: Timestamp) {
        self.moved_micros.store(0, Ordering::SeqCst);
        self.stands_at_micros.store(instant.micros(), Ordering::SeqCst);
    }

    /// Lets the next request panic: not in its outermost layer, which asks for the time first, but in what that wraps.
    pub fn panic_in_next_handler(&self) {
        self.calls_until_panic.store(2, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        // Background tasks run elsewhere and do not count.
        let in_worker = std::thread::current().name().is_some_and(|name| name.contains("actix"));
        if in_worker && self.calls_until_panic.load(Ordering::SeqCst) > 0 {
            let left = self.calls_until_panic.fetch_sub(1, Ordering::SeqCst);
            assert!(left != 1, "a handler panics because the test says so");
        }
        let base = match self.stands_at_micros.load(Ordering::SeqCst) {
            0 => SystemClock.now().micros(),
            stands_at => stands_at,
        };
        let moved = base + self.moved_micros.load(Ordering::SeqCst);
        Timestamp::from_micros(moved).expect("a test stays within the representable years")
    }
}
