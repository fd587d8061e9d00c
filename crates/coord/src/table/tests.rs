//! The rules of the table, one by one and against a plainer model.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl IdGenerator for Count {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000).unwrap()
}

fn paths(text: &str) -> Vec<ResourcePath> {
    text.split(' ').map(|path| ResourcePath::kept(path).unwrap()).collect()
}

fn want(session_id: &str, resources: &str, mode: LockMode) -> Want {
    Want {
        session_id: session_id.to_owned(),
        resources: paths(resources),
        is_list: false,
        mode,
        ttl_seconds: 60,
        task: None,
        reason: None,
        meta: None,
    }
}

fn sole(session_id: &str, resources: &str) -> Want {
    want(session_id, resources, LockMode::Exclusive)
}

/// A table from the beginning of time, and the ids of its locks.
struct Case {
    table: Table,
    ids: Count,
}

impl Case {
    fn new() -> Self {
        let rules = Rules { mark_expired: true, honour_line: true, refuse_expired: true };
        Self { table: Table::new(Head::new(at(0)), rules), ids: Count::default() }
    }

    fn take(&mut self, want: &Want) -> Result<Grant, Obstacle> {
        self.table.acquire(want, None, &self.ids)
    }

    fn granted(&mut self, want: &Want) -> Lock {
        self.take(want).unwrap().locks.remove(0)
    }

    fn wait(&mut self, want: &Want) -> i64 {
        self.take(want).unwrap_err();
        self.table.queue(want, at(1_000), at(1_000))
    }

    fn again(&mut self, want: &Want, ticket: i64) -> Result<Grant, Obstacle> {
        self.table.acquire(want, Some(ticket), &self.ids)
    }

    fn release(&mut self, id: Id<Lock>) {
        self.table.end(id, LockState::Released, None).unwrap().unwrap();
    }

    fn kinds(&mut self) -> Vec<EventKind> {
        self.table.changes().events.iter().map(|event| event.kind).collect()
    }
}

#[test]
fn a_lock_keeps_others_from_its_node_and_from_what_lies_above_and_below() {
    let mut case = Case::new();
    let held = case.granted(&sole("a", "x/y"));
    for path in ["x", "x/y", "x/y/z"] {
        let obstacle = case.take(&sole("b", path)).unwrap_err();
        assert_eq!(obstacle.blocking, std::slice::from_ref(&held), "{path}");
        assert!(case.take(&want("b", path, LockMode::Shared)).is_err(), "{path}");
    }
    assert!(case.take(&sole("b", "x/z")).is_ok(), "a sibling is free");
    assert!(case.take(&sole("a", "x/y/z")).is_ok(), "the session itself is not kept out");
}

#[test]
fn what_is_shared_keeps_out_only_who_wants_it_alone() {
    let mut case = Case::new();
    case.granted(&want("a", "x", LockMode::Shared));
    assert!(case.take(&want("b", "x/y", LockMode::Shared)).is_ok());
    assert_eq!(case.take(&sole("c", "x/y")).unwrap_err().blocking.len(), 2);
}

#[test]
fn several_resources_are_had_all_or_none() {
    let mut case = Case::new();
    case.granted(&sole("a", "x"));
    case.table.changes();
    assert!(case.take(&sole("b", "y x z")).is_err());
    assert!(case.table.changes().is_empty(), "nothing of it was granted");
    let grant = case.take(&sole("b", "y z")).unwrap();
    assert!(grant.locks[0].token < grant.locks[1].token && grant.is_new);
}

#[test]
fn asking_again_extends_the_same_lock_and_never_shortens_it() {
    let mut case = Case::new();
    let first = case.granted(&sole("a", "x"));
    case.table.advance(at(10));
    let again = case.take(&sole("a", "x")).unwrap();
    assert!(!again.is_new);
    assert_eq!((again.locks[0].token, again.locks[0].expires_at), (first.token, at(70)));
    let shorter = Want { ttl_seconds: 10, ..sole("a", "x") };
    assert_eq!(case.take(&shorter).unwrap().locks[0].expires_at, at(70));
}

