//! The program `claudetools`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use claudetools_server::administration;
use claudetools_server::assembly::StartError;
use claudetools_server::cli::{AccountsAction, AuditAction, Cli, Command, ConfigAction, KeysAction, MigrateAction};
use claudetools_server::commands::{self, CommandError};
use claudetools_server::config::{self, Config, Sources};
use claudetools_server::{credential_commands, import_commands, serve, telemetry, tls, vault_commands};

/// A crowd of connections costs memory while it is there. This allocator gives it back to the system within seconds.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
        Command::Serve => {
            let config: Config = load()?;
            telemetry::init(config.log_format, &config.rust_log)?;
            Ok(on_runtime(serve::serve(&config, &mut out))?)
        }
        Command::Migrate { action } => {
            let action = action.unwrap_or(MigrateAction::Up);
            Ok(on_runtime(administration::migrate(&load()?, action, &mut out))?)
        }
        Command::Audit { action: AuditAction::List(filter) } => {
            Ok(on_runtime(administration::audit(&load()?, &filter, &mut out))?)
        }
        Command::Audit { action: AuditAction::Verify(options) } => {
            Ok(on_runtime(vault_commands::verify(&load()?, &options, &mut out))?)
        }
        Command::Credentials { action } => {
            Ok(on_runtime(credential_commands::credentials(&load()?, action, &mut out))?)
        }
        Command::Import { action } => Ok(on_runtime(import_commands::import(&load()?, &action, &mut out))?),
        Command::Accounts { action } => {
            let action = action.unwrap_or(AccountsAction::List);
            Ok(on_runtime(administration::accounts(&load()?, action, &mut out))?)
        }
        Command::Openapi => {
            let description = serde_json::to_string_pretty(&claudetools_http::description());
            writeln!(out, "{}", description.map_err(io::Error::other)?)?;
            Ok(())
        }
        Command::Config { action: ConfigAction::Check } => commands::config_check(&sources(), &mut out),
        Command::Keys { action: Some(KeysAction::Rotate { options, tokens: false }) } => {
            Ok(on_runtime(vault_commands::rotate(&load()?, options, &mut out))?)
        }
        Command::Keys { action: Some(KeysAction::Rewrap(options)) } => {
            Ok(on_runtime(vault_commands::rewrap(&load()?, options, &mut out))?)
        }
        Command::Keys { action } => commands::keys(action.unwrap_or(KeysAction::List), load, &mut out),
        Command::Health(args) => commands::health(&args, load),
    }
}

/// Runs a command that waits for the database or the network.
fn on_runtime<T>(work: impl Future<Output = Result<T, StartError>>) -> Result<T, StartError> {
    actix_web::rt::System::new().block_on(work)
}
