//! From what was recorded to what is checked: calls whose outcome nobody told are looked up in the events, and the calls on each top
//! segment become a history of their own.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    check::{
        Micros, NEAR, Violation,
        intervals::{Deadlines, Happening, LockEvent, top},
        line::{Given, Waited},
        table::{Held, Op, Paths, Step},
    },
    history::{Acquired, Ended, Entry, Grant, Renewed, What},
    wire::Event,
};

/// Segments whose locks are taken by processes that keep no record.
const UNRECORDED: &str = "set";

/// How long after its last attempt a call that waits may still be granted something.
const LONGEST_WAIT: Micros = 20_000_000;

/// How long after its last attempt a call that does not wait may still be decided: by a replica that was stopped with it in hand.
const LATE: Micros = 15_000_000;

/// What was recorded, ready to be checked.
#[derive(Debug, Default)]
pub(crate) struct Reconciled {
    /// The calls on each top segment.
    pub(crate) histories: BTreeMap<String, (Vec<Op>, Paths)>,
    pub(crate) deadlines: Deadlines,
    pub(crate) waited: Vec<Waited>,
    pub(crate) given: Vec<Given>,
    pub(crate) faults: Vec<Violation>,
    /// Calls that nobody ever answered, and of which the events say what they did.
    pub(crate) found: u64,
}

/// A renewal that may have been made without an answer.
#[derive(Debug, Clone, Copy)]
struct Asked {
    sent: Micros,
    /// When the lock ends at the earliest and at the latest, if it was made.
    until: (Micros, Micros),
}

struct Work<'a> {
    out: Reconciled,
    /// By lock, as they were sent.
    asked: HashMap<&'a str, Vec<Asked>>,
    locks: &'a [LockEvent],
    granted: HashMap<&'a str, &'a LockEvent>,
    ended: HashMap<&'a str, &'a LockEvent>,
    known: HashSet<&'a str>,
    /// Ends that some call was found to have made.
    explained: HashSet<&'a str>,
    ids: HashMap<&'a str, u32>,
    sessions: HashMap<&'a str, u32>,
}

/// Puts calls and events together.
pub(crate) fn reconcile(entries: &[Entry], events: &[Event], locks: &[LockEvent]) -> Reconciled {
    let mut work = Work {
        out: Reconciled::default(),
        asked: asked(entries),
        locks,
        granted: HashMap::new(),
        ended: HashMap::new(),
        known: HashSet::new(),
        explained: HashSet::new(),
        ids: HashMap::new(),
        sessions: HashMap::new(),
    };
    for event in locks {
        let of = if event.what == Happening::Granted { &mut work.granted } else { &mut work.ended };
        of.entry(event.lock.as_str()).or_insert(event);
    }
    for entry in entries {
        if let What::Acquire { outcome: Acquired::New(grants), .. } = &entry.what {
            // Of several some may have been held before, by a call that nobody answered.
            let newest = grants.iter().map(|grant| grant.granted_at).max();
            let new = grants.iter().filter(|grant| Some(grant.granted_at) == newest);
            work.known.extend(new.map(|grant| grant.id.as_str()));
        }
    }
    for entry in entries {
        if let What::End { id, outcome: Ended::Now } = &entry.what
            && !work.explained.insert(id)
        {
            work.fault(format!("lock {id} was ended by two answers"));
        }
    }
    work.unanswered(entries);
    for entry in entries {
        match &entry.what {
            What::Acquire { resources, exclusive, outcome, .. } => {
                work.acquire(entry, resources, *exclusive, outcome);
            }
            What::Renew { id, outcome, .. } => work.renew(entry, id, outcome),
            What::End { id, outcome } => work.end(entry, id, outcome),
        }
    }
    work.strangers();
    work.line(entries, events);
    work.out.deadlines.retain(|id, _| !work.asked.contains_key(id.as_str()));
    work.out
}

