//! The ordered table of known wordings, `rules.tsv`. The first that matches decides, so what is special stands before what is general.
//!
//! Groups named `subject` and `path` say what it is about: the one by its name, the other by its kind of path.

use std::sync::LazyLock;

use claudetools_kernel::Enumeration;

use super::class::{FailureClass, Family};

/// What of an error goes into its key besides class and subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// The rule and the verb: the wording says it all, whatever the version and the shell.
    Rule,
    /// The rule alone: it is the same whatever was called.
    RuleAlone,
    /// The masked text and the verb: the wording is shared by different causes.
    Text,
}

/// One known wording.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) family: Family,
    pub(super) name: &'static str,
    pub(super) class: FailureClass,
    pub(super) keeps: Keeps,
    pub(super) pattern: &'static str,
}

/// The table as it is written; a test holds that every line is read.
pub(super) const TABLE: &str = include_str!("rules.tsv");

/// The table.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| lines().filter_map(read).collect());

/// The lines that are rules.
pub(super) fn lines() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn read(line: &'static str) -> Option<Rule> {
    let mut parts = line.splitn(5, '\t');
    let (family, name, class) = (Family::parse(parts.next()?)?, parts.next()?, FailureClass::parse(parts.next()?)?);
    let keeps = match parts.next()? {
        "rule" => Keeps::Rule,
        "alone" => Keeps::RuleAlone,
        "text" => Keeps::Text,
        _ => return None,
    };
    Some(Rule { family, name, class, keeps, pattern: parts.next()? })
}
