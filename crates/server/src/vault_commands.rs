//! The sub-commands that work on the vault: `keys rotate`, `keys rewrap`, `audit verify`.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use claudetools_credentials::{ChainReport, FailedVersion, Rewrap, RotationProgress};
use claudetools_crypto::SystemClock;
use claudetools_kernel::{Clock, Error, Timestamp};
use claudetools_sql::SqlStore;

use crate::assembly::{StartError, open};
use crate::cli::{RewrapOptions, VerifyOptions};
use crate::config::Config;
use crate::master_keys;
use crate::vault::VaultServices;

/// How many versions are wrapped anew between two lines of progress.
const SLICE: u64 = 500;

/// The vault over the database of `config`, brought to this version's schema.
pub(crate) async fn vault(config: &Config) -> Result<(SqlStore, VaultServices), StartError> {
    let store = open(config).await?;
    claudetools_sql::prepare(&store).await?;
    let services = VaultServices::open(config, Arc::new(store.clone()), Arc::new(SystemClock)).await?;
    Ok((store, services))
}

/// `keys rotate`: puts a new master key into the key file and wraps everything with it. Where the keys come from `MASTER_KEYS`,
/// whoever sets that has put a new one in front.
///
/// # Errors
/// The key file's and the database's; what was wrapped until then stays so, and `keys rewrap` goes on.
pub async fn rotate(config: &Config, options: RewrapOptions, out: &mut dyn Write) -> Result<(), StartError> {
    // A ring that is not the one of this database must not get a new key.
    let (store, _) = vault(config).await?;
    store.close().await?;
    let key_id = master_keys::rotate(config)?;
    writeln!(out, "{key_id} is the new master key. Back up the key file before the old one is lost.")?;
    rewrap(config, options, out).await
}

/// `keys rewrap`: goes on with a rotation.
///
/// # Errors
/// The database's.
pub async fn rewrap(config: &Config, options: RewrapOptions, out: &mut dyn Write) -> Result<(), StartError> {
    let (store, services) = vault(config).await?;
    let before: Option<Timestamp> = options.reencrypt.then(|| SystemClock.now());
    let mut total = 0;
    let progress = loop {
        let order = Rewrap { reencrypt_before: before, limit: SLICE };
        let progress = patiently(async || services.vault.rewrap_as_operator(order).await).await?;
        total += progress.done;
        // What does not open stays, and would be counted as left for ever.
        if progress.done == 0 {
            break progress;
        }
        show_progress(total, &progress);
    };
    store.close().await?;
    report(total, &progress, out)
}

/// Repeats a slice that met another writer.
async fn patiently<T>(slice: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    const ATTEMPTS: u64 = 20;
    for tried in 1..ATTEMPTS {
        match slice().await {
            Err(error) if error.is_retryable() => tokio::time::sleep(Duration::from_millis(10 * tried)).await,
            done => return done,
        }
    }
    slice().await
}

/// A line that is written over, for people who wait.
fn show_progress(total: u64, progress: &RotationProgress) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        // Nobody is left to be told if standard error is gone.
        let _ = write!(
            err,
            "\r{total} of {} data keys wrapped with {} ",
            total + progress.remaining,
            progress.active_key_id
        );
    }
}

fn report(total: u64, progress: &RotationProgress, out: &mut dyn Write) -> Result<(), StartError> {
    writeln!(out, "{total} data keys were wrapped with {}; {} are left.", progress.active_key_id, progress.remaining)?;
    for FailedVersion { credential_id, version } in &progress.failed {
        writeln!(out, "credential {credential_id}, version {version}: does not open, and stays as it is")?;
    }
    for key in &progress.removable {
        writeln!(
            out,
            "Nothing needs the master key {key} any more: it may be removed, once no backup needs it either."
        )?;
    }
    Ok(())
}

/// `audit verify`: whether the vault's audit chain is whole, and goes on from a head noted before.
///
/// # Errors
/// The database's, and what is wrong with the chain.
pub async fn verify(config: &Config, options: &VerifyOptions, out: &mut dyn Write) -> Result<(), StartError> {
    let (store, services) = vault(config).await?;
    let report: ChainReport = services.chain.verify_as_operator(options.since).await?;
    let noted = match &options.head {
        Some(noted) => Some((noted, services.chain.hash_at(noted.seq).await?)),
        None => None,
    };
    store.close().await?;
    if let Some(head) = &report.head {
        writeln!(out, "{} rows, head {}:{}", report.rows, head.seq, hex::encode(head.hash))?;
    }
    if let Some(fault) = report.fault {
        return Err(StartError::Chain(fault.to_string()));
    }
    if let Some((noted, found)) = noted
        && found != Some(noted.hash)
    {
        let text = format!("row {} is not the one whose head was noted: the chain was put back or replaced", noted.seq);
        return Err(StartError::Chain(text));
    }
    writeln!(out, "The audit chain is whole.")?;
    Ok(())
}
