//! Regular expressions of this module's own, in the linear-time syntax of the `regex` crate.

use regex::Regex;

/// An expression that is written in this crate. One that does not compile matches nothing; a test compiles every one.
pub(super) fn fixed(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

/// `text` with every match of `expression` replaced; `$name` stands for a group.
pub(super) fn replace(expression: Option<&Regex>, text: &str, with: &str) -> String {
    expression.map_or_else(|| text.to_owned(), |expression| expression.replace_all(text, with).into_owned())
}

/// Whether `expression` matches somewhere in `text`.
pub(super) fn found(expression: Option<&Regex>, text: &str) -> bool {
    expression.is_some_and(|expression| expression.is_match(text))
}
