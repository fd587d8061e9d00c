//! The program `claudetools-bench`: the server against its goals. `cargo xtask bench` builds the server and runs it.
//!
//! A scenario is a module with its `Options` and a `run` that starts a [`server::Server`], sends requests over a
//! [`client::Client`] and returns a [`report::Report`]. What is compared is always measured in the same run, by turns:
//! ratios outlive the machine, milliseconds do not.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it talks to whoever typed it")]

mod client;
mod failure;
mod list_depth;
mod login;
mod report;
mod server;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{failure::Result, report::Report};

/// Measure the server against its goals.
#[derive(Debug, Parser)]
#[command(name = "claudetools-bench")]
struct Arguments {
    /// The server's program.
    #[arg(long, default_value = "target/release/claudetools")]
    server: PathBuf,
    /// Where the results go, and databases that later runs use again.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Does the time of a failed log-in tell if there is such an account?
    Login(login::Options),
    /// Does a page deep in the list cost what the first one costs?
    ListDepth(list_depth::Options),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match measure(&arguments).await {
        Ok(report) => {
            print!("{}", report.markdown());
            if report.is_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("claudetools-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    let report = match &arguments.scenario {
        Scenario::Login(options) => login::run(&arguments.server, options).await?,
        Scenario::ListDepth(options) => list_depth::run(&arguments.server, &arguments.output, options).await?,
    };
    report.save(&arguments.output)?;
    Ok(report)
}
