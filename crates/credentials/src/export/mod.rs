//! The whole vault in one file, under a passphrase.
//!
//! The file begins with a header in plain: [`MAGIC`], a format byte, the salt of the passphrase and what Argon2id costs. Behind it
//! are chunks: four bytes that tell the length, the highest bit of them whether it is the last chunk, and then what
//! [`Primitives::seal_under`] makes of at most [`CHUNK_BYTES`] of text. Salt, number and being the last are a part of what a
//! chunk is bound to, so that none can be dropped, moved or put in from another file. The text is a JSON object a line, one
//! for each credential with all its versions; a line may go on in the next chunk.
//!
//! Neither side holds more than one credential and one chunk in memory.

mod shape;

use std::io::{self, Read, Write};

use claudetools_kernel::{Secret, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

use self::shape::{OwnedLine, line};
use crate::{Credential, FieldSet, Key, Place, Plaintext, Purpose, Secrets, VaultError, ports::Primitives};

/// How every export begins.
pub const MAGIC: &[u8; 7] = b"CTVAULT";
/// The format that is written.
pub const VERSION: u8 = 1;
/// The most text of a chunk, in bytes.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// The fewest characters of a passphrase: whoever has the file can try without end.
pub const SHORTEST_PASSPHRASE: usize = 12;

const HEADER_BYTES: usize = MAGIC.len() + 1 + 16 + 12;
/// What [`Primitives::passphrase_key`] costs: memory in KiB, passes, lanes.
const COST: [u32; 3] = [64 * 1024, 3, 1];
const LAST: u32 = 1 << 31;
/// Format byte, nonce and tag of a chunk, with room to spare.
const OVERHEAD: usize = 64;
/// A line that is longer than eleven versions can be, every byte of them escaped, is none.
const LONGEST_LINE: usize = 16 * CHUNK_BYTES;

/// A credential with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedCredential {
    /// The credential.
    pub credential: Credential,
    /// Its versions that are kept, the oldest first.
    pub versions: Vec<ExportedVersion>,
}

/// A version of a credential's secrets, in plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedVersion {
    /// Counted from 1.
    pub version: i64,
    /// When it came into being.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The secrets.
    pub secrets: Secrets,
}

/// Why an export cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The passphrase is too short.
    #[error("the passphrase must have at least {SHORTEST_PASSPHRASE} characters")]
    WeakPassphrase,
    /// The file is something else.
    #[error("this is no export of a vault")]
    NotAnExport,
    /// It is of another format.
    #[error("format {0} of an export is not known to this version")]
    Format(u8),
    /// The passphrase was hashed at another cost.
    #[error("the header of the export was altered, or it was written by a version that this one does not know")]
    Cost,
    /// The first chunk does not open.
    #[error("the passphrase is wrong, or the export was altered at its beginning")]
    Passphrase,
    /// A later chunk does not open.
    #[error("chunk {0} of the export was altered or stands in the wrong place")]
    Altered(u64),
    /// It ends before its last chunk.
    #[error("the export is cut off")]
    Truncated,
    /// Something follows the last chunk.
    #[error("something was put behind the end of the export")]
    Trailing,
    /// It opens, and does not hold what it should.
    #[error("credential {0} of the export cannot be read by this version")]
    Malformed(u64),
    /// There is no randomness, or no memory for the passphrase.
    #[error(transparent)]
    Vault(VaultError),
    /// The file cannot be read or written.
    #[error("the export: {0}")]
    Io(#[from] io::Error),
}

/// What a chunk is bound to.
fn place(salt: &[u8; 16], number: u64, is_last: bool) -> Place {
    let version = i64::try_from(number).unwrap_or(i64::MAX / 2).saturating_mul(2).saturating_add(i64::from(is_last));
    Place { purpose: Purpose::Export, row: Uuid::from_bytes(*salt), version, fields: FieldSet::default() }
}

