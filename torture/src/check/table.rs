//! The lock table as it should be: one call after another, with the time at which each lock ends.
//!
//! The table of the checker, not of the product: it shares no line with what it judges.

use super::{Micros, NEAR};

/// A lock that some answer has granted. Ids, sessions and paths are numbers here, so that states are quick to compare.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Held {
    pub(crate) id: u32,
    pub(crate) session: u32,
    pub(crate) path: u32,
    pub(crate) exclusive: bool,
    /// When it ends at the earliest and at the latest. The two differ where a renewal was asked for whose outcome nobody knows.
    pub(crate) until: (Micros, Micros),
}

/// What a call did, as its answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// 201: these are new.
    Grant(Vec<Held>),
    /// 200: these were held already, and are extended.
    Again(Vec<Held>),
    /// 409: the locks that were named as being in the way.
    Refuse { session: u32, paths: Vec<u32>, exclusive: bool, blocking: Vec<u32> },
    /// 200: it is held until then.
    Renew { id: u32, until: (Micros, Micros) },
    /// Released, or broken by an administrator.
    End { id: u32 },
    /// 410, or released before: it is not held.
    NotHeld { id: u32 },
}

impl Step {
    /// The locks that it is about.
    pub(crate) fn locks(&self) -> Vec<u32> {
        match self {
            Self::Grant(locks) | Self::Again(locks) => locks.iter().map(|lock| lock.id).collect(),
            Self::Refuse { blocking, .. } => blocking.clone(),
            Self::Renew { id, .. } | Self::End { id } | Self::NotHeld { id } => vec![*id],
        }
    }
}

/// A call: it took effect at one moment between these two, if what it says is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) called: Micros,
    pub(crate) returned: Micros,
    pub(crate) step: Step,
}

/// The locks that may still be held, and a moment before which it is not any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct State {
    pub(crate) locks: Vec<Held>,
    pub(crate) now: Micros,
}

/// Which paths are related.
#[derive(Debug, Default)]
pub(crate) struct Paths(Vec<String>);

impl Paths {
    /// The number of a path.
    pub(crate) fn number(&mut self, path: &str) -> u32 {
        let at = self.0.iter().position(|known| known == path).unwrap_or_else(|| {
            self.0.push(path.to_owned());
            self.0.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    pub(crate) fn text(&self, path: u32) -> &str {
        self.0.get(path as usize).map_or("", String::as_str)
    }

    fn related(&self, one: u32, other: u32) -> bool {
        super::related(self.text(one), self.text(other))
    }

    pub(crate) fn conflict(&self, held: &Held, session: u32, path: u32, exclusive: bool) -> bool {
        held.session != session && (held.exclusive || exclusive) && self.related(held.path, path)
    }
}

impl Held {
    /// Whether it may be held at some moment from `lo` on.
    const fn may_live(&self, lo: Micros) -> bool {
        lo < self.until.1 + NEAR
    }

    /// The first moment at which it may be over.
    const fn over_from(&self) -> Micros {
        self.until.0 - NEAR
    }
}

impl State {
    /// The state after the call, if the call may do what it says in this one.
    pub(crate) fn apply(&self, op: &Op, paths: &Paths) -> Option<Self> {
        let mut next = Self { locks: self.locks.clone(), now: self.now.max(op.called) };
        match &op.step {
            Step::Grant(locks) => {
                for lock in locks {
                    // Its own lock on the same path, in the same mode, would have been answered 200.
                    let is_own = |held: &Held| {
                        (held.session, held.path, held.exclusive) == (lock.session, lock.path, lock.exclusive)
                    };
                    let in_the_way =
                        |held: &Held| is_own(held) || paths.conflict(held, lock.session, lock.path, lock.exclusive);
                    next.end_all(in_the_way);
                }
                next.locks.extend(locks.iter().cloned());
                next.locks.sort_unstable();
            }
            Step::Again(locks) => {
                for lock in locks {
                    let now = next.now;
                    let held = next.locks.iter_mut().find(|held| held.id == lock.id && held.may_live(now))?;
                    if (held.session, held.path, held.exclusive) != (lock.session, lock.path, lock.exclusive) {
                        return None;
                    }
                    held.until = lock.until;
                }
            }
            Step::Refuse { session, paths: wanted, exclusive, blocking } => {
                for id in blocking {
                    let held = next.locks.iter().find(|held| held.id == *id && held.may_live(next.now))?;
                    if !wanted.iter().any(|path| paths.conflict(held, *session, *path, *exclusive)) {
                        return None;
                    }
                }
            }
            Step::Renew { id, until } => {
                let now = next.now;
                next.locks.iter_mut().find(|held| held.id == *id && held.may_live(now))?.until = *until;
            }
            Step::End { id } => {
                let at = next.locks.iter().position(|held| held.id == *id && held.may_live(next.now))?;
                next.locks.remove(at);
            }
            Step::NotHeld { id } => next.end_all(|held| held.id == *id),
        }
        if next.now > op.returned {
            return None;
        }
        // What is surely over is in nobody's way: without it more states are the same.
        let now = next.now;
        next.locks.retain(|held| held.may_live(now));
        Some(next)
    }

    /// Lets time go on until these may be over.
    fn end_all(&mut self, which: impl Fn(&Held) -> bool) {
        let over = self.locks.iter().filter(|held| which(held)).map(Held::over_from).max();
        self.now = self.now.max(over.unwrap_or(self.now));
        self.locks.retain(|held| !which(held));
    }
}
