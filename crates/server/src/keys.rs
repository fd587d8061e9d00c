//! The keys of access tokens: from the configuration, else from a file that the server makes itself.
//!
//! The file holds one base64 key a line, the signing key first and the keys it replaced below it. It is only ever
//! replaced as a whole, under a lock, so that of two processes that start at once both end up with the same key.

use std::path::{Path, PathBuf};

use crate::config::{Config, JwtAlgorithm};
use crate::key_file::{self, KeyFileError};
use crate::secret::{KeyBytes, NoRandomness};

/// The name of the key file in `DATA_DIR`.
pub const FILE_NAME: &str = "jwt.keys";

/// How many replaced keys the file keeps. A token lives a day at most, so more than this many roll-overs within a
/// token's life are nothing that anyone does on purpose.
pub const KEPT: usize = 3;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The file holds something else.
    #[error("the key file {path}, line {line}: {message}", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What it must be.
        message: String,
    },
    /// The file holds no key.
    #[error("the key file {path} is empty: restore it from a backup, or delete it to have a new key made, \
             which logs everyone out", path = .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is no file to work on.
    #[error("there is no key file {path}: it is made on first start", path = .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The signing key is not in the file.
    #[error(
        "JWT_SECRET_KEY is set, so the server does not own the key: make one with `claudetools keys generate`, \
             put it there, and move the present one to JWT_VERIFICATION_KEYS"
    )]
    Configured,
    /// No randomness for a new key.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The keys in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtKeys {
    /// Signs new tokens.
    pub active: KeyBytes,
    /// Still verify tokens signed earlier, newest first.
    pub previous: Vec<KeyBytes>,
}

/// A key as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its public name, as in the header of tokens.
    pub kid: String,
    /// Whether it signs new tokens.
    pub active: bool,
}

impl JwtKeys {
    /// The keys as they may be shown, the signing one first.
    pub fn list(&self) -> Vec<KeyInfo> {
        let info = |key: &KeyBytes, active| KeyInfo { kid: key.kid(), active };
        std::iter::once(info(&self.active, true)).chain(self.previous.iter().map(|key| info(key, false))).collect()
    }
}

/// The keys that `config` asks for. Makes the key file when there is none and none is configured.
pub fn in_force(config: &Config) -> Result<JwtKeys, KeyError> {
    with_configured(config, load_or_create)
}

/// The same, but without making anything: for commands that only look.
pub fn existing(config: &Config) -> Result<JwtKeys, KeyError> {
    with_configured(config, |path, algorithm| {
        load(path, algorithm)?.ok_or_else(|| KeyError::Missing { path: path.to_owned() })
    })
}

fn with_configured(
    config: &Config,
    from_file: impl FnOnce(&Path, JwtAlgorithm) -> Result<JwtKeys, KeyError>,
) -> Result<JwtKeys, KeyError> {
    let mut keys = match &config.jwt_secret_key {
        Some(active) => JwtKeys { active: active.clone(), previous: Vec::new() },
        None => from_file(&config.key_file(), config.jwt_algorithm)?,
    };
    for key in &config.jwt_verification_keys {
        if *key != keys.active && !keys.previous.contains(key) {
            keys.previous.push(key.clone());
        }
    }
    Ok(keys)
}

/// Puts a new key on top of the file that `config` uses. A server takes it up when it is started again.
pub fn rotate(config: &Config) -> Result<JwtKeys, KeyError> {
    if config.jwt_secret_key.is_some() {
        return Err(KeyError::Configured);
    }
    rotate_file(&config.key_file(), config.jwt_algorithm)
}

/// Reads the keys of `path`, or makes the file with one new key.
pub fn load_or_create(path: &Path, algorithm: JwtAlgorithm) -> Result<JwtKeys, KeyError> {
    if let Some(keys) = load(path, algorithm)? {
        return Ok(keys);
    }
    let _lock = key_file::lock(path)?;
    // Another process may have made it while this one waited.
    if let Some(keys) = load(path, algorithm)? {
        return Ok(keys);
    }
    let keys = JwtKeys { active: KeyBytes::random()?, previous: Vec::new() };
    store(path, &keys)?;
    Ok(keys)
}

/// Puts a new key on top of `path` and keeps at most [`KEPT`] of the earlier ones.
pub fn rotate_file(path: &Path, algorithm: JwtAlgorithm) -> Result<JwtKeys, KeyError> {
    let missing = || KeyError::Missing { path: path.to_owned() };
    if !path.exists() {
        return Err(missing());
    }
    let _lock = key_file::lock(path)?;
    let earlier = load(path, algorithm)?.ok_or_else(missing)?;
    let mut previous = earlier.previous;
    previous.insert(0, earlier.active);
    previous.truncate(KEPT);
    let keys = JwtKeys { active: KeyBytes::random()?, previous };
    store(path, &keys)?;
    Ok(keys)
}

