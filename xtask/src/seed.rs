//! `cargo xtask seed`: a year of believable work.

use crate::{failure::Result, shell, workspace::Workspace};

/// Arguments for `claudetools-seed`, which this runs in its release build.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Such as `--size medium --seed 7`; `cargo xtask seed -- --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Builds the program and runs it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut cargo = shell::cargo(&workspace.root);
    cargo.args(["run", "--release", "--quiet", "--package", "claudetools-seed", "--"]);
    shell::run(cargo.args(&options.arguments))
}
