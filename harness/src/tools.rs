//! Programs of the system.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use tempfile::TempDir;

use crate::{Failure, Result};

/// Where a program is: on the path, or where Debian keeps those that only administrators call.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The library that gives a program another time than the system's: Debian's `libfaketime`.
pub fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("faketime")));
    let found = folders.chain([PathBuf::from("/usr/lib/faketime")]).map(|folder| folder.join("libfaketimeMT.so.1"));
    found.into_iter().find(|file| file.is_file())
}

/// A port on which nothing listens. Not one of those that the system gives to whoever connects: while a server is away,
/// somebody who tries to reach it could be given its port and meet himself.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 100).unwrap_or_default() * 100;
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A directory for the files of a database server. In memory where there is room: on a disk that has a build to write
/// away, each of a server's hundreds of flushes takes as long as the fault under test may last. No fault here is one of the
/// database's own disk.
///
/// # Errors
/// When it cannot be made.
pub fn directory_of_a_database() -> Result<TempDir> {
    const ROOM: u64 = 1 << 30;
    let memory = Path::new("/dev/shm");
    let free = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(memory).stderr(Stdio::null()).output();
    let free = free.ok().and_then(|df| String::from_utf8_lossy(&df.stdout).lines().nth(1)?.trim().parse::<u64>().ok());
    let place = if free.is_some_and(|free| free > ROOM) { memory.to_owned() } else { std::env::temp_dir() };
    Ok(tempfile::tempdir_in(place)?)
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started, or does not succeed; with what it said.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::File(command.get_program().into(), error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Server(format!("{} ended with {}: {text}", command.get_program().display(), output.status)))
}

/// Sends a signal (`KILL`, `STOP`, `CONT`, `TERM`) to processes; those that are gone already need none.
///
/// # Errors
/// When there is no shell to send it with: the standard library knows no signal but the one that kills.
pub fn signal(name: &str, processes: &[u32]) -> Result<()> {
    for process in processes {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &process.to_string()]).stderr(Stdio::null());
        kill.status()?;
    }
    Ok(())
}
