//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::NaiveDate;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use claudetools_credentials::import::ImportFormat;
use claudetools_kernel::{Enumeration, Scope};
use uuid::Uuid;

/// The claudetools server and its administration.
#[derive(Debug, Parser)]
#[command(name = "claudetools", version, max_term_width = 110)]
pub struct Cli {
    /// The configuration file [default: claudetools.toml, when there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do [default: serve]
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// The command, which is `serve` when none is given.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve)
    }
}

/// The sub-commands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the API; on first start make the database, the token key and the admin account
    Serve,
    /// Bring the database to this version's schema, tell where it stands, or go back
    Migrate {
        /// What to do [default: up]
        #[command(subcommand)]
        action: Option<MigrateAction>,
    },
    /// The vault's master keys, and the keys that sign access tokens
    Keys {
        /// What to do [default: list]
        #[command(subcommand)]
        action: Option<KeysAction>,
    },
    /// The API audit log, and the audit chain of the vault
    Audit {
        /// What to do
        #[command(subcommand)]
        action: AuditAction,
    },
    /// The credentials of the vault, in and out of files
    Credentials {
        /// What to do
        #[command(subcommand)]
        action: CredentialsAction,
    },
    /// Take over what another product knows
    Import {
        /// What to take over
        #[command(subcommand)]
        action: ImportAction,
    },
    /// The accounts that may log in
    Accounts {
        /// What to do [default: list]
        #[command(subcommand)]
        action: Option<AccountsAction>,
    },
    /// The configuration
    Config {
        /// What to do
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Print the `OpenAPI` description as JSON
    Openapi,
    /// Ask a running server whether it is alive; exit code 0 or 1, for container probes
    Health(HealthArgs),
}

/// What `migrate` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum MigrateAction {
    /// Apply all migrations that are missing
    Up,
    /// List the migrations and whether each is applied
    Status,
    /// Take back the latest migrations, with the data in what they made
    Down {
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
        /// Confirms that data may be lost; without it nothing is done
        #[arg(long)]
        yes: bool,
    },
}

/// What `keys` can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum KeysAction {
    /// List the ids of all keys, those in force first
    List,
    /// Put a new master key into the key file and wrap all data keys of the vault with it, while the server runs; with
    /// --tokens: put a new signing key into the file of token keys, whose earlier tokens stay valid
    Rotate {
        /// What to rotate, and how
        #[command(flatten)]
        options: RewrapOptions,
        /// The key that signs access tokens instead of the master key
        #[arg(long, conflicts_with = "reencrypt")]
        tokens: bool,
    },
    /// Go on with a rotation of the master key that was broken off, or that a new key in `MASTER_KEYS` began
    Rewrap(RewrapOptions),
    /// Print a new key for `JWT_SECRET_KEY` or, behind an id and a colon, for `MASTER_KEYS`
    Generate,
}

/// How data keys are wrapped anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct RewrapOptions {
    /// Make new data keys too, and encrypt every secret anew
    #[arg(long)]
    pub reencrypt: bool,
}

/// What `audit` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum AuditAction {
    /// Print rows of the API audit log, latest first
    List(AuditFilter),
    /// Verify the audit chain of the vault; exit code 1 and the first row that is wrong when it was doctored
    Verify(VerifyOptions),
}

/// How the audit chain is verified.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct VerifyOptions {
    /// Begin with this row, and take the one before as it is
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub since: Option<i64>,
    /// A head noted before, as `audit verify` and the server's log show it: it must still be a part of the chain
    #[arg(long, value_name = "SEQ:HASH")]
    pub head: Option<NotedHead>,
}

/// A head of the audit chain that was noted outside of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotedHead {
    /// The place of its row.
    pub seq: i64,
    /// The hash of that row.
    pub hash: [u8; 32],
}

impl FromStr for NotedHead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once(':').and_then(|(seq, hash)| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(hash, &mut bytes).ok()?;
            Some(Self { seq: seq.parse().ok().filter(|seq| *seq >= 0)?, hash: bytes })
        });
        parsed.ok_or("it must be a number, a colon and 64 hexadecimal digits")
    }
}

/// Which rows of the API audit log to print.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct AuditFilter {
    /// Of this caller: an e-mail address, or `agent:<type>`
    #[arg(long)]
    pub subject: Option<String>,
    /// Of this route template, such as `/api/v1/sessions/{id}`
    #[arg(long)]
    pub route: Option<String>,
    /// With this HTTP status
    #[arg(long, value_parser = clap::value_parser!(u16).range(100..=599))]
    pub status: Option<u16>,
    /// From this day on (UTC)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<NaiveDate>,
    /// Up to this day and with it (UTC)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<NaiveDate>,
    /// Of this request
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    pub json: bool,
}

/// What `credentials` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum CredentialsAction {
    /// Enter the credentials of another product's export, with a report of every row
    Import(ImportArgs),
    /// Write the whole vault into a file under a passphrase; every credential leaves a row in the audit chain
    Export {
        /// The file to make
        file: PathBuf,
        /// Where the passphrase comes from
        #[command(flatten)]
        passphrase: PassphraseSource,
    },
    /// Read such a file back, where none of its credentials is, all or nothing
    Restore {
        /// The file
        file: PathBuf,
        /// Where the passphrase comes from
        #[command(flatten)]
        passphrase: PassphraseSource,
    },
}

