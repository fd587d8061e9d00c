//! Programs of the system.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Where a program is: on the path, or where Debian keeps those that only administrators call.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Says what is missing for a test. Where the suites have to be complete, that is a failure.
pub(crate) fn leave_out(what: &str, missing: &str) {
    let complete = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!complete, "{missing} is needed for {what} when CI=true");
    eprintln!("left out, because {missing} is missing: {what}");
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {text}", output.status);
}

/// Sends a signal to processes; those that are gone already need none.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    for process in processes {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &process.to_string()]).stderr(Stdio::null());
        kill.status().expect("a shell");
    }
}
