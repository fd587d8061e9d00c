//! The program `claudetools-bench`: the server against its goals. `cargo xtask bench` builds the server and runs it.
//!
//! A scenario (`scenario/`) starts servers on databases of their own ([`lineup`], [`data`]), puts load on them by turns
//! ([`load`], [`rounds`]) and returns a [`report::Report`], which holds what was seen against `goals.toml`. What is compared
//! is always measured in the same run: ratios outlive the machine, milliseconds do not.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it talks to whoever typed it")]

mod data;
mod failure;
mod goals;
mod lineup;
mod load;
mod peer;
mod report;
mod rounds;
mod scenario;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::{Parser, Subcommand};
use claudetools_harness::{client, process, server};

use crate::{
    data::{Databases, Engine, Servers},
    failure::{Failure, Result},
    goals::Goals,
    lineup::{Bench, Thoroughness},
    report::Report,
    scenario::{
        check, create, events, fastapi, growth, imported, list_depth, locks, login, memory, mixed, reads, start, storm,
        vault,
    },
};

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
    /// The Python environment of the `FastAPI` peer.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The source of the `FastAPI` peer.
    #[arg(long, default_value = "bench/peers/fastapi")]
    fastapi: PathBuf,
    /// The engines to measure on, with commas between: SQLite unless given, every one for `all`.
    #[arg(long, global = true, value_enum, value_delimiter = ',')]
    engine: Vec<Engine>,
    #[command(flatten)]
    thoroughness: Thoroughness,
    #[command(flatten)]
    servers: Servers,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Clone, Subcommand)]
