//! Every state that three sessions, two nested paths and a clock can bring the table into.
//!
//! The model does what the product does with the table: it loads what is stored as held, makes one call under the head, and stores
//! the changes. Beside it each session remembers what it was told, and what the sessions believe must never contradict itself. The
//! exploration is exhaustive up to the last tick of the clock and the last lock.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use chrono::TimeDelta;
use claudetools_coord::{EventKind, Head, Lock, LockMode, LockState, NotRenewed, ResourcePath, Rules, Table, Want};
use claudetools_kernel::{Id, IdGenerator, Timestamp};
use stateright::{Checker, Model, Property};
use uuid::Uuid;

const SESSIONS: usize = 3;
/// The one covers the other.
const PATHS: [&str; 2] = ["a", "a/b"];
/// How long a lock lives, in ticks of one second.
const LIFE: i64 = 2;
const LAST_TICK: i64 = 5;
const LAST_LOCK: u8 = 3;

/// What is stored, what the sessions believe, and what went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    head: Head,
    /// Stored as held, by their number: some of them may be over.
    held: Vec<Lock>,
    /// What each session was told of the lock it was granted last: path, number, token, and until when it is its own.
    told: [Option<(usize, u8, i64, Timestamp)>; SESSIONS],
    granted: u8,
    /// Events that said of a lock that it ended, by its number.
    ended: [u8; LAST_LOCK as usize + 1],
    wrong: Option<&'static str>,
    seen: Seen,
}

/// What the last step did. Not kept any longer, or the same state would count once for every way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what may have happened, each for itself")]
struct Seen {
    expired: bool,
    taken_over: bool,
    renewed: bool,
    refused: bool,
    too_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    Acquire(usize, usize),
    Renew(usize),
    Release(usize),
    Reap,
    Tick,
}

struct Locks(Rules);

/// Gives the ids of a model, which has to be the same whichever way it took.
#[derive(Debug)]
struct Number(u8);

impl IdGenerator for Number {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0))
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros((1_767_225_600 + second) * 1_000_000).unwrap()
}

fn number(id: Id<Lock>) -> u8 {
    u8::try_from(id.uuid().as_u128()).unwrap()
}

fn want(session: usize, path: usize) -> Want {
    Want {
        session_id: format!("s{session}"),
        resources: vec![ResourcePath::kept(PATHS[path]).unwrap()],
        is_list: false,
        mode: LockMode::Exclusive,
        ttl_seconds: LIFE,
        task: None,
        reason: None,
        meta: None,
    }
}

impl State {
    /// Stores what a call has changed, and holds its events against what is known.
    fn store(&mut self, mut table: Table) {
        let changes = table.changes();
        let mut last_event = self.head.last_event;
        for event in &changes.events {
            last_event += 1;
            if event.seq != last_event {
                self.wrong = Some("the numbers of the events have a gap");
            }
            let ends = matches!(event.kind, EventKind::LockReleased | EventKind::LockExpired | EventKind::LockBroken);
            if let Some(lock) = event.subject.filter(|_| ends) {
                self.ended[usize::from(number(Id::new(lock)))] += 1;
            }
            self.seen.expired |= event.kind == EventKind::LockExpired;
        }
        self.head = table.head;
        if self.head.last_event != last_event {
            self.wrong = Some("the head counts other events than there are");
        }
        self.held = table.locks().filter(|lock| lock.state == LockState::Held).cloned().collect();
        self.held.sort_by_key(|lock| number(lock.id));
        // Numbers of events are no part of what happens next.
        self.head.last_event = 0;
    }

    /// Whether a session was told that it holds something now.
    fn holds(&self, session: usize) -> bool {
        self.told[session].is_some_and(|(.., until)| until > self.head.now)
    }

    fn acquire(&mut self, mut table: Table, session: usize, path: usize) {
        let last_token = self.head.last_token;
        let next = self.granted + 1;
        match table.acquire(&want(session, path), None, &Number(next)) {
            Ok(grant) => {
                let lock = &grant.locks[0];
                if grant.is_new {
                    self.granted = next;
                    if lock.token <= last_token {
                        self.wrong = Some("a token does not rise");
                    }
                } else if self.told[session]
                    .is_none_or(|(_, id, token, _)| (id, token) != (number(lock.id), lock.token))
                {
                    self.wrong = Some("a lock that was held is given with another id or token");
                }
                let others = (0..SESSIONS).filter(|other| *other != session);
                for other in others {
                    if self.holds(other) {
                        self.wrong = Some("two sessions hold what conflicts");
                    }
                    self.seen.taken_over |= self.told[other].is_some();
                }
                self.told[session] = Some((path, number(lock.id), lock.token, lock.expires_at));
            }
            Err(obstacle) => {
                self.seen.refused = true;
                let is_kept = (0..SESSIONS).any(|other| other != session && self.holds(other));
                if !is_kept || obstacle.blocking.is_empty() {
                    self.wrong = Some("a lock is refused that nobody holds");
                }
            }
        }
        self.store(table);
    }

