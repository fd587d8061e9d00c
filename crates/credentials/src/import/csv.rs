//! Tables (RFC 4180) whose first row names the columns, in whatever order and case.

use claudetools_kernel::Enumeration;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use zeroize::Zeroizing;

use super::{ImportFault, Imported, draft::Draft};
use crate::SecretField;

const NOT_UTF8: &str = "has bytes that are not UTF-8: save the file as \"CSV UTF-8\"";

/// What a column is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Client,
    Name,
    Username,
    Url,
    Notes,
    Totp,
    Tag,
    Archived,
    Secret(SecretField),
    Other,
}

impl Column {
    /// The column of a name, as IT Glue, Hudu and the exports of the common password managers have them.
    fn of(name: &str) -> Self {
        let name = name.trim().to_lowercase().replace([' ', '-'], "_");
        match name.as_str() {
            "organization" | "organization_name" | "company" | "company_name" | "client" | "client_name" => {
                Self::Client
            }
            "name" | "title" | "account" | "service_name" => Self::Name,
            "username" | "user_name" | "user" | "login" | "login_name" | "login_username" => Self::Username,
            "login_password" => Self::Secret(SecretField::Password),
            "url" | "web_site" | "website" | "uri" | "login_uri" | "external_url" => Self::Url,
            "notes" | "note" | "description" | "comments" | "extra" => Self::Notes,
            "otp_secret" | "otp" | "otpauth" | "totp" | "login_totp" | "totp_secret" => Self::Totp,
            "password_category"
            | "password_type"
            | "category"
            | "password_folder"
            | "password_folder_name"
            | "folder"
            | "group"
            | "grouping"
            | "tags" => Self::Tag,
            "archived" => Self::Archived,
            other => match SecretField::parse(other) {
                None | Some(SecretField::CustomFields) => Self::Other,
                Some(field) => Self::Secret(field),
            },
        }
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Imported, ImportFault> {
    let mut table = Table::new(bytes);
    let header = table.next_row().unwrap_or_default();
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let columns: Vec<Column> = names.iter().map(|name| Column::of(name)).collect();
    let tells = |column: &Column| matches!(column, Column::Name | Column::Secret(SecretField::Password));
    if !columns.iter().any(tells) {
        return Err(ImportFault::Header);
    }
    let mut rows = Imported::new();
    while let Some(row) = table.next_row() {
        let mut draft = Draft::new(rows.len() + 1);
        if row.len() < columns.len() {
            draft.note("has fewer columns than the first row");
        }
        for (at, value) in row.iter().enumerate() {
            let Ok(value) = std::str::from_utf8(value) else {
                draft.fail(NOT_UTF8);
                break;
            };
            let name = names.get(at).map_or("column without a name", String::as_str);
            put(&mut draft, columns.get(at).copied().unwrap_or(Column::Other), name, value);
        }
        rows.push(draft.finish());
    }
    Ok(rows)
}

fn put(draft: &mut Draft, column: Column, name: &str, value: &str) {
    match column {
        Column::Client => draft.client(value),
        Column::Name => draft.name(value),
        Column::Username => draft.username(value),
        Column::Url => draft.url(value),
        Column::Notes => draft.notes(value),
        Column::Totp => draft.totp(value),
        Column::Tag => draft.tag(value),
        Column::Archived => {
            if matches!(value.trim().to_lowercase().as_str(), "yes" | "true" | "1") {
                draft.inactive();
            }
        }
        // A password that is empty is one; a cell of another secret that is empty says that this row has none.
        Column::Secret(field) if field == SecretField::Password || !value.is_empty() => draft.secret(field, value),
        Column::Other if !value.is_empty() => draft.custom(name, value),
        Column::Secret(_) | Column::Other => {}
    }
}

/// Reads row by row into memory that is wiped.
struct Table<'a> {
    reader: Reader,
    rest: &'a [u8],
    fields: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

impl<'a> Table<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        // Spreadsheets of countries with a decimal comma write semicolons.
        let delimiter = [b',', b';', b'\t'].into_iter().find(|delimiter| first.contains(delimiter)).unwrap_or(b',');
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            rest: bytes,
            // No row is longer than the table.
            fields: Zeroizing::new(vec![0; bytes.len() + 1]),
            ends: vec![0; 64],
        }
    }

    /// The cells of the next row; `None` behind the last. Blank lines are none.
    fn next_row(&mut self) -> Option<Vec<&[u8]>> {
        let (mut written, mut ended) = (0, 0);
        loop {
            let output = self.fields.get_mut(written..)?;
            let ends = self.ends.get_mut(ended..)?;
            let (result, read, wrote, ends) = self.reader.read_record(self.rest, output, ends);
            self.rest = self.rest.get(read..).unwrap_or_default();
            written += wrote;
            ended += ends;
            match result {
                // Called again with no input it knows that there is no more.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record => break,
                ReadRecordResult::OutputFull | ReadRecordResult::End => return None,
            }
        }
        let ends = self.ends.get(..ended)?;
        let begins = std::iter::once(&0).chain(ends);
        Some(begins.zip(ends).map(|(begin, end)| self.fields.get(*begin..*end).unwrap_or_default()).collect())
    }
}
