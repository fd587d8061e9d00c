//! The project's own commands: `cargo xtask help` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "these commands talk to whoever typed them")]

mod affected;
mod arch;
mod bench;
mod deny;
mod eval_patterns;
mod failure;
mod fuzz;
mod http;
mod lines;
mod names;
mod new_resource;
mod openapi;
mod python;
mod schemathesis;
mod seed;
mod server;
mod services;
mod shell;
mod source;
mod steps;
mod suites;
mod torture;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{failure::Result, workspace::Workspace};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every test.
    Test,
    /// Run the gates before a commit: fmt, arch, clippy, deny, openapi, and the tests of what changed.
    Check {
        /// Run every test.
        #[arg(long)]
        all: bool,
    },
    /// Run all that a merge needs: the gates, rustdoc, every test, schemathesis.
    Ci {
        /// Leave the tests out, because they run as a step of their own.
        #[arg(long)]
        without_tests: bool,
    },
    /// Check the direction of dependencies and the rules about the sources.
    Arch,
    /// Check licences, sources, duplicate versions and known weaknesses; installs cargo-deny below target/ if need be.
    Deny,
    /// Regenerate docs/api/openapi.json from the code.
    Openapi,
    /// Try the API with requests generated from its description.
    Schemathesis(schemathesis::Options),
    /// Fill a database with a year of believable work.
    Seed(seed::Options),
    /// Measure the release build against its goals.
    Bench(bench::Options),
    /// Try to make the coordination go wrong, and prove that it did not.
    Torture(torture::Options),
    /// Run the fuzz targets over their seeds, or fuzz them for a while.
    Fuzz(fuzz::Options),
    /// Start, find or stop the database servers and the Redis that the suites need.
    Services {
        #[command(subcommand)]
        action: services::Action,
    },
    /// Score the grouping of failures against a labelled file.
    EvalPatterns(eval_patterns::Options),
    /// Count what an endpoint costs, layer by layer.
    Lines,
    /// Print the checklist for a new resource.
    NewResource(new_resource::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    let workspace = Workspace::load()?;
    match task {
        Task::Test => suites::run(&workspace),
        Task::Check { all } => steps::check(&workspace, *all),
        Task::Ci { without_tests } => steps::ci(&workspace, !without_tests),
        Task::Arch => arch::run(&workspace),
        Task::Deny => steps::deny(&workspace),
        Task::Openapi => openapi::regenerate(&workspace),
        Task::Schemathesis(options) => schemathesis::run(&workspace, options),
        Task::Seed(options) => seed::run(&workspace, options),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Torture(options) => torture::run(&workspace, options),
        Task::Fuzz(options) => fuzz::run(&workspace, options),
        Task::Services { action } => services::run(*action),
        Task::EvalPatterns(options) => eval_patterns::run(options),
        Task::Lines => lines::run(&workspace),
        Task::NewResource(options) => new_resource::run(options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
