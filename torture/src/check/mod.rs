//! What is proved from the record of a run. Nothing here talks to a server: each check takes what was recorded and returns what
//! is wrong with it, so that its tests can hand it histories that are wrong.

pub(crate) mod feed;
pub(crate) mod fence;
pub(crate) mod intervals;
pub(crate) mod line;
pub(crate) mod linear;
pub(crate) mod messages;
pub(crate) mod table;

/// Microseconds since 1970.
pub(crate) type Micros = i64;

/// By how much an instant of the database's clock and one of this program's may differ though they are the same: both read the
/// clock of one machine, but not in the same moment.
pub(crate) const NEAR: Micros = 20_000;

/// Something that must not happen, and did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(crate) struct Violation {
    /// The check that found it.
    pub(crate) check: &'static str,
    /// What happened.
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, what: what.into() }
    }
}

/// Whether one path is the other, or lies below it.
pub(crate) fn related(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_related_segment_by_segment() {
        for (one, other, expected) in
            [("a", "a", true), ("a", "a/b", true), ("a/b", "a", true), ("a", "ab", false), ("a/b", "a/c", false)]
        {
            assert_eq!(related(one, other), expected, "{one} {other}");
        }
    }
}