enum Scenario {
    /// Every scenario, one after another.
    All,
    /// Does the time of a failed log-in tell if there is such an account? (SQLite)
    Login(login::Options),
    /// Do log-ins hold up everybody else? (SQLite)
    LoginStorm,
    /// Does a page deep in the list cost what the first one costs? (SQLite)
    ListDepth(list_depth::Options),
    /// One session by its id, against a bare peer; and the audit log on and off.
    ById,
    /// Pages of fifty sessions, against a bare peer; and the audit log on and off.
    List,
    /// New sessions by one writer and by sixteen, against bare peers. (SQLite)
    Create,
    /// New sessions with and without an idempotency key.
    Idempotent,
    /// Nine reads for each write, against a bare peer.
    Mixed,
    /// From the start to the first answer, and the memory until then. (SQLite)
    Start,
    /// The memory under load.
    Memory,
    /// A page of a million sessions against one of ten thousand, by each filter.
    Growth,
    /// Against a `FastAPI` server.
    Fastapi,
    /// The vault: sealing, decrypts, rotation, verification.
    Vault,
    /// Locks taken and given back, against etcd and Redis.
    Locks,
    /// From a write to a thousand who listen at another replica.
    Events,
    /// The check of a command before it is run, among ten thousand patterns.
    FailureCheck,
    /// The detail of a client imported from `NetBox`.
    ImportedClient(imported::Options),
    /// Be a bare peer. For the other commands.
    #[command(hide = true)]
    Peer(peer::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if let Scenario::Peer(options) = arguments.scenario {
        actix_web::rt::System::new().block_on(peer::serve(options)).map(|()| true)
    } else {
        // One thread: the generator is to leave the machine to the servers.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(measure(&arguments)))
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("claudetools-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what was asked for; whether every goal was met.
async fn measure(arguments: &Arguments) -> Result<bool> {
    let bench = Bench {
        program: arguments.server.clone(),
        python: arguments.python.clone(),
        fastapi: arguments.fastapi.clone(),
        databases: Databases::new(&arguments.output, arguments.servers.clone())?,
        thoroughness: arguments.thoroughness.clone(),
        goals: Goals::load()?,
    };
    let begun = Instant::now();
    let outcome = match &arguments.scenario {
        Scenario::All => measure_all(&bench, arguments).await,
        scenario => {
            let engines = if arguments.engine.is_empty() { &[Engine::Sqlite] } else { &arguments.engine[..] };
            measure_one(&bench, scenario, engines, &arguments.output).await.map(|reports| is_met(&reports))
        }
    };
    // Whatever came of it: no database is to stay behind.
    bench.databases.remove().await?;
    println!("\nin {} s", begun.elapsed().as_secs());
    outcome
}

/// Every scenario. One that cannot be measured does not keep the others from it, but counts as missed.
async fn measure_all(bench: &Bench, arguments: &Arguments) -> Result<bool> {
    let engines = if arguments.engine.is_empty() { &Engine::ALL } else { &arguments.engine[..] };
    // A million rows on a server take minutes to seed.
    let is_quick = !bench.thoroughness.thorough && arguments.engine.is_empty();
    let sqlite = &[Engine::Sqlite];
    let scenarios = [
        (Scenario::Start, &sqlite[..]),
        (Scenario::ById, engines),
        (Scenario::List, engines),
        (Scenario::Create, sqlite),
        (Scenario::Idempotent, engines),
        (Scenario::Mixed, engines),
        (Scenario::Memory, engines),
        (Scenario::Login(login::Options::default()), sqlite),
        (Scenario::LoginStorm, sqlite),
        (Scenario::ListDepth(list_depth::Options::default()), sqlite),
        (Scenario::Growth, if is_quick { sqlite } else { engines }),
        (Scenario::Fastapi, engines),
        (Scenario::Vault, engines),
        (Scenario::Locks, engines),
        (Scenario::Events, engines),
        (Scenario::FailureCheck, engines),
        (Scenario::ImportedClient(imported::Options::default()), engines),
    ];
    let (mut reports, mut failures) = (Vec::new(), Vec::new());
    for (scenario, engines) in &scenarios {
        for engine in *engines {
            let begun = Instant::now();
            match measure_one(bench, scenario, &[*engine], &arguments.output).await {
                Ok(measured) => reports.extend(measured),
                Err(failure) => {
                    eprintln!("{scenario:?} on {}: {failure}", engine.name());
                    failures.push(format!("{scenario:?} on {} could not be measured: {failure}", engine.name()));
                }
            }
            println!("({} s)\n", begun.elapsed().as_secs());
        }
    }
    let summary = summary(&reports, &failures);
    let path = arguments.output.join("goals.md");
    fs::write(&path, &summary).map_err(|error| Failure::File(path, error))?;
    print!("{summary}");
    Ok(failures.is_empty() && is_met(&reports))
}

async fn measure_one(bench: &Bench, scenario: &Scenario, engines: &[Engine], output: &Path) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for &engine in engines {
        let report = match scenario {
            Scenario::Login(options) => login::run(bench, options).await?,
            Scenario::LoginStorm => storm::run(bench).await?,
            Scenario::ListDepth(options) => list_depth::run(bench, options).await?,
            Scenario::ById => reads::run(bench, reads::What::ById, engine).await?,
            Scenario::List => reads::run(bench, reads::What::List, engine).await?,
            Scenario::Create => create::run(bench).await?,
            Scenario::Idempotent => create::run_idempotent(bench, engine).await?,
            Scenario::Mixed => mixed::run(bench, engine).await?,
            Scenario::Start => start::run(bench).await?,
            Scenario::Memory => memory::run(bench, engine).await?,
            Scenario::Growth => growth::run(bench, engine).await?,
            Scenario::Fastapi => fastapi::run(bench, engine).await?,
            Scenario::Vault => vault::run(bench, engine).await?,
            Scenario::Locks => locks::run(bench, engine).await?,
            Scenario::Events => events::run(bench, engine).await?,
            Scenario::FailureCheck => check::run(bench, engine).await?,
            Scenario::ImportedClient(options) => imported::run(bench, options, engine).await?,
            Scenario::All | Scenario::Peer(_) => continue,
        };
        report.save(output)?;
        println!("{}", report.markdown());
        reports.push(report);
    }
    Ok(reports)
}

fn is_met(reports: &[Report]) -> bool {
    reports.iter().all(Report::is_met)
}

/// All goals in one table.
fn summary(reports: &[Report], failures: &[String]) -> String {
    let mut text = String::from("| scenario | value | seen | goal | |\n|---|---|---|---|---|\n");
    for row in reports.iter().flat_map(Report::goal_rows) {
        text.push_str(&row);
        text.push('\n');
    }
    for failure in failures {
        text.push_str("\n- ");
        text.push_str(failure);
        text.push('\n');
    }
    text
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
