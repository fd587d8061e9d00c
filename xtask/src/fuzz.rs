//! The fuzz targets of `fuzz/`: over their seeds, which every merge needs, or for a while.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    failure::{Failure, Result},
    shell,
    workspace::Workspace,
};

/// Installed below the target folder where it is not on the path.
const CARGO_FUZZ: (&str, &str) = ("cargo-fuzz", "0.13.2");

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Fuzz each target for so many seconds instead.
    #[arg(long)]
    seconds: Option<u32>,
    /// This target alone.
    #[arg(long, requires = "seconds")]
    target: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match options.seconds {
        None => seeds(workspace),
        Some(seconds) => search(workspace, seconds, options.target.as_deref()),
    }
}

/// Runs every target over its seeds and builds what `cargo fuzz` would run.
pub(crate) fn seeds(workspace: &Workspace) -> Result<()> {
    let cargo = |arguments: &[&str]| {
        let mut command = shell::cargo(&workspace.root.join("fuzz"));
        command.args(arguments).arg("--target-dir").arg(folder(workspace));
        command
    };
    shell::run(&mut cargo(&["test"]))?;
    shell::run(&mut cargo(&["build", "--features", "libfuzzer", "--bins"]))
}

fn search(workspace: &Workspace, seconds: u32, only: Option<&str>) -> Result<()> {
    let targets: Vec<String> = targets(workspace)?.into_iter().filter(|name| only.is_none_or(|o| o == name)).collect();
    if targets.is_empty() {
        return Err(Failure::new("there is no such target in fuzz/fuzz_targets"));
    }
    let program = cargo_fuzz(workspace)?;
    for target in targets {
        println!("\n── {target}, {seconds} s");
        let mut command = Command::new(&program);
        // Without a sanitizer the stable toolchain does: what is fuzzed is safe Rust, where a fault is a panic.
        command.current_dir(workspace.root.join("fuzz")).args([
            "run",
            "--features",
            "libfuzzer",
            "--sanitizer",
            "none",
        ]);
        command.arg("--target-dir").arg(folder(workspace)).arg(&target);
        let corpus = format!("corpus/{target}");
        fs::create_dir_all(workspace.root.join("fuzz").join(&corpus))
            .map_err(|error| Failure::new(format!("fuzz/{corpus}: {error}")))?;
        // What is found goes to the first folder, which is not kept; the seeds are the second.
        command.arg(corpus).arg(format!("seeds/{target}")).arg("--");
        command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
        shell::run(&mut command)?;
    }
    Ok(())
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("fuzz")
}

fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let path = workspace.root.join("fuzz/fuzz_targets");
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let mut names = Vec::new();
    for file in fs::read_dir(&path).map_err(failed)? {
        let file = file.map_err(failed)?.path();
        names.extend(file.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort_unstable();
    Ok(names)
}

fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    let (name, version) = CARGO_FUZZ;
    if shell::is_on_path(name) {
        return Ok(PathBuf::from(name));
    }
    let root = workspace.target.join("tools").join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if !program.is_file() {
        println!("installing {name} {version} into {}", root.display());
        let mut install = shell::cargo(&workspace.root);
        install.args(["install", name, "--version", version, "--locked", "--root"]).arg(&root);
        shell::run(&mut install)?;
    }
    Ok(program)
}