/// Bytes that grow without leaving a copy behind.
struct Wiped(Plaintext);

impl Wiped {
    fn new(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    fn extend(&mut self, bytes: &[u8]) {
        let wanted = self.0.len() + bytes.len();
        if wanted > self.0.capacity() {
            let mut larger = Self::new(wanted.max(2 * self.0.capacity()));
            larger.0.extend_from_slice(&self.0);
            *self = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Takes the first bytes out.
    fn remove(&mut self, count: usize) {
        let length = self.0.len();
        let count = count.min(length);
        self.0.copy_within(count.., 0);
        self.0.truncate(length - count);
    }
}

impl Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes an export, credential by credential. Without [`Self::finish`] it is cut off.
pub struct ExportWriter<'a, W> {
    primitives: &'a dyn Primitives,
    key: Key,
    salt: [u8; 16],
    number: u64,
    pending: Wiped,
    output: W,
}

impl<W> std::fmt::Debug for ExportWriter<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportWriter").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<'a, W: Write> ExportWriter<'a, W> {
    /// Begins an export under `passphrase`. Argon2id takes a few tenths of a second and 64 MiB.
    ///
    /// # Errors
    /// [`ExportError::WeakPassphrase`], [`ExportError::Vault`], [`ExportError::Io`]
    pub fn begin(primitives: &'a dyn Primitives, passphrase: &Secret, mut output: W) -> Result<Self, ExportError> {
        if passphrase.expose().chars().count() < SHORTEST_PASSPHRASE {
            return Err(ExportError::WeakPassphrase);
        }
        let mut salt = [0; 16];
        primitives.random(&mut salt).map_err(ExportError::Vault)?;
        let key = primitives.passphrase_key(passphrase.expose().as_bytes(), &salt).map_err(ExportError::Vault)?;
        output.write_all(MAGIC)?;
        output.write_all(&[VERSION])?;
        output.write_all(&salt)?;
        for number in COST {
            output.write_all(&number.to_be_bytes())?;
        }
        Ok(Self { primitives, key, salt, number: 0, pending: Wiped::new(4096), output })
    }

    /// Adds a credential.
    ///
    /// # Errors
    /// [`ExportError::Vault`], [`ExportError::Io`]
    pub fn add(&mut self, exported: &ExportedCredential) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.pending, &line(exported)).map_err(io::Error::from)?;
        self.pending.extend(b"\n");
        // The last chunk is never empty, unless there is nothing at all: what follows is written when more is known.
        while self.pending.0.len() > CHUNK_BYTES {
            self.chunk(CHUNK_BYTES, false)?;
        }
        Ok(())
    }

    /// Ends the export and gives the output back, flushed.
    ///
    /// # Errors
    /// [`ExportError::Vault`], [`ExportError::Io`]
    pub fn finish(mut self) -> Result<W, ExportError> {
        self.chunk(self.pending.0.len(), true)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn chunk(&mut self, length: usize, is_last: bool) -> Result<(), ExportError> {
        let text = self.pending.0.get(..length).unwrap_or_default();
        let place = place(&self.salt, self.number, is_last);
        let sealed = self.primitives.seal_under(&self.key, &place, text).map_err(ExportError::Vault)?;
        let length_of_it = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.output.write_all(&(length_of_it | if is_last { LAST } else { 0 }).to_be_bytes())?;
        self.output.write_all(&sealed)?;
        self.pending.remove(length);
        self.number += 1;
        Ok(())
    }
}

/// Reads an export, credential by credential. After an error there is nothing more.
///
/// A file that was cut off is found at its end: whoever restores must take nothing before the last one was read.
pub struct ExportReader<'a, R> {
    primitives: &'a dyn Primitives,
    key: Key,
    salt: [u8; 16],
    number: u64,
    lines: u64,
    pending: Wiped,
    /// How many bytes of `pending` have been taken.
    taken: usize,
    is_ended: bool,
    input: R,
}