/// The renewals that may have been made without an answer. A renewal has no key: each attempt that nobody answered may have been one of
/// its own, before the one that was answered or behind it.
fn asked(entries: &[Entry]) -> HashMap<&str, Vec<Asked>> {
    let mut asked: HashMap<&str, Vec<Asked>> = HashMap::new();
    for entry in entries {
        if let What::Renew { id, ttl, outcome } = &entry.what
            && (entry.unsure || *outcome == Renewed::Unknown)
        {
            let until = (entry.called + ttl, entry.returned + LATE + ttl + NEAR);
            asked.entry(id).or_default().push(Asked { sent: entry.called, until });
        }
    }
    for of in asked.values_mut() {
        of.sort_by_key(|asked| asked.sent);
    }
    asked
}

impl<'a> Work<'a> {
    fn fault(&mut self, what: String) {
        self.out.faults.push(Violation::new("answers", what));
    }

    fn lock_number(&mut self, id: &'a str) -> u32 {
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        *self.ids.entry(id).or_insert(next)
    }

    fn session_number(&mut self, session: &'a str) -> u32 {
        let next = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        *self.sessions.entry(session).or_insert(next)
    }

    /// Adds a call that took effect between its two instants, or at the very one if the answer told it.
    fn add(&mut self, resource: &str, entry: &Entry, at: Option<Micros>, step: Step) {
        let (mut called, mut returned) = (entry.called, entry.returned);
        if let Some(at) = at {
            if at + NEAR < called || at - NEAR > returned {
                let Entry { session, called, returned, .. } = entry;
                self.fault(format!(
                    "{step:?} of {session} was decided at {at}, but called at {called} and answered at {returned}"
                ));
                return;
            }
            called = called.max(at - NEAR);
            returned = returned.min(at + NEAR).max(called);
        }
        let (ops, _) = self.out.histories.entry(top(resource).to_owned()).or_default();
        ops.push(Op { called, returned, step });
    }

    /// When a lock ends that was said to end at `told`: with each renewal that may have been made before it was over, later perhaps.
    fn until(&self, id: &str, told: Micros) -> (Micros, Micros) {
        let asked = self.asked.get(id).into_iter().flatten();
        asked.fold((told, told), |(first, last), asked| {
            if asked.sent - NEAR > last { (first, last) } else { (first.min(asked.until.0), last.max(asked.until.1)) }
        })
    }

    fn held(&mut self, session: &'a str, id: &'a str, resource: &str, exclusive: bool, until: Micros) -> Held {
        let until = self.until(id, until);
        let (id, session) = (self.lock_number(id), self.session_number(session));
        let (_, paths) = self.out.histories.entry(top(resource).to_owned()).or_default();
        Held { id, session, path: paths.number(resource), exclusive, until }
    }

    fn acquire(&mut self, entry: &'a Entry, resources: &'a [String], exclusive: bool, outcome: &'a Acquired) {
        let Some(resource) = resources.first() else { return };
        match outcome {
            Acquired::New(grants) => {
                self.check_told(&entry.session, resources, grants);
                let at = grants.iter().map(|grant| grant.granted_at).max();
                // Of several some may have been held before: those are extended.
                let mut steps = (Vec::new(), Vec::new());
                for grant in grants {
                    let lock = self.held(&entry.session, &grant.id, &grant.resource, exclusive, grant.expires_at);
                    let of = if Some(grant.granted_at) == at { &mut steps.0 } else { &mut steps.1 };
                    of.push(lock);
                    self.out.deadlines.insert(grant.id.clone(), grant.expires_at);
                }
                self.add(resource, entry, at, Step::Grant(steps.0));
                if !steps.1.is_empty() {
                    self.add(resource, entry, at, Step::Again(steps.1));
                }
            }
            Acquired::Again(grants) => {
                self.check_told(&entry.session, resources, grants);
                let mut locks = Vec::new();
                for grant in grants {
                    locks.push(self.held(&entry.session, &grant.id, &grant.resource, exclusive, grant.expires_at));
                    self.out.deadlines.insert(grant.id.clone(), grant.expires_at);
                }
                let at = grants.first().and_then(|grant| grant.decided_at);
                self.add(resource, entry, at.filter(|_| !entry.unsure), Step::Again(locks));
            }
            Acquired::Refused { blocking, .. } => {
                let session = self.session_number(&entry.session);
                let blocking = blocking.iter().map(|id| self.lock_number(id)).collect();
                let (_, paths) = self.out.histories.entry(top(resource).to_owned()).or_default();
                let paths = resources.iter().map(|path| paths.number(path)).collect();
                self.add(resource, entry, None, Step::Refuse { session, paths, exclusive, blocking });
            }
            Acquired::Unknown => {}
        }
    }

