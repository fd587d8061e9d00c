//! `cargo xtask test`: every test of the repository, and a plain line at the end.

use std::{
    fmt,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use crate::{
    failure::{Failure, Result},
    shell,
    workspace::Workspace,
};

/// What one run of `cargo test` came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The README's test command.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    println!("Storage engines under test: memory and SQLite. Both are part of the build; no server is needed.");
    println!("MariaDB and PostgreSQL are not part of this version's suites.");
    let mut command = shell::cargo(&workspace.root);
    // One failing suite must not hide the next.
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    report(run_counted(&mut command, &mut std::io::stdout().lock())?)
}

/// The tests of some packages.
pub(crate) fn run_packages(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let mut command = shell::cargo(&workspace.root);
    command.args(["test", "--locked", "--no-fail-fast"]);
    for package in packages {
        command.args(["--package", package]);
    }
    report(run_counted(&mut command, &mut std::io::stdout().lock())?)
}

fn report((tally, succeeded): (Tally, bool)) -> Result<()> {
    println!("{tally}");
    match (succeeded, tally.failed) {
        (true, 0) => Ok(()),
        (_, 0) => Err(Failure::new("a suite did not build, or ended before it could report")),
        _ => Err(Failure::new(format!("{} tests failed", tally.failed))),
    }
}

/// Runs a `cargo test`, passes its output through and sums up its result lines.
fn run_counted(command: &mut Command, terminal: &mut dyn Write) -> Result<(Tally, bool)> {
    let broken = |error: std::io::Error| Failure::new(format!("cargo test: {error}"));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(broken)?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        // By bytes: a test may print what is not UTF-8.
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(broken)?;
            terminal.write_all(&line).and_then(|()| terminal.write_all(b"\n")).map_err(broken)?;
            tally.add(&String::from_utf8_lossy(&line));
        }
    }
    let status = child.wait().map_err(broken)?;
    Ok((tally, status.success()))
}

impl Tally {
    /// Counts a line such as `test result: ok. 5 passed; 0 failed; …`; other lines change nothing.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for part in counts.split("; ") {
            match part.split_once(' ').map(|(number, word)| (number.parse::<u64>(), word)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_others_left_alone() {
        let mut tally = Tally::default();
        for line in [
            "running 5 tests",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.01s",
            "the test result: ok. 7 passed; 7 failed",
            "test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ] {
            tally.add(line);
        }
        assert_eq!(tally.to_string(), "6 passed, 3 failed");
    }

    #[test]
    fn output_passes_through_and_is_counted() {
        let mut command = Command::new("sh");
        command.args(["-c", "printf '\\377\\ntest result: ok. 2 passed; 0 failed\\n'; exit 3"]);
        let mut terminal = Vec::new();
        let counted = run_counted(&mut command, &mut terminal).unwrap();
        assert_eq!(counted, (Tally { passed: 2, failed: 0 }, false));
        assert_eq!(terminal, b"\xff\ntest result: ok. 2 passed; 0 failed\n");
    }

    #[test]
    fn success_needs_a_clean_exit_and_no_failure() {
        assert!(report((Tally { passed: 1, failed: 0 }, true)).is_ok());
        assert!(report((Tally { passed: 1, failed: 0 }, false)).is_err());
        assert!(report((Tally { passed: 1, failed: 1 }, false)).unwrap_err().to_string().contains("1 tests failed"));
    }
}