#[test]
fn a_lock_whose_time_has_run_out_is_over_and_marked_once() {
    let mut case = Case::new();
    let held = case.granted(&sole("a", "x"));
    case.table.advance(at(60));
    assert_eq!(
        case.table.renew(held.id, None, None),
        Err(NotRenewed::Over(LockState::Expired)),
        "even if nobody took it"
    );
    let next = case.granted(&sole("b", "x"));
    assert!(next.token > held.token);
    case.table.reap();
    assert_eq!(case.kinds(), [EventKind::LockGranted, EventKind::LockExpired, EventKind::LockGranted]);
    assert_eq!(case.table.end(held.id, LockState::Released, None), Some(Err(LockState::Expired)));
}

#[test]
fn a_lock_is_renewed_from_now_on_by_whoever_knows_its_token() {
    let mut case = Case::new();
    let held = case.granted(&sole("a", "x"));
    case.table.advance(at(59));
    assert_eq!(case.table.renew(held.id, None, Some(held.token + 1)), Err(NotRenewed::OtherToken));
    assert_eq!(case.table.renew(held.id, Some(20), Some(held.token)).unwrap().expires_at, at(79));
    assert_eq!(case.table.renew(Id::new(Uuid::nil()), None, None), Err(NotRenewed::Unknown));
}

#[test]
fn a_heartbeat_renews_the_live_locks_of_a_session_and_never_one_that_has_expired() {
    let mut case = Case::new();
    case.granted(&Want { ttl_seconds: 10, ..sole("a", "x") });
    let lives = case.granted(&sole("a", "y"));
    case.granted(&sole("b", "z"));
    case.table.advance(at(30));
    let renewed = case.table.renew_all("a");
    assert_eq!(renewed.iter().map(|lock| (lock.id, lock.expires_at)).collect::<Vec<_>>(), [(lives.id, at(90))]);
}

#[test]
fn the_end_of_a_session_releases_its_locks_and_gives_its_places_up() {
    let mut case = Case::new();
    case.granted(&sole("a", "x"));
    case.granted(&sole("b", "y"));
    let ticket = case.wait(&sole("b", "x"));
    assert_eq!(case.table.end_session("b").len(), 1);
    assert_eq!((case.table.place(ticket), case.table.head.waiting), (None, 0));
    assert!(case.take(&sole("c", "y")).is_ok());
}

#[test]
fn nobody_passes_those_who_wait_for_what_conflicts() {
    let mut case = Case::new();
    let held = case.granted(&want("a", "x", LockMode::Shared));
    let (first, second) = (sole("b", "x/y x/z"), want("c", "x/y", LockMode::Shared));
    let (one, two) = (case.wait(&first), case.wait(&second));
    let late = case.take(&want("d", "x/y", LockMode::Shared)).unwrap_err();
    assert_eq!((late.blocking.len(), late.ahead, late.length), (0, 1, 2), "only b is in the way of who shares");
    assert!(case.again(&second, two).is_err(), "the second stays behind the first although no lock is in its way");
    assert!(case.take(&want("d", "w", LockMode::Shared)).is_ok(), "what does not conflict may pass");
    case.release(held.id);
    assert!(case.take(&sole("d", "x/z")).is_err(), "free, but the first was there before");
    assert!(case.again(&first, one).is_ok());
    assert!(case.again(&second, two).is_err());
}

#[test]
fn who_waits_for_a_session_does_not_hold_that_session_up() {
    let mut case = Case::new();
    case.granted(&sole("a", "x/y"));
    case.wait(&sole("b", "x"));
    assert!(case.take(&sole("a", "x/z")).is_ok(), "b waits for a anyway; a behind b would be a waiting for itself");
}

#[test]
fn a_place_without_a_sign_of_life_no_longer_counts() {
    let mut case = Case::new();
    let held = case.granted(&sole("a", "x"));
    let first = sole("b", "x");
    case.take(&first).unwrap_err();
    let ticket = case.table.queue(&first, at(50), at(5));
    case.table.keep_alive(ticket, at(8));
    case.release(held.id);
    case.table.advance(at(7));
    assert!(case.take(&sole("c", "x")).is_err());
    case.table.advance(at(8));
    assert!(case.take(&sole("c", "x")).is_ok());
    assert_eq!((case.table.place(ticket), case.table.head.waiting), (None, 0));
}

