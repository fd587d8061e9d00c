//! The interval check: what the events alone tell of every lock that was ever granted, however many.
//!
//! In the order of the events the intervals from grant to end of two locks that conflict are disjoint, tokens are unique and rise,
//! every lock ends once, the clock does not go back, and no lock outlives its time for long.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Micros, NEAR, Violation, related};

/// How long after its time a lock's end may be found, even when nobody asks.
pub(crate) const REAPED: Micros = 1_000_000;
/// How long a replica that is frozen while it has the head locked can keep all others from finding anything: the database server
/// ends its transaction after five seconds of silence.
pub(crate) const FROZEN: Micros = 5_000_000;
/// How long after its time an end may be found when nothing is wrong, by the clocks of two machines.
pub(crate) const USUAL: Micros = 2 * REAPED;

/// What happened to a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    Granted,
    Released,
    Expired,
    Broken,
}

/// An event about a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockEvent {
    pub(crate) seq: i64,
    pub(crate) at: Micros,
    pub(crate) what: Happening,
    pub(crate) lock: String,
    /// Of a grant.
    pub(crate) session: String,
    pub(crate) resource: String,
    pub(crate) exclusive: bool,
    pub(crate) token: i64,
}

/// Counts of what was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counted {
    pub(crate) grants: u64,
    pub(crate) released: u64,
    pub(crate) expired: u64,
    pub(crate) broken: u64,
    /// Locks that were still held when the record ended.
    pub(crate) open: u64,
    /// The longest time, in microseconds, between the end of a lock's time and the event that says so.
    pub(crate) latest_reaping: Micros,
}

/// What is known from the answers of the time at which locks end: the last one, and whether it is certain.
pub(crate) type Deadlines = HashMap<String, Micros>;

/// Checks the events, which are in order. `patience` tells how long after its time an end may be found, by what was wrong between two
/// instants: [`USUAL`] when nothing was, for ever when the database was out of reach.
pub(crate) fn check(
    events: &[LockEvent],
    deadlines: &Deadlines,
    end: Micros,
    patience: impl Fn(Micros, Micros) -> Micros,
) -> (Counted, Vec<Violation>) {
    let mut sweep = Sweep::new(deadlines);
    let mut last_at = Micros::MIN;
    for event in events {
        if event.at < last_at {
            sweep.fault(format!("the clock went back from {last_at} to {} at event {}", event.at, event.seq));
        }
        last_at = last_at.max(event.at);
        match event.what {
            Happening::Granted => sweep.granted(event),
            _ => sweep.ended(event, &patience),
        }
    }
    sweep.left_over(end, &patience);
    (sweep.counted, sweep.faults)
}

struct Sweep<'a> {
    deadlines: &'a Deadlines,
    /// The locks that are held, by their top segment.
    live: BTreeMap<&'a str, Vec<&'a LockEvent>>,
    ended: HashSet<&'a str>,
    last_token: i64,
    counted: Counted,
    faults: Vec<Violation>,
}

impl<'a> Sweep<'a> {
    fn new(deadlines: &'a Deadlines) -> Self {
        let (live, ended) = (BTreeMap::new(), HashSet::new());
        Self { deadlines, live, ended, last_token: 0, counted: Counted::default(), faults: Vec::new() }
    }

    fn fault(&mut self, what: String) {
        self.faults.push(Violation::new("intervals", what));
    }

    fn granted(&mut self, event: &'a LockEvent) {
        self.counted.grants += 1;
        if event.token <= self.last_token {
            self.fault(format!("token {} after {} at event {}", event.token, self.last_token, event.seq));
        }
        self.last_token = self.last_token.max(event.token);
        let live = self.live.entry(top(&event.resource)).or_default();
        let conflict = live.iter().find(|held| {
            held.session != event.session
                && (held.exclusive || event.exclusive)
                && related(&held.resource, &event.resource)
        });
        let known = live.iter().any(|held| held.lock == event.lock && held.resource == event.resource);
        let conflict = conflict.map(|held| {
            format!(
                "event {} grants {} to {} while {} has {} since event {}",
                event.seq, event.resource, event.session, held.session, held.resource, held.seq
            )
        });
        live.push(event);
        if let Some(conflict) = conflict {
            self.fault(conflict);
        }
        if known || self.ended.contains(event.lock.as_str()) {
            self.fault(format!("lock {} is granted again at event {}", event.lock, event.seq));
        }
    }

    fn ended(&mut self, event: &'a LockEvent, patience: &impl Fn(Micros, Micros) -> Micros) {
        match event.what {
            Happening::Released => self.counted.released += 1,
            Happening::Expired => self.counted.expired += 1,
            Happening::Broken => self.counted.broken += 1,
            Happening::Granted => {}
        }
        let mut was_live = false;
        for held in self.live.values_mut() {
            let before = held.len();
            held.retain(|held| held.lock != event.lock);
            was_live |= held.len() < before;
        }
        if !was_live {
            let again = if self.ended.contains(event.lock.as_str()) { "ends again" } else { "ends, but never began" };
            self.fault(format!("lock {} {again} at event {}", event.lock, event.seq));
        }
        self.ended.insert(&event.lock);
        let Some(deadline) = self.deadlines.get(&event.lock).copied() else { return };
        let late = event.at - deadline;
        if event.what == Happening::Expired {
            if late < -NEAR {
                let early = -late;
                self.fault(format!("lock {} expired {early} µs before its time at event {}", event.lock, event.seq));
            }
            if patience(deadline, event.at) <= USUAL {
                self.counted.latest_reaping = self.counted.latest_reaping.max(late);
            }
        } else if late > NEAR {
            let how = if event.what == Happening::Broken { "broken" } else { "released" };
            self.fault(format!("lock {} was {how} {late} µs after it had expired, at event {}", event.lock, event.seq));
        }
        if late > USUAL && late > patience(deadline, event.at) {
            self.fault(format!(
                "lock {} was found expired {late} µs after its time at event {}",
                event.lock, event.seq
            ));
        }
    }

