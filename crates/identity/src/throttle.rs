//! How fast passwords may be tried.
//!
//! Attempts are counted per address and per network address of the caller. Unknown addresses count like known ones, so
//! that a refusal tells nothing. Once the limit is reached, each further failure doubles the wait, from a minute up to
//! fifteen; an attempt during the wait is refused before the password is looked at.

use std::net::IpAddr;

use chrono::TimeDelta;
use claudetools_kernel::{Error, Result, Timestamp};

/// Failures older than this are forgotten.
pub const THROTTLE_WINDOW: TimeDelta = TimeDelta::minutes(15);
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(15);

/// What is counted, and how much of it is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Failures for one e-mail address: 5.
    Address,
    /// Failures from one network address: 20.
    Network,
}

impl Limit {
    /// The number of failures within [`THROTTLE_WINDOW`] that begins the waits.
    pub const fn failures(self) -> usize {
        match self {
            Self::Address => 5,
            Self::Network => 20,
        }
    }
}

/// The recent failures of one address or caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleState {
    /// `email:<folded address>` or `ip:<address>`, at most 300 characters; unique.
    pub key: String,
    /// When the failures within the window happened, oldest first, at most as many as the limit.
    pub recent: Vec<Timestamp>,
    /// How many failures have led to a wait in this streak; decides how long the next wait is.
    pub strikes: u32,
    /// Until when every attempt is refused.
    pub blocked_until: Option<Timestamp>,
    /// When the last failure happened.
    pub updated_at: Timestamp,
    /// Counts the changes of the row.
    pub revision: i64,
}

impl ThrottleState {
    /// No failures yet.
    pub const fn new(key: String, now: Timestamp) -> Self {
        Self { key, recent: Vec::new(), strikes: 0, blocked_until: None, updated_at: now, revision: 0 }
    }

    /// The key for an address, folded.
    pub fn email_key(folded: &str) -> String {
        format!("email:{folded}")
    }

    /// The key for a caller: an IPv4 address, or the /64 of an IPv6 one, which one host can use as it likes.
    pub fn ip_key(address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V4(v4) => format!("ip:{v4}"),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("ip:{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }

    /// Refuses with [`Error::TooManyRequests`] while a wait lasts.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        match self.blocked_until {
            Some(until) if now < until => {
                let wait = until.since(now);
                let seconds = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
                Err(Error::TooManyRequests { retry_after_seconds: u64::try_from(seconds).unwrap_or(1).max(1) })
            }
            _ => Ok(()),
        }
    }

    /// The state after another failure.
    #[must_use]
    pub fn fail(mut self, limit: Limit, now: Timestamp) -> Self {
        let in_streak = self.blocked_until.is_some_and(|until| now < until.plus(THROTTLE_WINDOW));
        self.recent.retain(|at| now < at.plus(THROTTLE_WINDOW));
        self.recent.push(now);
        let surplus = self.recent.len().saturating_sub(limit.failures());
        self.recent.drain(..surplus);
        if in_streak || self.recent.len() >= limit.failures() {
            self.strikes = if in_streak { self.strikes.saturating_add(1) } else { 1 };
            self.blocked_until = Some(now.plus(wait(self.strikes)));
        } else {
            self.strikes = 0;
            self.blocked_until = None;
        }
        self.updated_at = now;
        self.revision += 1;
        self
    }
}

/// One minute, two, four, eight, then fifteen.
fn wait(strikes: u32) -> TimeDelta {
    let doublings = strikes.saturating_sub(1).min(4);
    (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(0).unwrap();

    fn state() -> ThrottleState {
        ThrottleState::new("email:jo@x".into(), START)
    }

    fn wait_of(state: &ThrottleState, now: Timestamp) -> Option<u64> {
        match state.check(now) {
            Err(Error::TooManyRequests { retry_after_seconds }) => Some(retry_after_seconds),
            _ => None,
        }
    }

    #[test]
    fn the_fifth_failure_begins_the_waits_and_each_further_one_doubles_them() {
        let mut state = state();
        let mut now = START;
        for _ in 0..4 {
            state = state.fail(Limit::Address, now);
            assert_eq!(wait_of(&state, now), None);
        }
        for seconds in [60, 120, 240, 480, 900, 900] {
            state = state.fail(Limit::Address, now);
            assert_eq!(wait_of(&state, now), Some(seconds));
            now = state.blocked_until.unwrap();
            assert_eq!(wait_of(&state, now), None, "the wait is over");
        }
    }

    #[test]
    fn a_caller_may_fail_nineteen_times() {
        let state = (0..19).fold(state(), |state, _| state.fail(Limit::Network, START));
        assert_eq!(wait_of(&state, START), None);
        assert_eq!(wait_of(&state.fail(Limit::Network, START), START), Some(60));
    }

    #[test]
    fn quiet_for_the_length_of_the_window_makes_everything_forgotten() {
        let blocked = (0..5).fold(state(), |state, _| state.fail(Limit::Address, START));
        let later = blocked.blocked_until.unwrap().plus(THROTTLE_WINDOW);
        let state = blocked.fail(Limit::Address, later);
        assert_eq!((state.recent.len(), state.strikes, state.blocked_until), (1, 0, None));
    }

    #[test]
    fn the_window_slides() {
        let minutes = |m| START.plus(TimeDelta::minutes(m));
        // Four failures late in one quarter of an hour and one early in the next are five within fifteen minutes.
        let mut state = state();
        for at in [13, 13, 14, 14, 16] {
            state = state.fail(Limit::Address, minutes(at));
        }
        assert!(state.blocked_until.is_some());
    }

    #[test]
    fn a_broken_second_of_waiting_counts_as_a_whole_one() {
        let blocked = (0..5).fold(state(), |state, _| state.fail(Limit::Address, START));
        assert_eq!(wait_of(&blocked, START.plus(TimeDelta::microseconds(59_500_000))), Some(1));
    }

    #[test]
    fn one_host_of_ipv6_is_one_caller() {
        let key = |text: &str| ThrottleState::ip_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit_of_unblocked_failures_in_a_window(gaps in prop::collection::vec(0i64..1_200, 1..60)) {
            let (mut state, mut now, mut taken) = (state(), START, Vec::new());
            for gap in gaps {
                now = now.plus(TimeDelta::seconds(gap));
                if state.check(now).is_err() {
                    continue;
                }
                state = state.fail(Limit::Address, now);
                taken.push(now);
                prop_assert!(state.recent.len() <= Limit::Address.failures());
                let window = taken.iter().filter(|at| now < at.plus(THROTTLE_WINDOW)).count();
                // Five to reach the limit; then waits of 1, 2, 4 and 8 minutes leave room for four more.
                prop_assert!(window <= 9, "{window}");
                if window >= Limit::Address.failures() {
                    prop_assert!(state.check(now).is_err());
                }
            }
        }
    }
}