#[test]
fn a_circle_of_sessions_that_wait_is_told_to_the_one_who_closes_it() {
    let mut case = Case::new();
    for (session, path) in [("a", "x"), ("b", "y"), ("c", "z")] {
        case.granted(&sole(session, path));
    }
    let (a, b) = (sole("a", "y"), sole("b", "z"));
    let (one, two) = (case.wait(&a), case.wait(&b));
    assert!(case.take(&sole("c", "x/deep")).unwrap_err().is_deadlock);
    assert!(!case.take(&sole("d", "x")).unwrap_err().is_deadlock, "who only waits closes nothing");
    assert!(!case.again(&a, one).unwrap_err().is_deadlock && !case.again(&b, two).unwrap_err().is_deadlock);
}

#[test]
fn a_circle_may_run_over_places_in_line() {
    let mut case = Case::new();
    case.granted(&want("a", "x", LockMode::Shared));
    case.granted(&sole("b", "y"));
    // b waits for a; c stands behind b; a would wait for c's lock.
    case.granted(&sole("c", "z"));
    case.wait(&sole("b", "x"));
    case.wait(&want("c", "x", LockMode::Shared));
    assert!(case.take(&sole("a", "z")).unwrap_err().is_deadlock);
}

#[test]
fn a_token_below_one_that_was_seen_on_the_path_above_or_below_is_refused() {
    let mut case = Case::new();
    let path = |text: &str| paths(text).remove(0);
    assert_eq!(case.table.fence(&path("x/y"), 5), Ok(()));
    assert_eq!(case.table.fence(&path("x/y"), 5), Ok(()), "the same again is good");
    for near in ["x", "x/y", "x/y/z"] {
        assert_eq!(case.table.fence(&path(near), 4), Err(5), "{near}");
    }
    assert_eq!(case.table.fence(&path("x/z"), 1), Ok(()));
    assert_eq!(case.table.fence(&path("x"), 7), Ok(()));
    assert_eq!(case.table.fence(&path("x/z"), 6), Err(7));
}

/// What may be called; lock and ticket by their number among those there were.
#[derive(Debug, Clone)]
enum Step {
    Take { session: usize, path: usize, shared: bool, ttl: i64, waits: bool },
    Again { ticket: usize },
    Renew { lock: usize },
    Release { lock: usize },
    Break { lock: usize },
    End { session: usize },
    Beat { session: usize },
    Pass { seconds: i64 },
    Reap,
}

const SESSIONS: [&str; 3] = ["a", "b", "c"];
const PATHS: [&str; 5] = ["x", "x/y", "x/y/z", "x/w", "v"];

fn step() -> impl Strategy<Value = Step> {
    let take = (0..3_usize, 0..5_usize, any::<bool>(), 1..40_i64, any::<bool>());
    prop_oneof![
        6 => take.prop_map(|(session, path, shared, ttl, waits)| Step::Take { session, path, shared, ttl, waits }),
        3 => (0..20_usize).prop_map(|ticket| Step::Again { ticket }),
        2 => (0..20_usize).prop_map(|lock| Step::Renew { lock }),
        3 => (0..20_usize).prop_map(|lock| Step::Release { lock }),
        1 => (0..20_usize).prop_map(|lock| Step::Break { lock }),
        1 => (0..3_usize).prop_map(|session| Step::End { session }),
        1 => (0..3_usize).prop_map(|session| Step::Beat { session }),
        3 => (0..25_i64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Reap),
    ]
}

/// What a storage would keep: every step is made on a table loaded from it, and what the table tells is written back.
struct Shelf {
    head: Head,
    locks: BTreeMap<Id<Lock>, Lock>,
    waiters: BTreeMap<i64, Waiter>,
    events: Vec<Event>,
}

impl Shelf {
    fn table(&self) -> Table {
        let rules = Rules { mark_expired: true, honour_line: true, refuse_expired: true };
        let mut table = Table::new(self.head, rules);
        table.load(self.locks.values().cloned().collect(), self.waiters.values().cloned().collect(), Vec::new());
        table
    }

