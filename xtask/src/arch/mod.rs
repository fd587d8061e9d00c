//! `cargo xtask arch`: the rules of the repository that no compiler knows, each with its reason.

mod layers;
mod tidy;
mod unused;

pub(crate) use layers::DOMAINS;

use std::collections::BTreeMap;

use crate::{
    failure::{Failure, Result},
    workspace::Workspace,
};

/// A broken rule: where, what, and why the rule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation {
    place: String,
    what: String,
    why: &'static str,
}

/// Checks every rule and names all that are broken.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut violations = layers::check(&workspace.packages);
    let mut sources = Vec::new();
    for file in workspace.files()? {
        if let Some(text) = workspace.text(&file)? {
            violations.extend(tidy::check(&file, &text));
            if tidy::is_rust(&file) {
                sources.push((file, text));
            }
        }
    }
    for package in &workspace.packages {
        violations.extend(unused::check(package, &sources));
    }
    if violations.is_empty() {
        println!("arch: {} packages, {} Rust files, no rule broken", workspace.packages.len(), sources.len());
        return Ok(());
    }
    println!("{}", report(&violations));
    Err(Failure::new(format!("{} places break a rule of the repository", violations.len())))
}

/// Each reason once, with the places that break its rule below it.
fn report(violations: &[Violation]) -> String {
    let mut by_rule: BTreeMap<&str, Vec<&Violation>> = BTreeMap::new();
    for violation in violations {
        by_rule.entry(violation.why).or_default().push(violation);
    }
    let sections: Vec<_> = by_rule
        .iter()
        .map(|(why, violations)| {
            let places: Vec<_> = violations.iter().map(|v| format!("{}: {}", v.place, v.what)).collect();
            format!("{}\n    why: {why}\n", places.join("\n"))
        })
        .collect();
    sections.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_gives_each_reason_once() {
        let violation = |place: &str, why| Violation { place: place.into(), what: "bad".into(), why };
        let text = report(&[violation("a", "first"), violation("b", "second"), violation("c", "first")]);
        assert_eq!(text, "a: bad\nc: bad\n    why: first\n\nb: bad\n    why: second\n");
    }
}
