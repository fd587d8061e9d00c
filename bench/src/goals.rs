//! The goals, from `bench/goals.toml`.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};

const TEXT: &str = include_str!("../goals.toml");

/// Which side of the bound is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Comparison {
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = "<=")]
    AtMost,
}

/// One goal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goal {
    /// The scenario that shows the value.
    pub(crate) scenario: String,
    /// The value's name in the report; `*` stands for any text.
    pub(crate) value: String,
    pub(crate) comparison: Comparison,
    pub(crate) bound: f64,
}

/// All of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goals {
    goal: Vec<Goal>,
}

impl Goals {
    pub(crate) fn load() -> Result<Self> {
        toml::from_str(TEXT).map_err(|error| Failure::Goals(error.to_string()))
    }

    /// Those for a value of a scenario.
    pub(crate) fn of(&self, scenario: &str, value: &str) -> Vec<Goal> {
        self.goal.iter().filter(|goal| goal.scenario == scenario && fits(&goal.value, value)).cloned().collect()
    }
}

impl Goal {
    pub(crate) fn is_met(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtLeast => value >= self.bound,
            Comparison::AtMost => value <= self.bound,
        }
    }

    /// For people: `≥ 0.60`.
    pub(crate) fn text(&self) -> String {
        let sign = match self.comparison {
            Comparison::AtLeast => '≥',
            Comparison::AtMost => '≤',
        };
        format!("{sign} {:.2}", self.bound)
    }
}

/// Whether `text` is `pattern` with some text for each `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| fits(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_each_goal_once() {
        let goals = Goals::load().unwrap();
        for goal in &goals.goal {
            let same = goals.of(&goal.scenario, &goal.value.replace('*', "x"));
            assert_eq!(same.iter().filter(|other| other.comparison == goal.comparison).count(), 1, "{goal:?}");
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("*: list, p99", "sqlite: list, p99", true),
            ("*: list, p99", "sqlite: by id, p99", false),
            ("*: deep / *", "date range: deep / first", true),
            ("a*", "a", true),
            ("a", "ab", false),
            ("*b", "bbb", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_value_that_is_no_number_meets_nothing() {
        let goals = Goals::load().unwrap();
        assert!(!goals.goal.iter().any(|goal| goal.is_met(f64::NAN)));
    }
}
