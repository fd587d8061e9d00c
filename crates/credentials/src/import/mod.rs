//! Credentials out of other products' exports.
//!
//! Reading is all that is done here: nothing is looked up and nothing stored. No value is dropped. What does not fit where it
//! belongs stands whole in a custom field, which is sealed like a password, and [`ImportedCredential::adjustments`] says so.

mod bitwarden;
mod csv;
mod draft;
mod keepass;
#[cfg(test)]
mod tests;

use claudetools_kernel::enumeration;

use crate::{CredentialDraft, CredentialFields, SecretFields};

enumeration! {
    /// What a file is.
    pub enum ImportFormat {
        /// A table with a row of column names, as of IT Glue and Hudu.
        Csv = "csv",
        /// The XML export of KeePass 2.
        Keepass = "keepass",
        /// The JSON export of Bitwarden that is not encrypted.
        Bitwarden = "bitwarden",
    }
}

/// A credential of a file, as it may be entered.
#[derive(Debug, Clone)]
pub struct ImportedCredential {
    /// The number of its row or entry, counted from 1.
    pub row: usize,
    /// The name of the client that the file says it belongs to.
    pub client: Option<String>,
    /// The part that is no secret.
    pub fields: CredentialFields,
    /// The secrets.
    pub secrets: SecretFields,
    /// What stands elsewhere or otherwise than in the file. No value is shown.
    pub adjustments: Vec<String>,
}

impl ImportedCredential {
    /// The name it gets.
    pub fn name(&self) -> &str {
        self.fields.service_name.as_deref().unwrap_or_default()
    }

    /// What is needed to enter it.
    pub fn into_draft(self) -> CredentialDraft {
        CredentialDraft { fields: self.fields, secrets: self.secrets }
    }
}

/// Why a row or entry cannot be taken. No value is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {message}")]
pub struct RowFault {
    /// Its number, counted from 1.
    pub row: usize,
    /// What is wrong.
    pub message: String,
}

/// Why a file cannot be read at all. No value is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// It is text of another encoding.
    #[error("the file is not UTF-8: save it as \"CSV UTF-8\"")]
    Encoding,
    /// It has no column that makes sense.
    #[error("the first row names no column `name` or `password`: is it the row of column names?")]
    Header,
    /// It is encrypted.
    #[error("the export is encrypted: export it again as plain JSON")]
    Encrypted,
    /// It is not what it should be.
    #[error("not {wanted}: {message} near byte {at}")]
    Malformed {
        /// What it should be.
        wanted: &'static str,
        /// What is wrong.
        message: &'static str,
        /// Where.
        at: u64,
    },
}

/// What each row or entry of a file holds, in their order.
pub type Imported = Vec<Result<ImportedCredential, RowFault>>;

/// Reads a file.
///
/// # Errors
/// When nothing of it can be read. What is wrong with one row stands in its place in the answer.
pub fn parse(format: ImportFormat, bytes: &[u8]) -> Result<Imported, ImportFault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(ImportFault::Encoding);
    }
    match format {
        ImportFormat::Csv => csv::parse(bytes),
        ImportFormat::Keepass => keepass::parse(bytes),
        ImportFormat::Bitwarden => bitwarden::parse(bytes),
    }
}

/// A file as text. Bytes that are no UTF-8 become U+FFFD; the second part tells whether there were any, so that a row that
/// holds that character can be refused alone.
fn text_of(bytes: &[u8]) -> (zeroize::Zeroizing<String>, bool) {
    // As long as it can get when every byte becomes three: no part is left behind in a buffer that was outgrown.
    let is_whole = std::str::from_utf8(bytes).is_ok();
    let mut text = zeroize::Zeroizing::new(String::with_capacity(if is_whole { bytes.len() } else { 3 * bytes.len() }));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (text, !is_whole)
}
