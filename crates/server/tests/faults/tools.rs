//! Programs of the system.

use std::process::Command;

use tempfile::TempDir;

pub(crate) use claudetools_harness::tools::find;

/// Says what is missing for a test. Where the suites have to be complete, that is a failure.
pub(crate) fn leave_out(what: &str, missing: &str) {
    let complete = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!complete, "{missing} is needed for {what} when CI=true");
    eprintln!("left out, because {missing} is missing: {what}");
}

/// A directory for the files of a database server.
pub(crate) fn directory_of_a_database() -> TempDir {
    claudetools_harness::tools::directory_of_a_database().expect("a directory for the database")
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) {
    claudetools_harness::tools::run(command).expect("a program that succeeds");
}

/// Sends a signal to processes; those that are gone already need none.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    claudetools_harness::tools::signal(name, processes).expect("a shell");
}
