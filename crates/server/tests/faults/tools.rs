//! Programs of the system.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

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

/// A directory for the files of a database server. In memory where there is room: on a disk that has a build to write
/// away, each of a server's hundreds of flushes takes as long as the fault under test may last. No fault here is one of the
/// database's own disk.
pub(crate) fn directory_of_a_database() -> TempDir {
    const ROOM: u64 = 1 << 30;
    let memory = Path::new("/dev/shm");
    let free = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(memory).stderr(Stdio::null()).output();
    let free = free.ok().and_then(|df| String::from_utf8_lossy(&df.stdout).lines().nth(1)?.trim().parse::<u64>().ok());
    let place = if free.is_some_and(|free| free > ROOM) { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::tempdir_in(place).expect("a directory for the database")
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