/// Where a passphrase comes from: never from an argument, which every process of the machine can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct PassphraseSource {
    /// Read the passphrase, at least 12 characters, from the first line of standard input
    #[arg(long, required = true)]
    pub passphrase_stdin: bool,
}

/// What is imported, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ImportArgs {
    /// The file
    pub file: PathBuf,
    /// What it is: a table as of IT Glue or Hudu, the XML of `KeePass` 2, or Bitwarden's JSON
    #[arg(long, value_parser = format_parser())]
    pub format: ImportFormat,
    /// The id of the client of rows that name none
    #[arg(long, value_name = "ID")]
    pub client: Option<Uuid>,
    /// Leave out rows that cannot be taken; otherwise one of them keeps all others out too
    #[arg(long)]
    pub skip_faulty: bool,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What `import` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ImportAction {
    /// The inventory of `NetBox`, out of what its `manage.py dumpdata` writes; again for what has changed since
    Netbox(NetboxArgs),
}

/// What is taken over of `NetBox`, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct NetboxArgs {
    /// The file: JSON, or JSON in gzip
    pub file: PathBuf,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What `accounts` can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum AccountsAction {
    /// List all accounts
    List,
    /// Make an account
    Create {
        /// Its e-mail address
        email: String,
        /// Its highest scope; the lower ones are included
        #[arg(long, value_parser = scope_parser(), default_value = "msp:write")]
        scope: Scope,
        /// Where its password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Replace the password of an account; ends all its refresh tokens
    SetPassword {
        /// Its e-mail address
        email: String,
        /// Where the new password comes from
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Keep an account from logging in
    Deactivate {
        /// Its e-mail address
        email: String,
    },
    /// Let an account log in again
    Activate {
        /// Its e-mail address
        email: String,
    },
}

/// Where a password comes from: never from an argument, which every process of the machine can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
    /// Make a random password and print it once
    #[arg(long)]
    pub generate: bool,
}

/// What `config` can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigAction {
    /// Check everything and print what is in force, with its origin and with secrets masked
    Check,
}

/// Whom `health` asks.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct HealthArgs {
    /// The URL to ask [default: /healthz of the configured server, on this machine]
    #[arg(long, value_name = "http://HOST[:PORT][/PATH]")]
    pub url: Option<String>,
    /// How many seconds to wait for the answer
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub timeout: u32,
}

fn format_parser() -> impl TypedValueParser<Value = ImportFormat> {
    PossibleValuesParser::new(ImportFormat::ALL.iter().map(|format| format.as_str()))
        .try_map(|word| ImportFormat::parse(&word).ok_or("unknown format"))
}

fn scope_parser() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.iter().map(|scope| scope.as_str()))
        .try_map(|word| Scope::parse(&word).ok_or("unknown scope"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Command, ErrorKind> {
        let words = std::iter::once("claudetools").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(Cli::into_command).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        assert_eq!(parse(""), Ok(Command::Serve));
        assert_eq!(parse("migrate"), Ok(Command::Migrate { action: None }));
        assert_eq!(
            parse("migrate down"),
            Ok(Command::Migrate { action: Some(MigrateAction::Down { steps: 1, yes: false }) })
        );
        assert_eq!(parse("health"), Ok(Command::Health(HealthArgs { url: None, timeout: 3 })));
    }

    #[test]
    fn the_configuration_file_may_stand_anywhere() {
        for line in
            [["claudetools", "--config", "a", "config", "check"], ["claudetools", "config", "check", "--config", "a"]]
        {
            assert_eq!(Cli::try_parse_from(line).unwrap().config, Some(PathBuf::from("a")));
        }
    }

    #[test]
    fn a_password_comes_from_exactly_one_place() {
        assert_eq!(parse("accounts create a@b"), Err(ErrorKind::MissingRequiredArgument));
        assert_eq!(parse("accounts set-password a@b --generate --password-stdin"), Err(ErrorKind::ArgumentConflict));
        let password = PasswordSource { password_stdin: false, generate: true };
        assert_eq!(
            parse("accounts create a@b --scope msp:admin --generate"),
            Ok(Command::Accounts {
                action: Some(AccountsAction::Create { email: "a@b".to_owned(), scope: Scope::Admin, password })
            })
        );
        assert_eq!(parse("accounts create a@b --scope root --generate"), Err(ErrorKind::InvalidValue));
    }

    #[test]
    fn audit_filters_are_checked() {
        let Ok(Command::Audit { action: AuditAction::List(filter) }) =
            parse("audit list --status 403 --since 2026-01-16 --limit 5 --json")
        else {
            panic!("not parsed");
        };
        assert_eq!((filter.status, filter.limit, filter.json), (Some(403), 5, true));
        assert_eq!(filter.since.map(|day| day.to_string()).as_deref(), Some("2026-01-16"));
        for line in ["audit list --status 99", "audit list --since yesterday", "audit list --limit 0", "audit"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
