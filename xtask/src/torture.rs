//! `cargo xtask torture`: the coordination under faults, and builds that do one thing wrong.

use std::{fs, path::PathBuf};

use crate::{
    failure::{Failure, Result},
    server::{Build, build_bin},
    shell,
    workspace::Workspace,
};

/// What to torture, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The release build; otherwise the one that the tests have built.
    #[arg(long)]
    release: bool,
    /// Arguments for `claudetools-torture`: `run` or `mutants` with their options, such as `run --engine postgres --profile long`;
    /// `cargo xtask torture -- --help` lists them. Without any: what CI runs, 30 seconds on every engine and every mutant.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Builds the server and tortures it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let build = if options.release { Build::Release } else { Build::Debug };
    if options.arguments.is_empty() {
        let all = [&["mutants".to_owned()][..], &["run".to_owned()][..]];
        let outcomes = all.map(|arguments| torture(workspace, build, arguments));
        return outcomes.into_iter().collect();
    }
    torture(workspace, build, &options.arguments)
}

fn torture(workspace: &Workspace, build: Build, arguments: &[String]) -> Result<()> {
    let server = if arguments.iter().any(|argument| argument == "mutants") {
        build_mutants(workspace, build)?
    } else {
        build_bin(workspace, build, "claudetools", &[])?
    };
    let program = build_bin(workspace, build, "claudetools-torture", &[])?;
    let mut torture = shell::command_in(&workspace.root, &program.to_string_lossy());
    torture.arg("--output").arg(workspace.target.join("torture"));
    shell::run(torture.arg("--server").arg(server).args(arguments))
}

/// One build that can do everything wrong; which of it, it is told at its start. Kept beside the right one, which has the same name.
fn build_mutants(workspace: &Workspace, build: Build) -> Result<PathBuf> {
    let program = build_bin(workspace, build, "claudetools", &["--features", "claudetools-server/mutants"])?;
    let kept = workspace.target.join("torture").join("claudetools-mutants");
    fs::create_dir_all(workspace.target.join("torture")).map_err(|error| Failure::at(&kept, error))?;
    fs::copy(&program, &kept).map_err(|error| Failure::at(&program, error))?;
    // Whoever asks for the server next must not be given this one.
    build_bin(workspace, build, "claudetools", &[])?;
    Ok(kept)
}
