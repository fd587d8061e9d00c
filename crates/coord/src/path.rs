//! Resources: what a lock is on.

use std::fmt;

use claudetools_kernel::{Faults, text};
use serde::{Deserialize, Serialize};

/// The most segments of a path.
pub(crate) const SEGMENTS: usize = 16;
/// The longest path, in bytes of its normal form.
pub(crate) const BYTES: usize = 400;

/// A `/`-separated path such as `clients/acme/dns`: in NFC, its case kept. It stands for the node and all that lies below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourcePath(String);

impl ResourcePath {
    /// Takes a path as a caller wrote it. What is wrong with it is noted under `field`.
    pub fn parse(faults: &mut Faults, field: &str, text: &str) -> Option<Self> {
        match Self::checked(text) {
            Ok(path) => Some(path),
            Err((constraint, rule)) => {
                // Characters few enough are all that a schema tells.
                if constraint == "max_length" && text.chars().count() <= BYTES {
                    faults.semantic(field, constraint, rule);
                } else {
                    faults.schema(field, constraint, rule);
                }
                None
            }
        }
    }

    /// A path that a storage kept; `None` when it is none.
    pub fn kept(text: &str) -> Option<Self> {
        Self::checked(text).ok().filter(|path| path.0 == text)
    }

    fn checked(text: &str) -> Result<Self, (&'static str, &'static str)> {
        let path = text::composed(text);
        if path.len() > BYTES {
            return Err(("max_length", "must have at most 400 bytes"));
        }
        if path.chars().any(char::is_control) {
            return Err(("pattern", "must not contain control characters"));
        }
        if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(("pattern", "must be segments between single slashes, none of them empty, . or .."));
        }
        // MariaDB takes texts for equal that differ in blanks at their end.
        if path.split('/').any(|segment| segment.trim() != segment) {
            return Err(("pattern", "must have no segment that begins or ends with a blank"));
        }
        if path.split('/').count() > SEGMENTS {
            return Err(("max_segments", "must have at most 16 segments"));
        }
        Ok(Self(path))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nodes above it, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.rmatch_indices('/').map(|(end, _)| &self.0[..end])
    }

    /// Whether the other is the same node or lies below it.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether one of the two covers the other.
    pub fn meets(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Bounds of all that lies below it when paths are compared byte by byte: behind the first, before the second.
    pub fn below(&self) -> (String, String) {
        // `0` follows `/`.
        (format!("{}/", self.0), format!("{}0", self.0))
    }
}

impl TryFrom<String> for ResourcePath {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::kept(&text).ok_or("not the path of a resource")
    }
}

impl From<ResourcePath> for String {
    fn from(path: ResourcePath) -> Self {
        path.0
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether any of the paths meets any of the others.
pub(crate) fn any_meets(some: &[ResourcePath], others: &[ResourcePath]) -> bool {
    some.iter().any(|path| others.iter().any(|other| path.meets(other)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::kept(text).unwrap()
    }

    #[test]
    fn a_path_covers_itself_and_what_lies_below_by_whole_segments() {
        assert!(path("a/b").covers(&path("a/b")) && path("a/b").covers(&path("a/b/c")));
        assert!(!path("a/b").covers(&path("a/bc")) && !path("a/b").covers(&path("a")));
        assert!(path("a/b/c").meets(&path("a")) && !path("a/b").meets(&path("a/c")) && !path("a").meets(&path("ab")));
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_rule_it_breaks() {
        let deep = vec!["x"; 17].join("/");
        let long = "é".repeat(201);
        for (text, rule) in [
            ("", "pattern"),
            ("/a", "pattern"),
            ("a/", "pattern"),
            ("a//b", "pattern"),
            ("a/./b", "pattern"),
            ("..", "pattern"),
            ("a\nb", "pattern"),
            ("a/b ", "pattern"),
            ("a/ b", "pattern"),
            (&deep, "max_segments"),
            (&long, "max_length"),
        ] {
            let mut faults = Faults::default();
            assert_eq!(ResourcePath::parse(&mut faults, "resource", text), None, "{text}");
            assert_eq!(faults.list()[0].constraint, rule, "{text}");
        }
    }

    #[test]
    fn a_path_is_kept_in_its_composed_form_with_its_case() {
        let decomposed = ResourcePath::parse(&mut Faults::default(), "resource", "Cafe\u{301}/B").unwrap();
        assert_eq!(decomposed.as_str(), "Caf\u{e9}/B");
        assert_ne!(decomposed, path("caf\u{e9}/b"));
    }

    proptest! {
        #[test]
        fn the_bounds_hold_exactly_what_lies_below(a in "[a.0/-]{1,6}", b in "[a.0/-]{1,8}") {
            if let (Some(a), Some(b)) = (ResourcePath::kept(&a), ResourcePath::kept(&b)) {
                let (from, to) = a.below();
                let within = b.as_str() > from.as_str() && b.as_str() < to.as_str();
                prop_assert_eq!(within, a.covers(&b) && a != b);
                prop_assert_eq!(b.ancestors().any(|above| above == a.as_str()), a.covers(&b) && a != b);
            }
        }
    }
}
