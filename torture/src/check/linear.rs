//! Linearizability: is there an order of the calls, each somewhere between its start and its end, in which a table that decides
//! one call after another would have given every one of these answers?
//!
//! The search is that of Wing and Gong with the memory of Lowe: depth first over which calls are done, never twice from the same
//! set of done calls and the same state. Calls on different top segments never meet, so each segment is searched by itself.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashSet},
    fmt::Write as _,
};

use super::{
    Micros,
    table::{Op, Paths, State},
};

/// After this many configurations a search is given up. A history of a run needs hardly more than it has calls.
const PATIENCE: usize = 4_000_000;

/// Which calls are done, and the state that they have left.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Configuration {
    /// All calls before this one are done.
    base: usize,
    /// Those behind it that are done, in order.
    beyond: Vec<usize>,
    state: State,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is such an order; so many configurations were looked at.
    Linearizable(usize),
    /// There is none; where every order gets stuck.
    Wrong(String),
    /// Too many were looked at.
    GivenUp,
}

/// Searches. The calls may come in any order.
pub(crate) fn check(mut ops: Vec<Op>, paths: &Paths) -> Verdict {
    ops.sort_by_key(|op| (op.called, op.returned));
    let start = Configuration { base: 0, beyond: Vec::new(), state: State::default() };
    let mut furthest = start.clone();
    let mut seen = HashSet::from([start.clone()]);
    let mut stack = vec![(candidates(&ops, &start), start)];
    while let Some((open, from)) = stack.last_mut() {
        if from.base == ops.len() {
            return Verdict::Linearizable(seen.len());
        }
        let Some(next) = open.pop() else {
            stack.pop();
            continue;
        };
        let Some(state) = from.state.apply(&ops[next], paths) else { continue };
        let configuration = from.with(next, state);
        if !seen.insert(configuration.clone()) {
            continue;
        }
        if seen.len() > PATIENCE {
            return Verdict::GivenUp;
        }
        if configuration.done() > furthest.done() {
            furthest = configuration.clone();
        }
        stack.push((candidates(&ops, &configuration), configuration));
    }
    Verdict::Wrong(stuck(&ops, &furthest, paths))
}

impl Configuration {
    fn done(&self) -> usize {
        self.base + self.beyond.len()
    }

    fn is_done(&self, at: usize) -> bool {
        at < self.base || self.beyond.binary_search(&at).is_ok()
    }

    fn with(&self, next: usize, state: State) -> Self {
        let mut beyond = self.beyond.clone();
        let place = beyond.binary_search(&next).unwrap_or_else(|place| place);
        beyond.insert(place, next);
        let run = beyond.iter().enumerate().take_while(|(at, done)| **done == self.base + at).count();
        beyond.drain(..run);
        Self { base: self.base + run, beyond, state }
    }
}

/// The calls that may come next: those that began before any that is not done had ended. The most urgent is last.
fn candidates(ops: &[Op], from: &Configuration) -> Vec<usize> {
    let mut first_end = Micros::MAX;
    let mut open = Vec::new();
    for (at, op) in ops.iter().enumerate().skip(from.base) {
        if op.called > first_end {
            break;
        }
        if !from.is_done(at) {
            first_end = first_end.min(op.returned);
            open.push(at);
        }
    }
    open.retain(|at| ops[*at].called <= first_end);
    open.sort_by_key(|at| Reverse((ops[*at].returned, ops[*at].called)));
    open
}

