//! `cargo xtask seed`: a year of believable work.

use crate::{
    failure::Result,
    server::{Build, build_bin},
    shell,
    workspace::Workspace,
};

/// Arguments for `claudetools-seed`, which this runs in its release build.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Such as `--size medium --seed 7`; `cargo xtask seed -- --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Builds the program and runs it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let program = build_bin(workspace, Build::Release, "claudetools-seed", &[])?;
    shell::run(shell::command_in(&workspace.root, &program.to_string_lossy()).args(&options.arguments))
}