impl<R> std::fmt::Debug for ExportReader<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportReader").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<'a, R: Read> ExportReader<'a, R> {
    /// Opens an export with `passphrase`; the first chunk tells whether it is the right one.
    ///
    /// # Errors
    /// Every [`ExportError`] but [`ExportError::WeakPassphrase`] and [`ExportError::Malformed`].
    pub fn open(primitives: &'a dyn Primitives, passphrase: &Secret, mut input: R) -> Result<Self, ExportError> {
        let mut header = [0; HEADER_BYTES];
        input.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ExportError::NotAnExport,
            _ => ExportError::Io(error),
        })?;
        let rest = header.strip_prefix(MAGIC).ok_or(ExportError::NotAnExport)?;
        let (version, rest) = rest.split_first().ok_or(ExportError::NotAnExport)?;
        if *version != VERSION {
            return Err(ExportError::Format(*version));
        }
        let (salt, cost) = rest.split_first_chunk::<16>().ok_or(ExportError::NotAnExport)?;
        if cost != COST.map(u32::to_be_bytes).as_flattened() {
            return Err(ExportError::Cost);
        }
        let key = primitives.passphrase_key(passphrase.expose().as_bytes(), salt).map_err(ExportError::Vault)?;
        let pending = Wiped::new(4096);
        let mut reader =
            Self { primitives, key, salt: *salt, number: 0, lines: 0, pending, taken: 0, is_ended: false, input };
        reader.chunk()?;
        Ok(reader)
    }

    /// Opens the next chunk.
    fn chunk(&mut self) -> Result<(), ExportError> {
        let truncated = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ExportError::Truncated,
            _ => ExportError::Io(error),
        };
        let mut head = [0; 4];
        self.input.read_exact(&mut head).map_err(truncated)?;
        let head = u32::from_be_bytes(head);
        let (is_last, length) = (head & LAST != 0, usize::try_from(head & !LAST).unwrap_or(usize::MAX));
        let wrong = if self.number == 0 { ExportError::Passphrase } else { ExportError::Altered(self.number) };
        if length > CHUNK_BYTES + OVERHEAD {
            return Err(wrong);
        }
        let mut sealed = vec![0; length];
        self.input.read_exact(&mut sealed).map_err(truncated)?;
        let place = place(&self.salt, self.number, is_last);
        let text = self.primitives.open_under(&self.key, &place, &sealed).map_err(|_| wrong)?;
        self.pending.remove(self.taken);
        self.taken = 0;
        self.pending.extend(&text);
        self.number += 1;
        if is_last {
            self.is_ended = true;
            match self.input.read_exact(&mut [0]) {
                Ok(()) => return Err(ExportError::Trailing),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Option<ExportedCredential>, ExportError> {
        let mut searched = 0;
        loop {
            let rest = self.pending.0.get(self.taken..).unwrap_or_default();
            let unseen = rest.get(searched..).unwrap_or_default();
            if let Some(at) = unseen.iter().position(|byte| *byte == b'\n') {
                let end = searched + at;
                self.lines += 1;
                let parsed = serde_json::from_slice::<OwnedLine>(rest.get(..end).unwrap_or_default());
                // What serde says of an error can repeat a value.
                let parsed = parsed.map_err(|_| ExportError::Malformed(self.lines))?;
                self.taken += end + 1;
                return Ok(Some(parsed.into_exported()));
            }
            searched = rest.len();
            if searched > LONGEST_LINE || (self.is_ended && searched > 0) {
                return Err(ExportError::Malformed(self.lines + 1));
            }
            if self.is_ended {
                return Ok(None);
            }
            self.chunk()?;
        }
    }
}

impl<R: Read> Iterator for ExportReader<'_, R> {
    type Item = Result<ExportedCredential, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.read();
        if next.is_err() {
            self.is_ended = true;
            self.pending = Wiped::new(0);
            self.taken = 0;
        }
        next.transpose()
    }
}