    /// What is held at the end must not have been over for long.
    fn left_over(&mut self, end: Micros, patience: &impl Fn(Micros, Micros) -> Micros) {
        let left: Vec<&LockEvent> = std::mem::take(&mut self.live).into_values().flatten().collect();
        for held in left {
            self.counted.open += 1;
            let deadline = self.deadlines.get(&held.lock).copied().unwrap_or(Micros::MAX);
            let over = end.saturating_sub(deadline);
            if over > USUAL && over > patience(deadline, end) {
                let LockEvent { lock, seq, .. } = held;
                self.fault(format!(
                    "lock {lock} of event {seq} has expired {over} µs before the end, and no event says so"
                ));
            }
        }
    }
}

/// The first segment of a path.
pub(crate) fn top(resource: &str) -> &str {
    resource.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(seq: i64, lock: &str, session: &str, resource: &str, token: i64) -> LockEvent {
        let (lock, session, resource) = (lock.to_owned(), session.to_owned(), resource.to_owned());
        LockEvent {
            seq,
            at: seq * 1_000_000,
            what: Happening::Granted,
            lock,
            session,
            resource,
            exclusive: true,
            token,
        }
    }

    fn end(seq: i64, lock: &str, what: Happening) -> LockEvent {
        LockEvent { what, ..grant(seq, lock, "", "", 0) }
    }

    fn faults(events: &[LockEvent], deadlines: &[(&str, Micros)]) -> Vec<String> {
        let deadlines = deadlines.iter().map(|(lock, at)| ((*lock).to_owned(), at * 1_000_000)).collect();
        let last = events.last().map_or(0, |event| event.at);
        check(events, &deadlines, last, |_, _| USUAL).1.into_iter().map(|fault| fault.what).collect()
    }

    fn is_right(events: &[LockEvent]) -> bool {
        faults(events, &[]).is_empty()
    }

    #[test]
    fn intervals_of_locks_that_conflict_are_disjoint() {
        let (one, two) = (grant(1, "1", "x", "a", 1), grant(3, "2", "y", "a/b", 2));
        let over = end(2, "1", Happening::Released);
        assert!(is_right(&[one.clone(), over.clone(), two.clone()]));
        assert!(!is_right(&[one.clone(), two.clone(), end(4, "1", Happening::Released)]));
        let sibling = LockEvent { resource: "b".to_owned(), ..two.clone() };
        assert!(is_right(&[one.clone(), sibling]));
        let own = LockEvent { session: "x".to_owned(), ..two.clone() };
        assert!(is_right(&[one.clone(), own]));
        let shared = |event: &LockEvent| LockEvent { exclusive: false, ..event.clone() };
        assert!(is_right(&[shared(&one), shared(&two)]));
        assert!(!is_right(&[shared(&one), two]));
    }

    #[test]
    fn tokens_rise_and_are_given_once() {
        let second = |token| grant(2, "2", "y", "b", token);
        assert!(is_right(&[grant(1, "1", "x", "a", 5), second(6)]));
        assert!(!is_right(&[grant(1, "1", "x", "a", 5), second(5)]));
        assert!(!is_right(&[grant(1, "1", "x", "a", 5), second(4)]));
    }

    #[test]
    fn every_lock_ends_once_and_begins_once() {
        let one = grant(1, "1", "x", "a", 1);
        let (over, again) = (end(2, "1", Happening::Expired), end(3, "1", Happening::Released));
        assert!(!is_right(&[one.clone(), over.clone(), again]));
        assert!(!is_right(&[end(2, "1", Happening::Broken)]));
        assert!(!is_right(&[one.clone(), over, grant(3, "1", "x", "a", 2)]));
    }

    #[test]
    fn the_clock_does_not_go_back() {
        let late = LockEvent { at: 500_000, ..grant(2, "2", "y", "b", 2) };
        assert!(!is_right(&[grant(1, "1", "x", "a", 1), late]));
    }

    #[test]
    fn expiry_is_found_neither_early_nor_late() {
        let with_end = |seq, what| faults(&[grant(1, "1", "x", "a", 1), end(seq, "1", what)], &[("1", 11)]);
        assert_eq!(with_end(11, Happening::Expired), Vec::<String>::new());
        assert_eq!(with_end(10, Happening::Released), Vec::<String>::new());
        assert_eq!(with_end(10, Happening::Expired).len(), 1);
        assert_eq!(with_end(14, Happening::Expired).len(), 1);
        assert_eq!(with_end(12, Happening::Released).len(), 1);
        // Nobody ever said so.
        let later = grant(20, "2", "y", "b", 2);
        assert_eq!(faults(&[grant(1, "1", "x", "a", 1), later], &[("1", 11)]).len(), 1);
    }

    #[test]
    fn while_the_database_is_away_nothing_can_be_found_expired() {
        let deadlines = Deadlines::from([("1".to_owned(), 11_000_000)]);
        let events = [grant(1, "1", "x", "a", 1), end(40, "1", Happening::Expired)];
        assert_eq!(check(&events, &deadlines, 41_000_000, |_, _| Micros::MAX).1, []);
        assert_eq!(check(&events, &deadlines, 41_000_000, |_, _| USUAL).1.len(), 1);
    }
}