    /// An attempt that nobody answered may have been granted something, even later, if it waited: then there is an event for each
    /// lock that no answer calls new.
    fn unanswered(&mut self, entries: &'a [Entry]) {
        let mut unsure: HashMap<&str, Vec<(&'a Entry, Micros)>> = HashMap::new();
        for entry in entries {
            if let What::Acquire { outcome, ttl, .. } = &entry.what
                && (entry.unsure || *outcome == Acquired::Unknown)
            {
                unsure.entry(entry.session.as_str()).or_default().push((entry, *ttl));
            }
        }
        let locks = self.locks;
        for event in locks.iter().filter(|event| event.what == Happening::Granted) {
            if self.known.contains(event.lock.as_str()) {
                continue;
            }
            let mut calls = unsure.get(event.session.as_str()).into_iter().flatten();
            let call = calls.find(|(entry, _)| {
                let What::Acquire { resources, .. } = &entry.what else { return false };
                let in_time = entry.called - NEAR <= event.at && event.at <= entry.returned + LONGEST_WAIT;
                resources.contains(&event.resource) && in_time
            });
            if let Some((entry, ttl)) = call {
                self.known.insert(&event.lock);
                self.out.found += 1;
                let held = self.held(&entry.session, &event.lock, &event.resource, event.exclusive, event.at + ttl);
                self.out.deadlines.insert(event.lock.clone(), event.at + ttl);
                let at_its_time = Entry { called: event.at, returned: event.at, ..(*entry).clone() };
                self.add(&event.resource, &at_its_time, Some(event.at), Step::Grant(vec![held]));
            }
        }
    }

    /// An answer and its event say the same.
    fn check_told(&mut self, session: &str, resources: &[String], grants: &[Grant]) {
        if grants.len() != resources.len() {
            self.fault(format!("{session} asked for {resources:?} and was given {} locks", grants.len()));
        }
        for grant in grants {
            let Some(event) = self.granted.get(grant.id.as_str()).copied() else {
                self.fault(format!("no event tells that {session} was granted {}", grant.id));
                continue;
            };
            if (event.session.as_str(), &event.resource, event.token) != (session, &grant.resource, grant.token) {
                self.fault(format!("{session} was told {grant:?}, the event says {event:?}"));
            }
            if event.at != grant.granted_at {
                self.fault(format!(
                    "lock {} was granted at {}, its event was at {}",
                    grant.id, grant.granted_at, event.at
                ));
            }
        }
    }

    /// The path of a lock that some answer or event told of.
    fn resource_of(&self, id: &str) -> Option<&'a str> {
        self.granted.get(id).map(|event| event.resource.as_str())
    }

    fn renew(&mut self, entry: &'a Entry, id: &'a str, outcome: &'a Renewed) {
        let Some(resource) = self.resource_of(id) else { return };
        let number = self.lock_number(id);
        match outcome {
            Renewed::Until(lock) => {
                self.out.deadlines.insert(id.to_owned(), lock.expires_at);
                let until = self.until(id, lock.expires_at);
                self.add(resource, entry, lock.decided_at, Step::Renew { id: number, until });
            }
            Renewed::Gone => self.add(resource, entry, None, Step::NotHeld { id: number }),
            Renewed::Unknown => {}
        }
    }

