//! The vault's master keys: from the configuration, else from a file that the server makes itself.
//!
//! The file holds one `id:base64` a line, the key in force first. Keys are added in front and never replaced: whoever removes one
//! has been told that nothing needs it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use claudetools_credentials::VaultError;
use claudetools_crypto::{KeyRing, KeyRingFault, KeySource};

use crate::config::Config;
use crate::key_file::{self, KeyFileError};

/// The name of the key file in `DATA_DIR`.
pub const FILE_NAME: &str = "master.keys";

/// Why there are no master keys.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The file holds something else.
    #[error("the file of the master keys {path}: {fault}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        fault: KeyRingFault,
    },
    /// There is no file to work on.
    #[error("there is no file of master keys {path}: it is made on first start", path = .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The master keys are not in the file.
    #[error(
        "MASTER_KEYS is set, so the server does not own the ring: make a key with `claudetools keys generate`, put it there in \
         front under a new id, restart every replica, and run `claudetools keys rewrap`"
    )]
    Configured,
    /// No new key could be made.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Where the vault of `config` gets its keys. Makes the key file when there is none and none are configured.
pub(crate) fn source(config: &Config) -> Result<Arc<dyn KeySource>, MasterKeyError> {
    if let Some(ring) = &config.master_keys {
        return Ok(Arc::new(Fixed(ring.clone())));
    }
    let path = config.master_key_file.clone();
    load_or_create(&path)?;
    Ok(Arc::new(OnDisk(path)))
}

/// The ids of the keys of `config`, the one in force first, without making any.
pub(crate) fn ids(config: &Config) -> Result<Vec<String>, MasterKeyError> {
    let path = config.master_key_file.clone();
    match &config.master_keys {
        Some(ring) => Ok(ring.ids()),
        None => load(&path)?.map(|ring| ring.ids()).ok_or(MasterKeyError::Missing { path }),
    }
}

/// Puts a new key in front of the file that `config` uses; gives its id. A server that runs finds it there.
pub(crate) fn rotate(config: &Config) -> Result<String, MasterKeyError> {
    if config.master_keys.is_some() {
        return Err(MasterKeyError::Configured);
    }
    rotate_file(&config.master_key_file.clone())
}

/// Reads the keys of `path`, or makes the file with one new key.
pub fn load_or_create(path: &Path) -> Result<KeyRing, MasterKeyError> {
    if let Some(ring) = load(path)? {
        return Ok(ring);
    }
    let _lock = key_file::lock(path)?;
    // Another process may have made it while this one waited.
    if let Some(ring) = load(path)? {
        return Ok(ring);
    }
    let ring = KeyRing::generate()?;
    key_file::replace(path, ring.entries())?;
    tracing::warn!(
        path = %path.display(),
        "a master key was made: BACK THIS FILE UP, apart from the database. Without it no credential can ever be read again"
    );
    Ok(ring)
}

/// Puts a new key in front of `path`; gives its id.
pub fn rotate_file(path: &Path) -> Result<String, MasterKeyError> {
    let missing = || MasterKeyError::Missing { path: path.to_owned() };
    if !path.exists() {
        return Err(missing());
    }
    let _lock = key_file::lock(path)?;
    let ring = load(path)?.ok_or_else(missing)?.with_new_key()?;
    key_file::replace(path, ring.entries())?;
    ring.ids().into_iter().next().ok_or_else(missing)
}

fn load(path: &Path) -> Result<Option<KeyRing>, MasterKeyError> {
    let Some(text) = key_file::read(path)? else { return Ok(None) };
    let ring = KeyRing::parse(text.lines().filter(|line| !line.trim().is_empty()));
    ring.map(Some).map_err(|fault| MasterKeyError::Malformed { path: path.to_owned(), fault })
}

/// Keys of the configuration.
#[derive(Debug)]
struct Fixed(KeyRing);

impl KeySource for Fixed {
    fn load(&self) -> Result<KeyRing, String> {
        Ok(self.0.clone())
    }
}

/// Keys of a file, which `keys rotate` may change.
#[derive(Debug)]
struct OnDisk(PathBuf);

impl KeySource for OnDisk {
    fn load(&self) -> Result<KeyRing, String> {
        let missing = || MasterKeyError::Missing { path: self.0.clone() };
        load(&self.0).and_then(|ring| ring.ok_or_else(missing)).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data").join(FILE_NAME);
        (directory, path)
    }

    #[test]
    fn those_who_start_at_once_get_the_same_ring_in_a_private_file() {
        let (_directory, path) = in_directory();
        let rings: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_create(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(rings.iter().all(|ring| *ring == rings[0]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn rotations_put_a_key_in_front_and_lose_none() {
        let (_directory, path) = in_directory();
        let first = load_or_create(&path).unwrap().ids();
        let new: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..5).map(|_| scope.spawn(|| rotate_file(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let ids = load_or_create(&path).unwrap().ids();
        assert_eq!((ids.len(), ids.last()), (6, first.first()));
        assert!(new.iter().all(|id| ids.contains(id)));
    }

    #[test]
    fn a_damaged_file_is_told_and_never_replaced() {
        let (_directory, path) = in_directory();
        load_or_create(&path).unwrap();
        for (text, wanted) in [("", "holds no key"), ("k1:geheim\n", "entry 1 must be an id")] {
            std::fs::write(&path, text).unwrap();
            let message = load_or_create(&path).unwrap_err().to_string();
            assert!(message.contains(wanted) && !message.contains("geheim"), "{message}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
