//! The sub-commands that need neither storage nor a running server of their own.

use std::io::{self, Write};
use std::time::Duration;

use crate::assembly::StartError;
use crate::cli::HealthArgs;
use crate::config::{self, Config, ConfigFaults, Loaded, Sources, render};
use crate::health::{self, HealthError, Target};
use crate::keys::{self, JwtKeys, KeyError};
use crate::master_keys::{self, MasterKeyError};
use crate::secret::{KeyBytes, NoRandomness};
use crate::telemetry::TelemetryError;
use crate::tls::{self, TlsError};

/// Why a sub-command failed, as its user reads it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigFaults),
    /// The token keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The master keys.
    #[error(transparent)]
    MasterKeys(#[from] MasterKeyError),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server that was asked.
    #[error("unhealthy: {0}")]
    Health(#[from] HealthError),
    /// A key could not be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The server could not do its work.
    #[error(transparent)]
    Server(#[from] StartError),
    /// Logging could not be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

/// `config check`: what is in force, once all of it is sound, the files it names included.
pub fn config_check(sources: &Sources, out: &mut dyn Write) -> Result<(), CommandError> {
    let Loaded { config, effective } = config::load(sources)?;
    out.write_all(render::effective(&effective).as_bytes())?;
    if let Some((cert, key)) = config.tls_files() {
        tls::server_config(cert, key)?;
    }
    // A first start makes what is missing.
    match keys::existing(&config) {
        Ok(_) | Err(KeyError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match master_keys::ids(&config) {
        Ok(_) | Err(MasterKeyError::Missing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `keys list`: the ids of the keys that sign and verify tokens, then of those that wrap and open secrets.
pub fn list_keys(config: &Config, out: &mut dyn Write) -> Result<(), CommandError> {
    write_keys(&keys::existing(config)?, out)?;
    for (at, id) in master_keys::ids(config)?.iter().enumerate() {
        writeln!(out, "{id}  {}", if at == 0 { "wraps and opens" } else { "opens" })?;
    }
    Ok(())
}

/// `keys rotate --tokens`.
pub fn rotate_token_keys(config: &Config, out: &mut dyn Write) -> Result<(), CommandError> {
    write_keys(&keys::rotate(config)?, out)?;
    writeln!(out, "Restart the server to sign with the new key.")?;
    Ok(())
}

/// `keys generate`. It needs no configuration: it prints what will be put there.
pub fn generate_key(out: &mut dyn Write) -> Result<(), CommandError> {
    writeln!(out, "{}", *KeyBytes::random()?.to_base64())?;
    Ok(())
}

fn write_keys(keys: &JwtKeys, out: &mut dyn Write) -> io::Result<()> {
    keys.list().iter().try_for_each(|key| {
        writeln!(out, "{}  {}", key.kid, if key.active { "signs and verifies" } else { "verifies" })
    })
}

/// `health`. With a URL the configuration does not matter.
pub fn health(args: &HealthArgs, config: impl FnOnce() -> Result<Config, ConfigFaults>) -> Result<(), CommandError> {
    let target = match &args.url {
        Some(url) => Target::of_url(url)?,
        None => Target::of_config(&config()?),
    };
    health::probe(&target, Duration::from_secs(args.timeout.into()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Machine;

    fn sources(values: &[(&str, &str)]) -> Sources {
        let mut sources = Sources::none(Machine { cores: 1, terminal: false });
        sources.environment.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        sources
    }

    fn written(run: impl FnOnce(&mut dyn Write) -> Result<(), CommandError>) -> String {
        let mut out = Vec::new();
        run(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn check_looks_into_the_files_too() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().display().to_string();
        assert!(written(|out| config_check(&sources(&[("DATA_DIR", &data)]), out)).contains("PORT"));
        let absent = [("DATA_DIR", data.as_str()), ("TLS_CERT_FILE", "/absent"), ("TLS_KEY_FILE", "/absent")];
        assert!(matches!(config_check(&sources(&absent), &mut io::sink()), Err(CommandError::Tls(_))));
        std::fs::write(directory.path().join(keys::FILE_NAME), "").unwrap();
        let damaged = config_check(&sources(&[("DATA_DIR", &data)]), &mut io::sink());
        assert!(matches!(damaged, Err(CommandError::Keys(_))));
    }

    #[test]
    fn keys_are_listed_by_id_alone() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().display().to_string();
        let load = || config::load(&sources(&[("DATA_DIR", &data)])).map(|loaded| loaded.config);
        let first = keys::in_force(&load().unwrap()).unwrap().active;
        let master = master_keys::load_or_create(&load().unwrap().master_key_file).unwrap().ids();
        let text = written(|out| rotate_token_keys(&load().unwrap(), out));
        assert!(text.contains("Restart") && text.contains(&format!("{}  verifies", first.kid())), "{text}");
        let text = written(|out| list_keys(&load().unwrap(), out));
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains(&format!("{}  wraps and opens", master[0])), "{text}");
        assert!(!text.contains(&*first.to_base64()));
    }

    #[test]
    fn a_generated_key_is_accepted_as_it_is_printed() {
        let text = written(|out| generate_key(out));
        config::load(&sources(&[("JWT_SECRET_KEY", text.trim_end())])).unwrap();
    }
}
