//! `cargo xtask bench`: the release build against its goals.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, Result},
    server::{Build, build_bin, build_server},
    shell,
    workspace::Workspace,
};

/// The `FastAPI` peer, relative to the root.
const PEER: &str = "bench/peers/fastapi";
/// The scenarios that it takes part in.
const WITH_PEER: [&str; 2] = ["fastapi", "all"];

/// Arguments for `claudetools-bench`, which this runs in its release build.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// `all`, or a scenario and its options, such as `list --engine postgres`; `cargo xtask bench -- --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Builds server and benchmark, and runs the scenario.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let server = build_server(workspace, Build::Release)?;
    let program = build_bin(workspace, Build::Release, "claudetools-bench", &[])?;
    let mut bench = shell::command_in(&workspace.root, &program.to_string_lossy());
    bench.arg("--server").arg(server);
    bench.arg("--output").arg(workspace.target.join("bench"));
    bench.arg("--fastapi").arg(workspace.root.join(PEER));
    if options.arguments.iter().any(|argument| WITH_PEER.contains(&argument.as_str())) {
        bench.arg("--python").arg(install_peer(workspace)?);
    }
    shell::run(bench.args(&options.arguments))
}

/// The Python environment with the peer's packages, which is made anew when they have changed.
fn install_peer(workspace: &Workspace) -> Result<PathBuf> {
    let wanted = workspace.root.join(PEER).join("requirements.txt");
    let environment = workspace.target.join("tools").join("fastapi-peer");
    let installed = environment.join("requirements.txt");
    let text = read(&wanted)?;
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == text) {
        return Ok(environment);
    }
    if !shell::is_on_path("python3") {
        return Err(Failure::new("the FastAPI peer needs python3 with its venv module"));
    }
    let place = environment.to_string_lossy();
    println!("installing the FastAPI peer into {place}");
    // `--clear`: what an interrupted installation has left behind is no start.
    shell::run(shell::command_in(&workspace.root, "python3").args(["-m", "venv", "--clear", &place]))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    let python = environment.join("bin/python");
    shell::run(shell::command_in(&workspace.root, &python.to_string_lossy()).args(pip).arg(&wanted))?;
    // Last: only a finished environment says what it holds.
    fs::write(&installed, text).map_err(|error| Failure::at(&installed, error))?;
    Ok(environment)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Failure::at(path, error))
}