    fn renew(&mut self, mut table: Table, session: usize) {
        let Some((path, id, token, until)) = self.told[session] else { return };
        let renewed = table.renew(Id::new(Uuid::from_u128(u128::from(id))), None, Some(token));
        match renewed {
            Ok(lock) => {
                if until <= self.head.now {
                    self.wrong = Some("a lock is renewed that was over");
                }
                self.seen.renewed = true;
                self.told[session] = Some((path, id, token, lock.expires_at));
            }
            Err(NotRenewed::Over(_) | NotRenewed::Unknown) => {
                if until > self.head.now {
                    self.wrong = Some("a lock is over before its time");
                }
                self.seen.too_late = true;
            }
            Err(NotRenewed::OtherToken) => self.wrong = Some("the lock has another token"),
        }
        self.store(table);
    }

    fn release(&mut self, mut table: Table, session: usize) {
        let Some((_, id, _, until)) = self.told[session] else { return };
        let ended = table.end(Id::new(Uuid::from_u128(u128::from(id))), LockState::Released, None);
        let was_held = matches!(ended, Some(Ok(_)));
        if was_held != (until > self.head.now) {
            self.wrong = Some("a release tells otherwise than the time");
        }
        self.told[session] = None;
        self.store(table);
    }
}

impl Model for Locks {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            head: Head::new(at(0)),
            held: Vec::new(),
            told: [None; SESSIONS],
            granted: 0,
            ended: [0; LAST_LOCK as usize + 1],
            wrong: None,
            seen: Seen::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for session in 0..SESSIONS {
            if state.granted < LAST_LOCK {
                // A session has one lock at a time: it remembers no more.
                let other =
                    |path: usize| state.told[session].is_some_and(|(held, ..)| held != path) && state.holds(session);
                actions
                    .extend((0..PATHS.len()).filter(|path| !other(*path)).map(|path| Action::Acquire(session, path)));
            }
            if state.told[session].is_some() {
                actions.extend([Action::Renew(session), Action::Release(session)]);
            }
        }
        actions.push(Action::Reap);
        if state.head.now < at(LAST_TICK) {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = State { seen: Seen::default(), ..last.clone() };
        if action == Action::Tick {
            next.head.now = next.head.now.plus(TimeDelta::seconds(1));
            return Some(next);
        }
        let mut table = Table::new(next.head, self.0);
        table.load(next.held.clone(), Vec::new(), Vec::new());
        match action {
            Action::Acquire(session, path) => next.acquire(table, session, path),
            Action::Renew(session) => next.renew(table, session),
            Action::Release(session) => next.release(table, session),
            Action::Reap => {
                table.reap();
                next.store(table);
            }
            Action::Tick => {}
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing is wrong", |_, state: &State| state.wrong.is_none()),
            Property::always("one holder", |_, state: &State| (0..SESSIONS).filter(|s| state.holds(*s)).count() <= 1),
            Property::always("one end", |_, state: &State| state.ended.iter().all(|ends| *ends <= 1)),
            Property::always("a lock that is gone has an end", |_, state: &State| {
                let is_stored = |lock: u8| state.held.iter().any(|held| number(held.id) == lock);
                (1..=state.granted).all(|lock| is_stored(lock) != (state.ended[usize::from(lock)] == 1))
            }),
            Property::always("what is believed is stored", |_, state: &State| {
                (0..SESSIONS).filter(|session| state.holds(*session)).all(|session| {
                    let stored = |(path, id, token, until)| {
                        state.held.iter().any(|lock| {
                            (number(lock.id), lock.token, lock.expires_at) == (id, token, until)
                                && lock.resource.as_str() == PATHS[path]
                        })
                    };
                    state.told[session].is_some_and(stored)
                })
            }),
            Property::sometimes("a lock expires", |_, state: &State| state.seen.expired),
            Property::sometimes("another takes over", |_, state: &State| state.seen.taken_over),
            Property::sometimes("one is renewed", |_, state: &State| state.seen.renewed),
            Property::sometimes("one is refused", |_, state: &State| state.seen.refused),
            Property::sometimes("one comes too late", |_, state: &State| state.seen.too_late),
        ]
    }
}

const RIGHT: Rules = Rules { mark_expired: true, honour_line: true, refuse_expired: true };

#[test]
fn in_no_state_do_two_hold_what_conflicts_or_does_a_lock_come_back_to_life() {
    let checker = Locks(RIGHT).checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
    assert!(
        checker.unique_state_count() > 10_000,
        "{} states are too few to mean anything",
        checker.unique_state_count()
    );
}

#[test]
fn the_model_sees_a_table_that_renews_what_is_over() {
    let checker = Locks(Rules { refuse_expired: false, ..RIGHT }).checker().spawn_bfs().join();
    assert!(checker.discovery("nothing is wrong").is_some());
}

#[test]
fn the_model_sees_a_table_that_does_not_say_what_has_expired() {
    let checker = Locks(Rules { mark_expired: false, ..RIGHT }).checker().spawn_bfs().join();
    assert!(checker.discovery("a lock that is gone has an end").is_some());
}
