//! How much of the time this machine gave to others.
//!
//! What is promised within seconds is promised of a machine that runs the server. One that runs tests is busy: a thread that
//! asks to be woken after a moment, and is woken later, measures by how much.

use std::{
    sync::{Mutex, Once, PoisonError},
    thread,
    time::{Duration, Instant},
};

const TICK: Duration = Duration::from_millis(20);
/// What any machine may be late by.
const USUAL: Duration = Duration::from_millis(5);

static START: Once = Once::new();
/// When somebody was woken too late, and by how much.
static LATE: Mutex<Vec<(Instant, Duration)>> = Mutex::new(Vec::new());

/// Begins to measure, if nobody has yet.
pub(crate) fn measure() {
    START.call_once(|| {
        thread::spawn(|| {
            loop {
                let asked = Instant::now();
                thread::park_timeout(TICK);
                let late = asked.elapsed().saturating_sub(TICK);
                if late > USUAL {
                    LATE.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), late));
                }
            }
        });
    });
}

/// How much of the time between two moments was taken away.
pub(crate) fn between(from: Instant, to: Instant) -> Duration {
    let late = LATE.lock().unwrap_or_else(PoisonError::into_inner);
    let inside = late.iter().filter(|(woken, by)| *woken >= from && *woken <= to + *by);
    inside.map(|(_, by)| *by).sum()
}
