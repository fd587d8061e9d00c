//! The program `claudetools-torture`: replicas of the real server, clients that do what they should not, faults, and a proof that
//! nothing came of it. `cargo xtask torture` builds the server and runs it.
//!
//! A run ([`run`]) starts a database and replicas ([`site`]), lets clients loose on them ([`work`]) while things go wrong
//! ([`faults`]), records every call ([`history`]), and hands the record to checks that know nothing of servers ([`check`]).
//! Builds that do one thing wrong ([`mutants`]) prove that the checks see it.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it talks to whoever typed it")]

mod api;
mod check;
mod clock;
mod dice;
mod failure;
mod faults;
mod history;
mod mutants;
mod plan;
mod reconcile;
mod registers;
mod report;
mod run;
mod site;
mod wire;
mod work;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};
use tokio::task::LocalSet;

use crate::{
    failure::{Failure, Result},
    mutants::MUTANTS,
    plan::{Engine, Faults, Plan},
    report::Report,
};

/// Try to make the coordination go wrong, and prove that it did not.
#[derive(Debug, Parser)]
#[command(name = "claudetools-torture")]
struct Arguments {
    /// The server's program; for mutants a build with the feature `mutants`.
    #[arg(long, global = true, default_value = "target/release/claudetools")]
    server: PathBuf,
    /// Where the reports go, and what is slow to make is kept.
    #[arg(long, global = true, default_value = "target/torture")]
    output: PathBuf,
    /// Seeds the choices of all clients.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Torture the server on one engine after another.
    Run(Options),
    /// Torture builds that each do one thing wrong, and demand that each is caught.
    Mutants {
        /// Only these.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Be a writer. For the other commands.
    #[command(hide = true)]
    Writer(work::writer::Options),
}

/// How long, how many.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    /// 30 seconds, 2 replicas, 24 clients.
    Short,
    /// 10 minutes, 3 replicas, 50 clients, and a minute without a database.
    Long,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// The engines, with commas between; all of them unless given.
    #[arg(long, value_enum, value_delimiter = ',')]
    engine: Vec<Engine>,
    #[arg(long, value_enum, default_value_t = Profile::Short)]
    profile: Profile,
    /// Instead of the profile's.
    #[arg(long)]
    seconds: Option<u64>,
    /// Instead of the profile's; on SQLite there is always one.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=9))]
    replicas: Option<u8>,
    /// Instead of the profile's.
    #[arg(long, value_parser = clap::value_parser!(u16).range(16..=1_000))]
    clients: Option<u16>,
    /// Let nothing go wrong.
    #[arg(long)]
    calm: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // One thread: the machine belongs to the servers, and nothing that is recorded needs a lock.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Failure::from).and_then(|runtime| {
        let local = LocalSet::new();
        local.block_on(&runtime, go(arguments))
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("claudetools-torture: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked for; whether all is as it should be.
async fn go(arguments: Arguments) -> Result<bool> {
    let Arguments { server, output, seed, task } = arguments;
    if let Task::Writer(options) = task {
        return work::writer::run(options).await.map(|()| true);
    }
    fs::create_dir_all(&output).map_err(|error| Failure::File(output.clone(), error))?;
    match task {
        Task::Run(options) => all_engines(&options, &server, &output, seed).await,
        Task::Mutants { only } => all_mutants(&only, &server, &output, seed).await,
        Task::Writer(_) => Ok(true),
    }
}

async fn all_engines(options: &Options, server: &Path, output: &Path, seed: u64) -> Result<bool> {
    let engines = if options.engine.is_empty() { &Engine::ALL[..] } else { &options.engine[..] };
    let (mut rows, mut is_right) = (vec![Report::head().to_owned()], true);
    for engine in engines {
        let report = run::run(options.plan(*engine, server, seed), output).await?;
        report.save(output)?;
        println!("{}", report.markdown());
        rows.push(report.row());
        is_right &= report.is_right();
    }
    println!("{}", rows.join("\n"));
    Ok(is_right)
}

async fn all_mutants(only: &[String], server: &Path, output: &Path, seed: u64) -> Result<bool> {
    let (mut rows, mut are_caught) = (vec!["| mutant | engine | caught by |\n|---|---|---|".to_owned()], true);
    for mutant in MUTANTS.iter().filter(|mutant| only.is_empty() || only.iter().any(|name| name == mutant.name)) {
        let (is_caught, report) = mutants::is_caught(mutant, server, seed, output).await?;
        report.save(output)?;
        println!("{}", report.markdown());
        let mut checks: Vec<_> = report.outcome.violations.iter().map(|violation| violation.check).collect();
        checks.sort_unstable();
        checks.dedup();
        let by = if is_caught { checks.join(", ") } else { "NOTHING".to_owned() };
        rows.push(format!("| {} | {} | {by} |", mutant.name, report.engine.name()));
        are_caught &= is_caught;
    }
    println!("{}", rows.join("\n"));
    Ok(are_caught)
}

impl Options {
    fn plan(&self, engine: Engine, server: &Path, seed: u64) -> Plan {
        let (seconds, replicas, clients, faults) = match self.profile {
            Profile::Short => (30, 2, 24, Faults::MOST),
            Profile::Long => (600, 3, 50, Faults::ALL),
        };
        let replicas = self.replicas.map_or(replicas, usize::from);
        Plan {
            program: server.to_owned(),
            engine,
            // SQLite is one process, unless it is asked for more.
            replicas: if engine == Engine::Sqlite { self.replicas.map_or(1, usize::from) } else { replicas },
            clients: self.clients.map_or(clients, usize::from),
            lasting: Duration::from_secs(self.seconds.unwrap_or(seconds)),
            faults: if self.calm { Faults::NONE } else { faults },
            seed,
            mutant: None,
        }
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
