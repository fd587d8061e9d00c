//! `cargo xtask bench`: the release build against its goals.

use crate::{
    failure::Result,
    server::{Build, build_server},
    shell,
    workspace::Workspace,
};

/// Arguments for `claudetools-bench`, which this runs in its release build.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A scenario and its options, such as `login` or `list-depth --size medium`; `cargo xtask bench -- --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Builds server and benchmark, and runs the scenario.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let server = build_server(workspace, Build::Release)?;
    let mut cargo = shell::cargo(&workspace.root);
    cargo.args(["run", "--release", "--quiet", "--package", "claudetools-bench", "--"]);
    cargo.arg("--server").arg(server);
    cargo.arg("--output").arg(workspace.target.join("bench"));
    shell::run(cargo.args(&options.arguments))
}
