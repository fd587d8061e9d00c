//! Rules about the text of the files.

use super::Violation;
use crate::source::{Strings, code};

/// The most lines a source file may have.
const MAX_LINES: usize = 600;

const WHY_LENGTH: &str = "a file one can hold in mind; split it along its subjects";
const WHY_UNFINISHED: &str = "what is merged works: an unfinished path would fail at the customer's";
const WHY_IGNORED: &str = "a test that does not run proves nothing and rots; repair it or remove it";
const WHY_REASON: &str =
    "an exception from a lint says why, so that the next reader can tell whether it still holds: add `reason = \"…\"`";
const WHY_PATHS: &str =
    "a path of one machine breaks on every other; make it relative, or ask the system for a temporary folder";

/// Whether a file is Rust source.
pub(super) fn is_rust(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, extension)| extension == "rs")
}

/// Checks one file, named relative to the root.
pub(super) fn check(file: &str, text: &str) -> Vec<Violation> {
    let mut violations = machine_paths(file, text);
    if is_rust(file) {
        let code = code(text, Strings::Mask);
        violations.extend(length(file, text));
        violations.extend(unfinished(file, &code));
        violations.extend(unreasoned(file, &code));
    }
    violations
}

fn at(file: &str, line: usize, what: String, why: &'static str) -> Violation {
    Violation { place: format!("{file}:{line}"), what, why }
}

fn length(file: &str, text: &str) -> Option<Violation> {
    let lines = text.lines().count();
    let limited = file.starts_with("crates/") && file.contains("/src/");
    (limited && lines > MAX_LINES)
        .then(|| at(file, MAX_LINES + 1, format!("{lines} lines, at most {MAX_LINES} are allowed"), WHY_LENGTH))
}

fn unfinished(file: &str, code: &str) -> Vec<Violation> {
    let rules = [("todo!(", WHY_UNFINISHED), ("unimplemented!(", WHY_UNFINISHED), ("#[ignore", WHY_IGNORED)];
    let lines = code.lines().zip(1..);
    lines
        .flat_map(|(line, number)| {
            let broken = rules.iter().filter(move |(word, _)| line.contains(word));
            broken.map(move |(word, why)| at(file, number, format!("`{word}`"), why))
        })
        .collect()
}

/// Lint exceptions, `allow` and `expect`, without a reason.
fn unreasoned(file: &str, code: &str) -> Vec<Violation> {
    let starts = ["#[allow(", "#![allow(", "#[expect(", "#![expect("];
    let found = starts.iter().flat_map(|start| code.match_indices(start));
    found
        .filter_map(|(offset, start)| {
            let attribute = code[offset..].split_once(")]").map_or(&code[offset..], |(inside, _)| inside);
            let line = code[..offset].lines().count().max(1) + usize::from(code[..offset].ends_with('\n'));
            (!attribute.contains("reason ="))
                .then(|| at(file, line, format!("`{start}…)]` without a reason"), WHY_REASON))
        })
        .collect()
}

/// Absolute paths that exist on the machine of whoever wrote them.
fn machine_paths(file: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for folder in ["root", "home", "work"] {
            let path = format!("/{folder}/");
            let absolute = line.match_indices(&path).any(|(offset, _)| {
                // `docs/work/` and `https://example.org/work/` go on from something; a machine's path does not.
                !line[..offset].ends_with(|last: char| last.is_alphanumeric() || "._-}/)*".contains(last))
            });
            if absolute {
                violations.push(at(file, number, format!("an absolute path `{path}…`"), WHY_PATHS));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(file: &str, text: &str) -> Vec<(String, &'static str)> {
        check(file, text).into_iter().map(|violation| (violation.place, violation.why)).collect()
    }

    #[test]
    fn a_file_of_six_hundred_lines_passes_and_one_more_does_not() {
        assert!(broken("crates/a/src/lib.rs", &"//\n".repeat(600)).is_empty());
        let one_more = "//\n".repeat(601);
        assert_eq!(broken("crates/a/src/lib.rs", &one_more), [("crates/a/src/lib.rs:601".into(), WHY_LENGTH)]);
        assert!(broken("crates/a/tests/it.rs", &one_more).is_empty());
    }

    #[test]
    fn unfinished_code_is_found_but_not_in_comments_and_strings() {
        let text = "fn a() {\n    todo!()\n}\n// todo!(x)\nlet b = \"unimplemented!()\";\nunimplemented!(\"c\")";
        assert_eq!(broken("a.rs", text), [("a.rs:2".into(), WHY_UNFINISHED), ("a.rs:6".into(), WHY_UNFINISHED)]);
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(broken("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}"), [("a.rs:2".into(), WHY_IGNORED)]);
    }

    #[test]
    fn an_exception_needs_its_reason() {
        let text = "#![allow(a)]\n#[expect(\n    b,\n    reason = \"c\"\n)]\nfn d() {}\n\n#[allow(e)]\nfn f() {}";
        assert_eq!(broken("a.rs", text), [("a.rs:8".into(), WHY_REASON), ("a.rs:1".into(), WHY_REASON)]);
    }

    #[test]
    fn machine_paths_are_found_in_every_text() {
        let path = format!("see {}home/somebody/project", '/');
        assert_eq!(broken("docs/a.md", &path), [("docs/a.md:1".into(), WHY_PATHS)]);
        assert!(broken("docs/a.md", "docs/work/a.md, https://example.org/home/a, /api/v1/work-items").is_empty());
    }
}
