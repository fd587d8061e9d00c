//! The program `claudetools`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use claudetools_server::cli::{Cli, Command, ConfigAction, KeysAction};
use claudetools_server::commands::{self, CommandError};
use claudetools_server::config::{self, Sources};
use claudetools_server::tls;

fn main() -> ExitCode {
    tls::install_provider();
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the answer has seen enough, as with `claudetools audit list | head`.
        Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell it to if standard error is gone too.
            let _ = writeln!(io::stderr(), "claudetools: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), CommandError> {
    let file = cli.config.clone();
    let sources = || Sources::of_process(file.as_deref());
    let load = || Ok(config::load(&sources())?.config);
    let mut out = io::stdout();
    match cli.into_command() {
        Command::Config {
            action: ConfigAction::Check,
        } => commands::config_check(&sources(), &mut out),
        Command::Keys { action } => commands::keys(action.unwrap_or(KeysAction::List), load, &mut out),
        Command::Health(args) => commands::health(&args, load),
        Command::Serve
        | Command::Migrate { .. }
        | Command::Audit { .. }
        | Command::Accounts { .. }
        | Command::Openapi => Err(io::Error::other("this sub-command is not wired yet").into()),
    }
}