/// Reads the keys of `path`; `None` when there is no such file.
fn load(path: &Path, algorithm: JwtAlgorithm) -> Result<Option<JwtKeys>, KeyError> {
    let Some(text) = key_file::read(path)? else { return Ok(None) };
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let key = KeyBytes::from_base64(line.trim()).and_then(|key| key.fits(algorithm).map(|()| key));
        keys.push(key.map_err(|message| KeyError::Malformed { path: path.to_owned(), line: index + 1, message })?);
    }
    let mut keys = keys.into_iter();
    let active = keys.next().ok_or_else(|| KeyError::Empty { path: path.to_owned() })?;
    Ok(Some(JwtKeys { active, previous: keys.collect() }))
}

fn store(path: &Path, keys: &JwtKeys) -> Result<(), KeyError> {
    let lines = std::iter::once(&keys.active).chain(&keys.previous).map(KeyBytes::to_base64);
    Ok(key_file::replace(path, lines)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Machine, Sources};

    const HS256: JwtAlgorithm = JwtAlgorithm::Hs256;

    fn in_directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data").join(FILE_NAME);
        (directory, path)
    }

    fn config(data_dir: &Path, values: &[(&str, &str)]) -> Config {
        let mut sources = Sources::none(Machine { cores: 1, terminal: false });
        sources.environment.insert("DATA_DIR".to_owned(), data_dir.display().to_string());
        sources.environment.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        crate::config::load(&sources).unwrap().config
    }

    #[test]
    fn the_first_start_makes_a_private_file_and_later_ones_read_it() {
        let (_directory, path) = in_directory();
        let made = load_or_create(&path, HS256).unwrap();
        assert_eq!(load_or_create(&path, JwtAlgorithm::EdDsa).unwrap(), made);
        assert_eq!(made.previous, []);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn those_who_start_at_once_get_the_same_key() {
        let (_directory, path) = in_directory();
        let kids: Vec<_> = std::thread::scope(|scope| {
            let start = || load_or_create(&path, HS256).unwrap().active.kid();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(kids.iter().all(|kid| *kid == kids[0]), "{kids:?}");
    }

    #[test]
    fn rotating_keeps_the_newest_of_the_earlier_keys() {
        let (_directory, path) = in_directory();
        let mut expected = vec![load_or_create(&path, HS256).unwrap().active.kid()];
        for _ in 0..5 {
            expected.insert(0, rotate_file(&path, HS256).unwrap().active.kid());
        }
        expected.truncate(1 + KEPT);
        let listed = load_or_create(&path, HS256).unwrap().list();
        assert_eq!(listed.iter().map(|info| info.kid.clone()).collect::<Vec<_>>(), expected);
        assert_eq!(listed.iter().filter(|info| info.active).count(), 1);
    }

    #[test]
    fn parallel_rotations_lose_no_key() {
        let (_directory, path) = in_directory();
        let first = load_or_create(&path, HS256).unwrap().active.kid();
        std::thread::scope(|scope| {
            for _ in 0..KEPT {
                scope.spawn(|| rotate_file(&path, HS256).unwrap());
            }
        });
        let listed = load_or_create(&path, HS256).unwrap().list();
        assert_eq!(listed.len(), 1 + KEPT);
        assert_eq!(listed[KEPT].kid, first);
    }

    #[test]
    fn what_a_crash_left_behind_is_in_nobodys_way() {
        let (_directory, path) = in_directory();
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path.with_extension("new"), "half a k").unwrap();
        let made = load_or_create(&path, HS256).unwrap();
        assert_eq!(load_or_create(&path, HS256).unwrap(), made);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_helps() {
        use std::os::unix::fs::PermissionsExt;
        let (_directory, path) = in_directory();
        load_or_create(&path, HS256).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = load_or_create(&path, HS256).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_told_by_line_and_never_replaced() {
        let (_directory, path) = in_directory();
        let made = load_or_create(&path, HS256).unwrap();
        let good = made.active.to_base64();
        for (text, wanted) in [
            (String::new(), "is empty"),
            (format!("{}\n\ngeheim\n", *good), "line 3: must be base64 of at least 32 bytes"),
            ("AAAA\n".to_owned(), "line 1: must be base64 of at least 32 bytes"),
        ] {
            fs::write(&path, &text).unwrap();
            let message = load_or_create(&path, HS256).unwrap_err().to_string();
            assert!(message.contains(wanted) && !message.contains("geheim"), "{message}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_configured_key_needs_no_file_and_is_not_rotated_here() {
        let directory = tempfile::tempdir().unwrap();
        let (active, earlier) = (KeyBytes::random().unwrap(), KeyBytes::random().unwrap());
        let both = format!("{},{}", *earlier.to_base64(), *active.to_base64());
        let config =
            config(directory.path(), &[("JWT_SECRET_KEY", &active.to_base64()), ("JWT_VERIFICATION_KEYS", &both)]);
        assert_eq!(in_force(&config).unwrap(), JwtKeys { active, previous: vec![earlier] });
        assert!(matches!(rotate(&config), Err(KeyError::Configured)));
        assert!(!config.key_file().exists());
    }

    #[test]
    fn looking_makes_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path(), &[]);
        assert!(matches!(existing(&config), Err(KeyError::Missing { .. })));
        assert!(matches!(rotate(&config), Err(KeyError::Missing { .. })));
        let made = in_force(&config).unwrap();
        assert_eq!(existing(&config).unwrap(), made);
    }
}
