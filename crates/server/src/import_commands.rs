//! `import`: what another product knows, taken over.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

use claudetools_crypto::{SystemClock, UuidGenerator};
use claudetools_infra::inventory::Context;
use claudetools_infra::netbox::{Dump, Line, NetboxImport, Plan, Report};
use flate2::bufread::GzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

use crate::administration::operator;
use crate::assembly::{StartError, open};
use crate::cli::{ImportAction, NetboxArgs};
use crate::config::Config;

/// What a file in gzip begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Runs one of them.
///
/// # Errors
/// The file's and the database's.
pub async fn import(config: &Config, action: &ImportAction, out: &mut dyn Write) -> Result<(), StartError> {
    let ImportAction::Netbox(args) = action;
    netbox(config, args, out).await
}

async fn netbox(config: &Config, args: &NetboxArgs, out: &mut dyn Write) -> Result<(), StartError> {
    let bytes = unpacked(&args.file)?;
    let unreadable = |error| StartError::Transfer(format!("{}: {error}", args.file.display()));
    let plan = Plan::new(&Dump::read(&bytes).map_err(unreadable)?);
    let store = open(config).await?;
    claudetools_sql::prepare(&store).await?;
    let context =
        Context { store: Arc::new(store.clone()), clock: Arc::new(SystemClock), ids: Arc::new(UuidGenerator) };
    // On standard error, and only where that is a terminal.
    let bar = ProgressBar::new(plan.clients() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} clients  {msg}") {
        bar.set_style(style);
    }
    let progress = |client: &str| {
        bar.set_message(client.to_owned());
        bar.inc(1);
    };
    let report = NetboxImport::new(context).run(&operator(), plan, args.dry_run, &progress).await;
    bar.finish_and_clear();
    store.close().await?;
    write_report(&report?, args.dry_run, out)
}

/// The file's content, unpacked where it is packed.
fn unpacked(path: &Path) -> Result<Vec<u8>, StartError> {
    let named = |error: std::io::Error| StartError::Transfer(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| BufReader::new(file).read_to_end(&mut bytes)).map_err(named)?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut json = Vec::new();
    GzDecoder::new(bytes.as_slice()).read_to_end(&mut json).map_err(named)?;
    Ok(json)
}

fn write_report(report: &Report, dry_run: bool, out: &mut dyn Write) -> Result<(), StartError> {
    let line = |out: &mut dyn Write, word: &str, Line { model, pk, name, reason }: &Line| {
        writeln!(out, "{word}  {model} {pk}  {name}: {reason}")
    };
    for skipped in &report.skipped {
        line(out, "SKIPPED ", skipped)?;
    }
    for adjusted in &report.adjusted {
        line(out, "adjusted", adjusted)?;
    }
    for (model, count) in &report.others {
        writeln!(out, "{model}: {count}, not taken over")?;
    }
    writeln!(
        out,
        "{:32}{:>7}{:>9}{:>9}{:>11}{:>8}{:>9}",
        "", "seen", "created", "changed", "unchanged", "merged", "skipped"
    )?;
    for (model, tally) in &report.tallies {
        writeln!(
            out,
            "{model:32}{:>7}{:>9}{:>9}{:>11}{:>8}{:>9}",
            tally.seen(),
            tally.created,
            tally.updated,
            tally.unchanged,
            tally.merged,
            tally.skipped
        )?;
    }
    if dry_run {
        writeln!(out, "Nothing was changed: this was a dry run.")?;
    }
    Ok(())
}
