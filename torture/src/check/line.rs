//! Fairness: whoever waits is passed by nobody who came later and wants what conflicts with it.

use super::{Micros, Violation, related};

/// A call that waited and was granted in the end, as events and its answer tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waited {
    pub(crate) session: String,
    pub(crate) resources: Vec<String>,
    pub(crate) exclusive: bool,
    /// The event that says that it waits.
    pub(crate) queued: i64,
    /// The event that grants what it waited for.
    pub(crate) granted: i64,
    /// When it began to wait and when it was granted.
    pub(crate) between: (Micros, Micros),
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) seq: i64,
    pub(crate) session: String,
    pub(crate) resource: String,
    pub(crate) exclusive: bool,
    /// The event that says that it waited, if it did.
    pub(crate) queued: Option<i64>,
    /// What its session held then: resource, and whether exclusively. Whoever waits for that waits for this very session, which
    /// would wait for itself if it stood behind him.
    pub(crate) holds: Vec<(String, bool)>,
}

/// Checks that none of the grants passed one who waited. `troubled` tells whether a replica was dead or stopped between two
/// instants: who waits there may be passed over, for nobody could tell him.
pub(crate) fn check(waited: &[Waited], given: &[Given], troubled: impl Fn(Micros, Micros) -> bool) -> Vec<Violation> {
    let mut faults = Vec::new();
    for wait in waited.iter().filter(|wait| !troubled(wait.between.0, wait.between.1)) {
        let from = given.partition_point(|grant| grant.seq <= wait.queued);
        for grant in given[from..].iter().take_while(|grant| grant.seq < wait.granted) {
            let came_later = grant.queued.is_none_or(|queued| queued > wait.queued);
            let conflicts = grant.session != wait.session
                && (grant.exclusive || wait.exclusive)
                && wait.resources.iter().any(|resource| related(resource, &grant.resource));
            let is_waited_for = grant.holds.iter().any(|(held, exclusive)| {
                (*exclusive || wait.exclusive) && wait.resources.iter().any(|resource| related(resource, held))
            });
            if came_later && conflicts && !is_waited_for {
                let what = format!(
                    "{} waited for {:?} since event {} and was granted it at {}; {} came later and got {} at {}",
                    wait.session, wait.resources, wait.queued, wait.granted, grant.session, grant.resource, grant.seq
                );
                faults.push(Violation::new("line", what));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait() -> Waited {
        let (session, resources) = ("w".to_owned(), vec!["a/b".to_owned()]);
        Waited { session, resources, exclusive: true, queued: 10, granted: 20, between: (0, 1) }
    }

    fn given(seq: i64, resource: &str, queued: Option<i64>) -> Given {
        Given {
            seq,
            session: "g".to_owned(),
            resource: resource.to_owned(),
            exclusive: true,
            queued,
            holds: Vec::new(),
        }
    }

    fn faults(grant: Given) -> usize {
        check(&[wait()], &[grant], |_, _| false).len()
    }

    #[test]
    fn nobody_passes() {
        assert_eq!(faults(given(15, "a", None)), 1);
        assert_eq!(faults(given(15, "a", Some(12))), 1);
        assert_eq!(faults(given(15, "a", Some(9))), 0, "it waited longer");
        assert_eq!(faults(given(15, "a/c", None)), 0, "it wants something else");
        assert_eq!(faults(given(9, "a", None)), 0, "it was first");
        assert_eq!(faults(given(21, "a", None)), 0, "it came after");
        assert_eq!(faults(Given { session: "w".to_owned(), ..given(15, "a", None) }), 0, "it is himself");
        let holder = Given { holds: vec![("a/b/c".to_owned(), true)], ..given(15, "a", None) };
        assert_eq!(faults(holder), 0, "it is he who is waited for");
        let readers = Waited { exclusive: false, ..wait() };
        let grant = Given { exclusive: false, ..given(15, "a", None) };
        assert_eq!(check(&[readers], &[grant], |_, _| false), []);
    }

    #[test]
    fn who_waits_at_a_replica_in_trouble_may_be_passed_over() {
        assert_eq!(check(&[wait()], &[given(15, "a", None)], |_, _| true), []);
    }
}
