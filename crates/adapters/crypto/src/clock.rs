//! The time of day and new ids: the only places where they are taken from the system.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::TimeDelta;
use claudetools_kernel::{Clock, IdGenerator, Timestamp};
use uuid::Uuid;

const EPOCH: Timestamp = match Timestamp::from_micros(0) {
    Some(epoch) => epoch,
    None => panic!("1970 lies within the calendar"),
};

/// The system's clock, cut to microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        // A clock outside the years 1 to 9999 is broken; its edge is as wrong as any other answer.
        EPOCH.plus(TimeDelta::microseconds(micros))
    }
}

/// UUIDs of version 7 (RFC 9562), ascending within the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidGenerator;

impl IdGenerator for UuidGenerator {
    #[expect(clippy::disallowed_methods, reason = "this is where the port takes its ids from")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_runs_in_our_century() {
        let now = SystemClock.now();
        assert!(now.to_string().starts_with("20"), "{now}");
        assert!(SystemClock.now() >= now);
    }

    #[test]
    fn ids_are_of_version_seven_and_ascend() {
        let ids: Vec<Uuid> = (0..1000).map(|_| UuidGenerator.next()).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.is_sorted());
    }
}
