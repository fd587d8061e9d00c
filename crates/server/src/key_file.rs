//! Files that hold keys: readable by their owner alone, and only ever replaced as a whole, under a lock, so that of two processes
//! that start at once both end up with the same keys.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file or its directory cannot be used.
    #[error("the key file {path}: {error}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// Others may read the file.
    #[error("the key file {path} can be read by others: run `chmod 600 {path}`, and rotate its keys with \
             `claudetools keys rotate` (token keys: `--tokens`) if they may have read it", path = .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

/// The text of `path`; `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, KeyFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path)(error)),
    };
    refuse_exposed(path, &file)?;
    Ok(Some(Zeroizing::new(io::read_to_string(file).map_err(io_error(path))?)))
}

fn refuse_exposed(path: &Path, file: &File) -> Result<(), KeyFileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(io_error(path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned() });
        }
    }
    #[cfg(not(unix))]
    let _ = (path, file);
    Ok(())
}

/// Replaces the file by these lines, as a whole: after a crash there is the earlier one or the new one, never a part. The caller
/// holds the [`lock`].
pub(crate) fn replace(path: &Path, lines: impl IntoIterator<Item = Zeroizing<String>>) -> Result<(), KeyFileError> {
    let temporary = path.with_extension("new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&temporary) {
            // Left behind by a crash; nobody else writes here, the lock is ours.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&temporary)?;
        for line in lines {
            file.write_all(line.as_bytes())?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // The rename itself must survive a power cut too.
        if cfg!(unix) { File::open(directory(path))?.sync_all() } else { Ok(()) }
    };
    write().map_err(io_error(path))
}

/// Holds other processes off until the file is dropped. Makes the directory if there is none.
pub(crate) fn lock(path: &Path) -> Result<File, KeyFileError> {
    let acquire = || -> io::Result<File> {
        create_private_directory(directory(path))?;
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(PathBuf::from(name))?;
        file.lock()?;
        Ok(file)
    };
    acquire().map_err(io_error(path))
}

/// Makes a directory, and those above it, that only this user may enter. One that exists stays as it is.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The options of a file that its owner alone may read.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    |error| KeyFileError::Io { path, error }
}