/// For people: the calls of which none can come next, and the locks that are held then.
fn stuck(ops: &[Op], at: &Configuration, paths: &Paths) -> String {
    let mut text = format!("{} of {} calls have an order; none of these can be next:", at.done(), ops.len());
    let next: Vec<usize> = candidates(ops, at).into_iter().rev().take(6).collect();
    // Writing into a text cannot fail.
    for op in &next {
        let Op { called, returned, step } = &ops[*op];
        let _ = write!(text, "\n  {step:?} between {called} and {returned}");
    }
    let locks: BTreeSet<u32> = next.iter().flat_map(|op| ops[*op].step.locks()).collect();
    text.push_str("\n  what else was said of these locks:");
    for (number, Op { called, returned, step }) in ops.iter().enumerate() {
        if !next.contains(&number) && step.locks().iter().any(|lock| locks.contains(lock)) {
            let done = if at.is_done(number) { "done" } else { "to come" };
            let _ = write!(text, "\n  {step:?} between {called} and {returned}, {done}");
        }
    }
    let _ = write!(text, "\n  while these are held at {}:", at.state.now);
    for held in &at.state.locks {
        let _ = write!(text, "\n  {held:?} on {}", paths.text(held.path));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::table::{Held, Step},
        *,
    };

    const SECOND: Micros = 1_000_000;

    fn held(id: u32, session: u32, path: u32, until: Micros) -> Held {
        Held { id, session, path, exclusive: true, until: (until, until) }
    }

    fn op(called: Micros, returned: Micros, step: Step) -> Op {
        Op { called: called * SECOND, returned: returned * SECOND, step }
    }

    fn grant(id: u32, session: u32, path: u32, until: Micros) -> Step {
        Step::Grant(vec![held(id, session, path, until * SECOND)])
    }

    /// 0 is `a`, 1 is `a/b`, 2 is `a/c`.
    fn paths() -> Paths {
        let mut paths = Paths::default();
        for path in ["a", "a/b", "a/c"] {
            paths.number(path);
        }
        paths
    }

    fn is_right(ops: Vec<Op>) -> bool {
        match check(ops, &paths()) {
            Verdict::Linearizable(_) => true,
            Verdict::Wrong(_) => false,
            Verdict::GivenUp => panic!("given up"),
        }
    }

    #[test]
    fn one_after_another_is_right_and_both_at_once_is_not() {
        let (first, end) = (op(0, 1, grant(1, 1, 0, 100)), op(2, 3, Step::End { id: 1 }));
        let second = |called| op(called, called + 1, grant(2, 2, 1, 100));
        assert!(is_right(vec![first.clone(), end.clone(), second(4)]));
        // The release was under way: it may have been first.
        assert!(is_right(vec![first.clone(), op(2, 6, Step::End { id: 1 }), second(4)]));
        assert!(!is_right(vec![first.clone(), second(4), op(6, 7, Step::End { id: 1 })]));
        assert!(!is_right(vec![first, second(4)]));
    }

    #[test]
    fn siblings_and_readers_do_not_meet() {
        assert!(is_right(vec![op(0, 1, grant(1, 1, 1, 100)), op(0, 1, grant(2, 2, 2, 100))]));
        let shared = |id, session| Step::Grant(vec![Held { exclusive: false, ..held(id, session, 0, 100 * SECOND) }]);
        assert!(is_right(vec![op(0, 1, shared(1, 1)), op(2, 3, shared(2, 2))]));
        assert!(!is_right(vec![op(0, 1, shared(1, 1)), op(2, 3, grant(2, 2, 1, 100))]));
    }

    #[test]
    fn an_expired_lock_is_in_nobodys_way_and_one_that_has_not_expired_is() {
        let first = op(0, 1, grant(1, 1, 0, 10));
        assert!(is_right(vec![first.clone(), op(11, 12, grant(2, 2, 0, 30))]));
        // Nine seconds on it is still held: whoever grants then goes by a clock that is ahead.
        assert!(!is_right(vec![first.clone(), op(8, 9, grant(2, 2, 0, 30))]));
        // And who refuses because of it at eleven goes by one that is behind.
        let refused = |called, returned| {
            let blocking = vec![1];
            op(called, returned, Step::Refuse { session: 2, paths: vec![0], exclusive: true, blocking })
        };
        assert!(is_right(vec![first.clone(), refused(8, 9)]));
        assert!(is_right(vec![first.clone(), refused(8, 12)]));
        assert!(!is_right(vec![first, refused(11, 12)]));
    }

    #[test]
    fn a_lock_is_renewed_while_it_is_held_and_never_after() {
        let first = op(0, 1, grant(1, 1, 0, 10));
        let renewed = |called, until| {
            let until = (until * SECOND, until * SECOND);
            op(called, called + 1, Step::Renew { id: 1, until })
        };
        let renew = |called| renewed(called, 20);
        let next = op(15, 16, grant(2, 2, 0, 40));
        assert!(is_right(vec![first.clone(), renew(8)]));
        assert!(!is_right(vec![first.clone(), renew(11)]));
        assert!(!is_right(vec![first.clone(), renew(8), next.clone()]));
        assert!(is_right(vec![first.clone(), op(11, 12, Step::NotHeld { id: 1 }), next.clone()]));
        // Gone too early.
        assert!(!is_right(vec![first.clone(), op(8, 9, Step::NotHeld { id: 1 })]));
        // Nobody knows whether it was renewed: then it may be over at ten and held at fifteen.
        let until = (10 * SECOND, 20 * SECOND);
        let may = op(0, 1, Step::Grant(vec![Held { until, ..held(1, 1, 0, 10 * SECOND) }]));
        assert!(is_right(vec![may.clone(), next.clone()]));
        assert!(is_right(vec![may.clone(), renewed(15, 30)]));
        assert!(!is_right(vec![may, renewed(21, 30)]));
    }

    #[test]
    fn a_lock_ends_once_and_a_refusal_names_what_is_held() {
        let first = op(0, 1, grant(1, 1, 0, 100));
        let end = |called| op(called, called + 1, Step::End { id: 1 });
        assert!(!is_right(vec![first.clone(), end(2), end(4)]));
        assert!(is_right(vec![first.clone(), end(2), op(4, 5, Step::NotHeld { id: 1 })]));
        let refused =
            |session, path| op(4, 5, Step::Refuse { session, paths: vec![path], exclusive: true, blocking: vec![1] });
        assert!(is_right(vec![first.clone(), refused(2, 1)]));
        assert!(!is_right(vec![first.clone(), end(2), refused(2, 1)]));
        // One's own lock is in nobody's own way.
        assert!(!is_right(vec![first, refused(1, 1)]));
    }

    #[test]
    fn who_holds_a_path_is_given_the_same_lock_again() {
        let first = op(0, 1, grant(1, 1, 0, 10));
        let again = |id, called| op(called, called + 1, Step::Again(vec![held(id, 1, 0, 20 * SECOND)]));
        assert!(is_right(vec![first.clone(), again(1, 5)]));
        assert!(!is_right(vec![first.clone(), again(2, 5)]));
        assert!(!is_right(vec![first.clone(), again(1, 12)]));
        assert!(!is_right(vec![first, op(5, 6, grant(2, 1, 0, 20))]));
    }

    proptest! {
        /// Histories of a table that decides one call after another are right however the calls overlapped; and wrong as soon as
        /// one lock that was refused is said to have been granted.
        #[test]
        fn overlap_makes_no_right_history_wrong(
            turns in prop::collection::vec((0_u32..4, 0_u32..3, 0_i64..40, 0_i64..40), 1..60),
        ) {
            let (paths, mut state, mut ops, mut lie) = (paths(), State::default(), Vec::new(), None);
            for (number, (session, path, before, after)) in turns.into_iter().enumerate() {
                let (id, at) = (u32::try_from(number).unwrap(), 10 * i64::try_from(number).unwrap() + 100);
                let mine = state.locks.iter().find(|held| held.session == session).cloned();
                let granted = Step::Grant(vec![held(id, session, path, 1_000_000 * SECOND)]);
                let exact = |step| Op { called: at * SECOND, returned: at * SECOND, step };
                let step = match mine {
                    Some(mine) => Step::End { id: mine.id },
                    None if state.locks.is_empty() || state.apply(&exact(granted.clone()), &paths).is_some() => granted,
                    None => {
                        let blocking = state.locks.iter().filter(|held| paths.conflict(held, session, path, true));
                        let blocking = blocking.map(|held| held.id).collect();
                        lie = lie.or(Some((ops.len(), granted)));
                        Step::Refuse { session, paths: vec![path], exclusive: true, blocking }
                    }
                };
                let now = exact(step.clone());
                state = state.apply(&now, &paths).expect("a table that follows its own rules");
                ops.push(Op { called: (at - before) * SECOND, returned: (at + after) * SECOND, step });
            }
            prop_assert!(matches!(check(ops.clone(), &paths), Verdict::Linearizable(_)));
            if let Some((at, granted)) = lie {
                for op in &mut ops {
                    (op.called, op.returned) = (op.called.max(op.returned - SECOND), op.returned);
                }
                // Made exact, nothing overlaps, and the lie shows.
                for (number, op) in ops.iter_mut().enumerate() {
                    let exact = (10 * i64::try_from(number).unwrap() + 100) * SECOND;
                    (op.called, op.returned) = (exact, exact);
                }
                ops[at].step = granted;
                prop_assert!(matches!(check(ops, &paths), Verdict::Wrong(_)));
            }
        }
    }
}
