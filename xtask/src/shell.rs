//! Running other programs.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::failure::{Failure, Result};

/// `cargo`, the one that runs this command.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = command_in(root, &std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    if is_ci() {
        // A CI machine builds once and throws the tree away; incremental state would only cost time and disk.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// A program, started in a folder.
pub(crate) fn command_in(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    command
}

/// Whether this runs on a CI machine.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Runs a program with the terminal as its own; a non-zero exit is a failure.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let text = describe(command);
    let status = command.status().map_err(|error| Failure::new(format!("{text}: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{text}` ended with {status}"))) }
}

/// Runs a program and returns what it printed; a non-zero exit is a failure that quotes its error output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let text = describe(command);
    let output = capture(command)?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("`{text}` ended with {}\n{}", output.status, error.trim_end())));
    }
    String::from_utf8(output.stdout).map_err(|_| Failure::new(format!("`{text}` printed something that is not UTF-8")))
}

/// Runs a program and returns its output, however it ended.
pub(crate) fn capture(command: &mut Command) -> Result<Output> {
    let text = describe(command);
    command.stdin(Stdio::null()).output().map_err(|error| Failure::new(format!("{text}: {error}")))
}

/// Whether a program is on the PATH.
pub(crate) fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The command as one would type it.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    // A log must not carry the token a tool was given.
    words
        .iter_mut()
        .filter(|word| word.starts_with("Authorization:"))
        .for_each(|word| *word = "Authorization: …".into());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_without_its_token() {
        let mut command = Command::new("false");
        command.args(["-H", "Authorization: Bearer secret"]);
        let failure = run(&mut command).unwrap_err().to_string();
        assert!(failure.contains("false -H Authorization: …"), "{failure}");
        assert!(!failure.contains("secret"));
    }

    #[test]
    fn output_is_read() {
        assert_eq!(read(Command::new("echo").arg("hello")).unwrap(), "hello\n");
    }
}