    fn end(&mut self, entry: &'a Entry, id: &'a str, outcome: &Ended) {
        let Some(resource) = self.resource_of(id) else { return };
        let number = self.lock_number(id);
        let event = self.ended.get(id).copied();
        let was_ended = event.filter(|event| {
            let within = event.at >= entry.called - NEAR && event.at <= entry.returned + NEAR;
            within && matches!(event.what, Happening::Released | Happening::Broken)
        });
        match (outcome, was_ended) {
            (Ended::Now, None) => self.fault(format!("lock {id} was ended by an answer, the events say {event:?}")),
            (Ended::Now, Some(event)) => self.add(resource, entry, Some(event.at), Step::End { id: number }),
            // An attempt before the last did it.
            (Ended::Before, Some(event)) if entry.unsure && self.is_own(entry, event) && self.explained.insert(id) => {
                self.add(resource, entry, Some(event.at), Step::End { id: number });
            }
            (Ended::Before, _) => self.add(resource, entry, None, Step::NotHeld { id: number }),
            (Ended::Unknown, Some(event)) if self.is_own(entry, event) && self.explained.insert(id) => {
                self.out.found += 1;
                self.add(resource, entry, Some(event.at), Step::End { id: number });
            }
            (Ended::Unknown, _) => {}
        }
    }

    /// Whether it was the holder who released, or an administrator who broke it.
    fn is_own(&self, entry: &Entry, event: &LockEvent) -> bool {
        let holder = self.granted.get(event.lock.as_str()).map(|granted| granted.session.as_str());
        (event.what == Happening::Released) == (holder == Some(entry.session.as_str()))
    }

    /// Nobody was granted anything that nobody asked for.
    fn strangers(&mut self) {
        let unknown = self.locks.iter().filter(|event| {
            event.what == Happening::Granted
                && top(&event.resource) != UNRECORDED
                && !self.known.contains(event.lock.as_str())
        });
        let unknown: Vec<String> = unknown.map(|event| format!("{event:?} answers no call")).collect();
        for what in unknown {
            self.fault(what);
        }
    }

