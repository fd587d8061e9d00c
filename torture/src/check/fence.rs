//! Fencing: a resource that remembers the highest token it has seen, and takes nothing from whoever comes with a lower one.

use std::collections::BTreeSet;

use super::{Micros, Violation, related};

/// A resource outside the database: a set that is read and written as a whole, under a lock.
///
/// With a fence it refuses tokens below the highest it has seen, on reads as on writes. Without one it takes everything, which
/// is what most resources do.
#[derive(Debug, Default)]
pub(crate) struct Register {
    highest: i64,
    elements: BTreeSet<u64>,
    /// Writes with a token that is not the highest: how many were tried, and how many of them were taken.
    pub(crate) stale: (u64, u64),
    /// Elements whose writer was told that they are in.
    acknowledged: BTreeSet<u64>,
    is_fenced: bool,
}

impl Register {
    pub(crate) fn new(is_fenced: bool) -> Self {
        Self { is_fenced, ..Self::default() }
    }

    /// What is in it, for whoever has this token; `None` if it is stale.
    pub(crate) fn read(&mut self, token: i64) -> Option<Vec<u64>> {
        self.admits(token).then(|| self.elements.iter().copied().collect())
    }

    /// Replaces what is in it by what its reader made of it, `added` being new; whether it was taken.
    pub(crate) fn write(&mut self, token: i64, elements: &[u64], added: u64) -> bool {
        let is_stale = token < self.highest;
        let is_taken = self.admits(token);
        self.stale.0 += u64::from(is_stale);
        self.stale.1 += u64::from(is_stale && is_taken);
        if is_taken {
            self.elements = elements.iter().copied().chain([added]).collect();
            self.acknowledged.insert(added);
        }
        is_taken
    }

    fn admits(&mut self, token: i64) -> bool {
        let admits = token >= self.highest || !self.is_fenced;
        self.highest = self.highest.max(token);
        admits
    }

    /// How many elements are in it.
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// How many were acknowledged and are gone.
    pub(crate) fn lost(&self) -> usize {
        self.acknowledged.difference(&self.elements).count()
    }
}

/// A call of `fence/check` that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) resource: String,
    pub(crate) token: i64,
    pub(crate) called: Micros,
    pub(crate) returned: Micros,
    /// Whether the token was good.
    pub(crate) is_good: bool,
    /// Of a refusal: the highest token.
    pub(crate) max_token: i64,
}

/// A token is refused if a higher one was seen before on a related path, and for no other reason.
pub(crate) fn check(checks: &[Checked]) -> Vec<Violation> {
    let mut faults = Vec::new();
    let mut good: Vec<&Checked> = checks.iter().filter(|check| check.is_good).collect();
    good.sort_by_key(|check| check.returned);
    for check in checks {
        let higher = |other: &&&Checked| other.token > check.token && related(&other.resource, &check.resource);
        let before = || good.iter().take_while(|other| other.returned < check.called).find(higher);
        if check.is_good {
            if let Some(other) = before() {
                let what = format!(
                    "token {} on {} was good though {} had been seen on {}",
                    check.token, check.resource, other.token, other.resource
                );
                faults.push(Violation::new("fence", what));
            }
        } else if check.max_token <= check.token {
            let what = format!("token {} on {} was refused for {}", check.token, check.resource, check.max_token);
            faults.push(Violation::new("fence", what));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_fence_nothing_is_lost_and_without_one_it_is() {
        for is_fenced in [true, false] {
            let mut register = Register::new(is_fenced);
            // One reads, is stopped beyond its time; another one reads and writes; the first one goes on.
            let first = register.read(1).unwrap();
            let second = register.read(2).unwrap();
            assert!(register.write(2, &second, 20));
            assert_eq!(register.write(1, &first, 10), !is_fenced);
            assert_eq!(register.stale, (1, u64::from(!is_fenced)));
            assert_eq!(register.lost(), usize::from(!is_fenced));
            assert_eq!(register.len(), 1);
        }
    }

    #[test]
    fn a_reader_with_a_newer_token_shuts_out_who_has_read_before() {
        let mut register = Register::new(true);
        let first = register.read(1).unwrap();
        register.read(2).unwrap();
        assert!(!register.write(1, &first, 10));
        assert!(register.read(1).is_none());
    }

    fn checked(resource: &str, token: i64, called: Micros, is_good: bool) -> Checked {
        let (resource, returned) = (resource.to_owned(), called + 1);
        Checked { resource, token, called, returned, is_good, max_token: 9 }
    }

    #[test]
    fn a_lower_token_is_refused_on_every_related_path() {
        let first = checked("a/b", 5, 0, true);
        assert_eq!(check(&[first.clone(), checked("a", 4, 5, true)]).len(), 1);
        assert_eq!(check(&[first.clone(), checked("a", 4, 5, false)]), []);
        assert_eq!(check(&[first.clone(), checked("a/c", 4, 5, true)]), []);
        assert_eq!(check(&[first.clone(), checked("a", 5, 5, true)]), []);
        // At the same time: either may have been first.
        assert_eq!(check(&[first.clone(), checked("a", 4, 1, true)]), []);
        assert_eq!(check(&[checked("a", 9, 5, false)]).len(), 1, "refused for no reason");
    }
}
