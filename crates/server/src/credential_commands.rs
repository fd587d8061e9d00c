//! `credentials import`, `export` and `restore`.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use claudetools_credentials::{ImportOptions, ImportReport, import};
use claudetools_identity::Secret;

use crate::assembly::StartError;
use crate::cli::{CredentialsAction, ImportArgs};
use crate::config::Config;
use crate::key_file;
use crate::vault_commands::vault;

/// Runs one of them.
///
/// # Errors
/// The file's and the database's; for an import also that a row could not be taken.
pub async fn credentials(config: &Config, action: CredentialsAction, out: &mut dyn Write) -> Result<(), StartError> {
    match action {
        CredentialsAction::Import(args) => import(config, &args, out).await,
        CredentialsAction::Export { file, .. } => export(config, &file, out).await,
        CredentialsAction::Restore { file, .. } => restore(config, &file, out).await,
    }
}

async fn import(config: &Config, args: &ImportArgs, out: &mut dyn Write) -> Result<(), StartError> {
    let bytes = zeroize::Zeroizing::new(fs::read(&args.file).map_err(named(&args.file))?);
    let imported = import::parse(args.format, &bytes).map_err(|fault| StartError::Transfer(fault.to_string()))?;
    let (store, services) = vault(config).await?;
    let options = ImportOptions { client: args.client, skip_faulty: args.skip_faulty, dry_run: args.dry_run };
    let report = services.transfer.import(imported, options).await?;
    store.close().await?;
    write_report(&report, args, out)
}

fn write_report(report: &ImportReport, args: &ImportArgs, out: &mut dyn Write) -> Result<(), StartError> {
    let mut faulty = 0;
    for row in &report.rows {
        match &row.outcome {
            Ok(id) if report.is_kept => writeln!(out, "row {:5}  entered    {id}  {}", row.row, row.name)?,
            Ok(_) => writeln!(out, "row {:5}  good       {}", row.row, row.name)?,
            Err(fault) => {
                faulty += 1;
                writeln!(out, "row {:5}  NOT TAKEN  {}: {fault}", row.row, row.name)?;
            }
        }
        for adjustment in &row.adjustments {
            writeln!(out, "           {adjustment}")?;
        }
    }
    let good = report.rows.len() - faulty;
    let kept = if report.is_kept { good } else { 0 };
    writeln!(out, "{} rows: {good} good, {faulty} faulty, {kept} entered", report.rows.len())?;
    if faulty == 0 {
        return Ok(());
    }
    let hint = if args.skip_faulty { "the others were taken" } else { "mend them, or repeat with --skip-faulty" };
    Err(StartError::Transfer(format!("{faulty} rows could not be taken; {hint}")))
}

async fn export(config: &Config, file: &Path, out: &mut dyn Write) -> Result<(), StartError> {
    let passphrase = read_passphrase()?;
    if file.exists() {
        return Err(StartError::Transfer(format!("{} exists already", file.display())));
    }
    let (store, services) = vault(config).await?;
    // Under another name until the accesses are in the chain: what is not recorded is not given away.
    let unfinished = file.with_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    let output = key_file::private(OpenOptions::new().write(true).create_new(true)).open(&unfinished);
    let output = BufWriter::new(output.map_err(named(&unfinished))?);
    let exported = services.transfer.export(&passphrase, output).await;
    store.close().await?;
    let (count, output) = match exported {
        Ok(exported) => exported,
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            return Err(StartError::Transfer(error.to_string()));
        }
    };
    output.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all().map_err(named(&unfinished))?;
    fs::rename(&unfinished, file).map_err(named(file))?;
    writeln!(out, "{count} credentials with all their versions are in {}", file.display())?;
    Ok(())
}

async fn restore(config: &Config, file: &Path, out: &mut dyn Write) -> Result<(), StartError> {
    let passphrase = read_passphrase()?;
    let input = BufReader::new(fs::File::open(file).map_err(named(file))?);
    let (store, services) = vault(config).await?;
    let restored = services.transfer.restore(&passphrase, input).await;
    store.close().await?;
    let (count, without_client) = restored.map_err(|error| StartError::Transfer(error.to_string()))?;
    for id in without_client {
        writeln!(out, "{id} has no client any more: there is none here with that id")?;
    }
    writeln!(out, "{count} credentials with all their versions were restored")?;
    Ok(())
}

/// The first line of standard input.
fn read_passphrase() -> Result<Secret, StartError> {
    let mut line = zeroize::Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// A failure of the system with the file it is about.
fn named(path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.to_owned();
    move |error| StartError::Transfer(format!("{}: {error}", path.display()))
}