    /// Who waited, and who was given what: by the events between the beginning of a call and its grant.
    fn line(&mut self, entries: &'a [Entry], events: &'a [Event]) {
        let mut queued: HashMap<&str, Vec<(&Event, Vec<String>)>> = HashMap::new();
        for event in events {
            if let Some(resources) = event.of_line() {
                queued.entry(event.session.as_str()).or_default().push((event, resources));
            }
        }
        let mut held: HashMap<&str, Vec<(&LockEvent, i64)>> = HashMap::new();
        for event in self.granted.values() {
            let end = self.ended.get(event.lock.as_str()).map_or(i64::MAX, |end| end.seq);
            held.entry(event.session.as_str()).or_default().push((event, end));
        }
        for entry in entries {
            let What::Acquire { resources, exclusive, outcome: Acquired::New(grants), .. } = &entry.what else {
                continue;
            };
            let events = grants.iter().filter_map(|grant| self.granted.get(grant.id.as_str()));
            let Some(granted) = events.max_by_key(|event| event.seq) else { continue };
            let places = queued.get(entry.session.as_str()).map(Vec::as_slice).unwrap_or_default();
            let own = held.get(entry.session.as_str()).map(Vec::as_slice).unwrap_or_default();
            // What a session was granted since then was the end of that wait: a call right before this one, for the same.
            let is_over = |since: i64| {
                let is_of_this_call = |event: &LockEvent| grants.iter().any(|grant| grant.id == event.lock);
                own.iter().any(|(event, _)| event.seq > since && event.seq < granted.seq && !is_of_this_call(event))
            };
            let place = places.iter().rev().find(|(event, wanted)| {
                event.seq < granted.seq && event.at >= entry.called - NEAR && wanted == resources
            });
            let place = place.map(|(event, _)| *event).filter(|event| !is_over(event.seq));
            let own = own.iter();
            let holds = own.filter(|(event, end)| event.seq < granted.seq && *end > granted.seq);
            let holds: Vec<_> = holds.map(|(event, _)| (event.resource.clone(), event.exclusive)).collect();
            for grant in grants {
                self.out.given.push(Given {
                    holds: holds.clone(),
                    seq: granted.seq,
                    session: entry.session.clone(),
                    resource: grant.resource.clone(),
                    exclusive: *exclusive,
                    queued: place.map(|event| event.seq),
                });
            }
            // Of a call that was sent more than once the first may have waited, and given its place up when its sender had gone.
            if let Some(place) = place.filter(|_| !entry.unsure) {
                self.out.waited.push(Waited {
                    session: entry.session.clone(),
                    resources: resources.clone(),
                    exclusive: *exclusive,
                    queued: place.seq,
                    granted: granted.seq,
                    between: (place.at, granted.at),
                });
            }
        }
        self.out.given.sort_by_key(|grant| grant.seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Micros = 1_000_000_000;

    fn event(seq: i64, what: Happening, lock: &str, at: Micros) -> LockEvent {
        let (lock, session, resource) = (lock.to_owned(), "s".to_owned(), "a/b".to_owned());
        LockEvent { seq, at, what, lock, session, resource, exclusive: true, token: 7 }
    }

    fn entry(what: What, unsure: bool) -> Entry {
        Entry { session: "s".to_owned(), called: AT - 1_000, returned: AT + 1_000, unsure, what }
    }

    fn acquire(outcome: Acquired) -> What {
        What::Acquire { resources: vec!["a/b".to_owned()], exclusive: true, ttl: 10_000_000, outcome }
    }

    fn grant(token: i64, granted_at: Micros) -> Grant {
        let (id, resource, expires_at) = ("1".to_owned(), "a/b".to_owned(), granted_at + 10_000_000);
        Grant { id, resource, token, granted_at, expires_at, decided_at: Some(granted_at) }
    }

    fn faults(entries: &[Entry], events: &[LockEvent]) -> Vec<String> {
        reconcile(entries, &[], events).faults.into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn what_nobody_answered_is_found_in_the_events() {
        let granted = event(1, Happening::Granted, "1", AT);
        let found = reconcile(&[entry(acquire(Acquired::Unknown), true)], &[], std::slice::from_ref(&granted));
        assert_eq!((found.found, found.faults), (1, Vec::new()));
        assert_eq!(found.histories["a"].0.len(), 1);
        // What was never done leaves no trace, and what was done without a call is a fault.
        assert_eq!(reconcile(&[entry(acquire(Acquired::Unknown), true)], &[], &[]).histories.len(), 0);
        assert_eq!(faults(&[], &[granted]).len(), 1);
    }

    #[test]
    fn an_answer_and_its_event_say_the_same() {
        let granted = event(1, Happening::Granted, "1", AT);
        let told = |grant| [entry(acquire(Acquired::New(vec![grant])), false)];
        assert_eq!(faults(&told(grant(7, AT)), std::slice::from_ref(&granted)), Vec::<String>::new());
        assert_eq!(faults(&told(grant(8, AT)), std::slice::from_ref(&granted)).len(), 1);
        assert!(!faults(&told(grant(7, AT)), &[]).is_empty());
        // Granted at a time that no clock here ever told.
        let hour = 3_600_000_000;
        assert!(!faults(&told(grant(7, AT + hour)), &[event(1, Happening::Granted, "1", AT + hour)]).is_empty());
    }

    #[test]
    fn a_release_that_an_answer_tells_of_is_in_the_events() {
        let events = [event(1, Happening::Granted, "1", AT), event(2, Happening::Released, "1", AT)];
        let got = entry(acquire(Acquired::New(vec![grant(7, AT)])), false);
        let end = |outcome, unsure| entry(What::End { id: "1".to_owned(), outcome }, unsure);
        assert_eq!(faults(&[got.clone(), end(Ended::Now, false)], &events), Vec::<String>::new());
        assert_eq!(faults(&[got.clone(), end(Ended::Now, false)], &events[..1]).len(), 1);
        let steps = |ended| {
            let ops = reconcile(&[got.clone(), ended], &[], &events).histories.remove("a").unwrap().0;
            ops.into_iter().map(|op| op.step).next_back().unwrap()
        };
        assert_eq!(steps(end(Ended::Before, true)), Step::End { id: 0 }, "the first attempt did it");
        assert_eq!(steps(end(Ended::Before, false)), Step::NotHeld { id: 0 });
    }

    #[test]
    fn a_renewal_asked_for_twice_may_have_been_made_twice() {
        use crate::check::linear::{Verdict, check};
        let second = 1_000_000;
        let granted = event(1, Happening::Granted, "1", AT);
        let got = entry(acquire(Acquired::New(vec![grant(7, AT)])), false);
        // The lock ends after ten seconds. The answer is of the eleventh, the call of the ninth.
        let renewed = |unsure| Entry {
            called: AT + 9 * second,
            returned: AT + 11 * second,
            ..entry(
                What::Renew {
                    id: "1".to_owned(),
                    ttl: 10 * second,
                    outcome: Renewed::Until(Grant { decided_at: Some(AT + 11 * second), ..grant(7, AT + 11 * second) }),
                },
                unsure,
            )
        };
        let is_right = |unsure| {
            let found = reconcile(&[got.clone(), renewed(unsure)], &[], std::slice::from_ref(&granted));
            assert_eq!(found.deadlines.contains_key("1"), !unsure, "what was made may be made once more, later");
            let (ops, paths) = &found.histories["a"];
            matches!(check(ops.clone(), paths), Verdict::Linearizable(_))
        };
        assert!(is_right(true), "the first attempt, which nobody answered, was in time");
        assert!(!is_right(false));
    }

    #[test]
    fn what_an_answer_calls_held_before_was_granted_to_a_call_that_nobody_answered() {
        let granted = [
            event(1, Happening::Granted, "1", AT),
            LockEvent { token: 8, resource: "a/c".to_owned(), ..event(2, Happening::Granted, "2", AT + 500) },
        ];
        let both = Grant { id: "2".to_owned(), resource: "a/c".to_owned(), ..grant(8, AT + 500) };
        let several = What::Acquire {
            resources: vec!["a/b".to_owned(), "a/c".to_owned()],
            exclusive: true,
            ttl: 10_000_000,
            outcome: Acquired::New(vec![grant(7, AT), both]),
        };
        let entries = [entry(acquire(Acquired::Unknown), true), entry(several, false)];
        let found = reconcile(&entries, &[], &granted);
        assert_eq!((found.found, found.faults), (1, Vec::new()));
        let steps: Vec<&Step> = found.histories["a"].0.iter().map(|op| &op.step).collect();
        assert!(matches!(steps[..], [Step::Grant(_), Step::Grant(_), Step::Again(_)]), "{steps:?}");
    }

    #[test]
    fn a_place_in_line_belongs_to_the_call_that_was_granted_next_and_to_no_later_one() {
        let queued = |seq| Event {
            seq,
            at: AT,
            kind: "lock.queued".to_owned(),
            session: "s".to_owned(),
            subject: String::new(),
            payload: serde_json::json!({"resources": ["a/b"]}),
        };
        let locks = [
            event(2, Happening::Granted, "1", AT),
            event(3, Happening::Released, "1", AT),
            LockEvent { token: 8, ..event(5, Happening::Granted, "2", AT) },
        ];
        let second = Grant { id: "2".to_owned(), ..grant(8, AT) };
        let calls = [grant(7, AT), second].map(|grant| entry(acquire(Acquired::New(vec![grant])), false));
        let waited = |places: &[Event]| -> Vec<(i64, i64)> {
            reconcile(&calls, places, &locks).waited.iter().map(|wait| (wait.queued, wait.granted)).collect()
        };
        assert_eq!(waited(&[queued(1)]), [(1, 2)], "the second call, right after the first, did not wait");
        assert_eq!(waited(&[queued(1), queued(4)]), [(1, 2), (4, 5)]);
    }
}