    fn put(&mut self, mut table: Table) {
        let changes = table.changes();
        self.head = table.head;
        for lock in changes.added.into_iter().chain(changes.extended).chain(changes.ended) {
            self.locks.insert(lock.id, lock);
        }
        self.waiters.retain(|ticket, _| !changes.left.contains(ticket));
        self.waiters.extend(changes.queued.into_iter().map(|waiter| (waiter.ticket, waiter)));
        self.events.extend(changes.events);
    }
}

/// The plainer model: what is held by whom until when, and who waits, in lists that are searched.
#[derive(Debug, Default)]
struct Plain {
    now: i64,
    held: Vec<(usize, &'static str, usize, bool, i64)>,
    line: Vec<(i64, usize, usize, bool)>,
}

fn near(one: &str, other: &str) -> bool {
    one == other || one.starts_with(&format!("{other}/")) || other.starts_with(&format!("{one}/"))
}

impl Plain {
    fn pass(&mut self) {
        let now = self.now;
        self.held.retain(|(.., until)| *until > now);
    }

    fn may(&self, session: usize, path: usize, shared: bool, before: i64) -> bool {
        let clash = |other: usize, place: &str, other_shares: bool| {
            other != session && near(place, PATHS[path]) && !(shared && other_shares)
        };
        let waits_for_us = |(_, waiter, place, shares): &(i64, usize, usize, bool)| {
            self.held.iter().any(|(_, on, holder, holder_shares, _)| {
                *holder == session && *waiter != session && near(on, PATHS[*place]) && !(*shares && *holder_shares)
            })
        };
        !self.held.iter().any(|(_, on, holder, shares, _)| clash(*holder, on, *shares))
            && !self
                .line
                .iter()
                .any(|place| place.0 < before && clash(place.1, PATHS[place.2], place.3) && !waits_for_us(place))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_table_does_what_the_plain_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let ids = Count::default();
        let mut shelf =
            Shelf { head: Head::new(at(0)), locks: BTreeMap::new(), waiters: BTreeMap::new(), events: Vec::new() };
        let mut plain = Plain::default();
        let mut wants: BTreeMap<i64, (Want, usize, usize, bool)> = BTreeMap::new();
        let mut granted: Vec<Id<Lock>> = Vec::new();
        let mut number: BTreeMap<Id<Lock>, usize> = BTreeMap::new();
        for step in steps {
            let mut table = shelf.table();
            plain.pass();
            let mut take = |plain: &mut Plain, grant: Grant, session: usize, path: usize, shared: bool, until: i64| {
                let lock = &grant.locks[0];
                if grant.is_new {
                    number.insert(lock.id, granted.len());
                    plain.held.push((granted.len(), PATHS[path], session, shared, until));
                    granted.push(lock.id);
                } else {
                    let known = plain.held.iter_mut().find(|held| held.0 == number[&lock.id]).unwrap();
                    known.4 = known.4.max(until);
                }
            };
            match step {
                Step::Take { session, path, shared, ttl, waits } => {
                    let mode = if shared { LockMode::Shared } else { LockMode::Exclusive };
                    let wish = Want { ttl_seconds: ttl, ..want(SESSIONS[session], PATHS[path], mode) };
                    let outcome = table.acquire(&wish, None, &ids);
                    prop_assert_eq!(outcome.is_ok(), plain.may(session, path, shared, i64::MAX), "{:?}", wish);
                    match outcome {
                        Ok(grant) => {
                            let until = plain.now + ttl;
                            take(&mut plain, grant, session, path, shared, until);
                        }
                        Err(obstacle) if waits && !obstacle.is_deadlock => {
                            let ticket = table.queue(&wish, at(100_000), at(100_000));
                            plain.line.push((ticket, session, path, shared));
                            wants.insert(ticket, (wish, session, path, shared));
                        }
                        Err(_) => {}
                    }
                }
                Step::Again { ticket } => {
                    let ticket = i64::try_from(ticket).unwrap() + 1;
                    if let Some((wish, session, path, shared)) = wants.get(&ticket)
                        && table.place(ticket).is_some()
                    {
                        let outcome = table.acquire(wish, Some(ticket), &ids);
                        prop_assert_eq!(outcome.is_ok(), plain.may(*session, *path, *shared, ticket));
                        if let Ok(grant) = outcome {
                            plain.line.retain(|place| place.0 != ticket);
                            let until = plain.now + wish.ttl_seconds;
                            take(&mut plain, grant, *session, *path, *shared, until);
                        }
                    }
                }
                Step::Renew { lock } => {
                    if let Some(id) = granted.get(lock) {
                        let known = plain.held.iter_mut().find(|held| held.0 == lock);
                        let outcome = table.renew(*id, Some(30), None);
                        prop_assert_eq!(outcome.is_ok(), known.is_some());
                        if let Some(known) = known {
                            known.4 = plain.now + 30;
                        }
                    }
                }
                Step::Release { lock } | Step::Break { lock } => {
                    let state = if matches!(step, Step::Break { .. }) { LockState::Broken } else { LockState::Released };
                    if let Some(id) = granted.get(lock) {
                        let was_held = plain.held.iter().any(|held| held.0 == lock);
                        prop_assert_eq!(table.end(*id, state, None).unwrap().is_ok(), was_held);
                        plain.held.retain(|held| held.0 != lock);
                    }
                }
                Step::End { session } => {
                    let held = plain.held.iter().filter(|held| held.2 == session).count();
                    prop_assert_eq!(table.end_session(SESSIONS[session]).len(), held);
                    plain.held.retain(|held| held.2 != session);
                    plain.line.retain(|place| place.1 != session);
                }
                Step::Beat { session } => {
                    let held = plain.held.iter().filter(|held| held.2 == session).count();
                    let renewed = table.renew_all(SESSIONS[session]);
                    prop_assert_eq!(renewed.len(), held);
                    for lock in renewed {
                        let known = plain.held.iter_mut().find(|held| held.0 == number[&lock.id]).unwrap();
                        known.4 = known.4.max(plain.now + lock.ttl_seconds);
                    }
                }
                Step::Pass { seconds } => {
                    plain.now += seconds;
                    table.advance(at(plain.now));
                    // The time is kept by whoever writes next.
                    shelf.head.now = at(plain.now);
                }
                Step::Reap => table.reap(),
            }
            shelf.put(table);
            prop_assert_eq!(shelf.head.waiting, i64::try_from(shelf.waiters.len()).unwrap());
        }
        let mut table = shelf.table();
        table.reap();
        shelf.put(table);
        holds_of_the_events(&shelf.events)?;
    }
}

/// What anybody can check of the events alone: no gap, tokens that rise, one end for each lock, and no two holders at once.
fn holds_of_the_events(events: &[Event]) -> Result<(), TestCaseError> {
    let mut held: BTreeMap<Uuid, (String, LockMode, ResourcePath)> = BTreeMap::new();
    let mut last_token = 0;
    for (place, event) in events.iter().enumerate() {
        prop_assert_eq!(event.seq, i64::try_from(place).unwrap() + 1);
        let Some(lock) = event.subject else { continue };
        if event.kind != EventKind::LockGranted {
            prop_assert!(held.remove(&lock).is_some(), "an end without a beginning, or a second one: {:?}", event);
            continue;
        }
        let note: serde_json::Value = serde_json::from_str(&event.payload).unwrap();
        let token = note["token"].as_i64().unwrap();
        prop_assert!(token > last_token);
        last_token = token;
        let path = ResourcePath::kept(note["resource"].as_str().unwrap()).unwrap();
        let mode: LockMode = serde_json::from_value(note["mode"].clone()).unwrap();
        let session = event.session_id.clone().unwrap();
        for (other, other_mode, other_path) in held.values() {
            let one = (session.as_str(), mode, std::slice::from_ref(&path));
            let two = (other.as_str(), *other_mode, std::slice::from_ref(other_path));
            prop_assert!(!conflict(one, two), "two holders at once: {:?}", event);
        }
        prop_assert!(held.insert(lock, (session, mode, path)).is_none());
    }
    Ok(())
}
