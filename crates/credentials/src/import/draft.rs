//! A credential while its row is read: everything is put where it belongs, or where it fits.

use std::collections::BTreeMap;

use claudetools_kernel::{Enumeration, Faults, Patch, Secret, Timestamp, text};

use super::{ImportedCredential, RowFault};
use crate::{CredentialFields, CredentialType, MAX_SECRET_BYTES, SecretField, SecretFields, Totp};

/// What a row says so far.
pub(super) struct Draft {
    row: usize,
    client: Option<String>,
    fields: CredentialFields,
    texts: BTreeMap<SecretField, Secret>,
    custom: BTreeMap<String, Secret>,
    tags: Vec<String>,
    adjustments: Vec<String>,
    kind: Option<CredentialType>,
    fault: Option<&'static str>,
}

impl Draft {
    pub(super) fn new(row: usize) -> Self {
        Self {
            row,
            client: None,
            fields: CredentialFields::default(),
            texts: BTreeMap::new(),
            custom: BTreeMap::new(),
            tags: Vec::new(),
            adjustments: Vec::new(),
            kind: None,
            fault: None,
        }
    }

    /// The row cannot be taken; the first reason is the one that is told.
    pub(super) fn fail(&mut self, message: &'static str) {
        self.fault.get_or_insert(message);
    }

    /// Something of the row stands elsewhere or otherwise than in the file.
    pub(super) fn note(&mut self, adjustment: impl Into<String>) {
        self.adjustments.push(adjustment.into());
    }

    pub(super) fn client(&mut self, name: &str) {
        if self.client.is_some() {
            return self.second("client", name);
        }
        self.client = Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
    }

    pub(super) const fn kind(&mut self, kind: CredentialType) {
        self.kind = Some(kind);
    }

    pub(super) const fn inactive(&mut self) {
        self.fields.is_active = Some(false);
    }

    pub(super) fn expires_at(&mut self, text: &str) {
        match Timestamp::parse(text.trim()) {
            Ok(at) => self.fields.expires_at = Patch::Set(at),
            Err(_) if text.trim().is_empty() => {}
            Err(_) => self.custom("expires", text),
        }
    }

    pub(super) fn name(&mut self, name: &str) {
        if self.fields.service_name.is_some() {
            return self.second("name", name);
        }
        self.fields.service_name = self.line("name", name);
    }

    pub(super) fn username(&mut self, name: &str) {
        if self.fields.username.value().is_some() {
            return self.second("username", name);
        }
        self.fields.username = self.line("username", name).into();
    }

    /// Another value of a field that has one.
    fn second(&mut self, field: &str, value: &str) {
        if !value.trim().is_empty() {
            self.custom(field, value);
        }
    }

    /// An address; those behind the first are custom fields.
    pub(super) fn url(&mut self, url: &str) {
        let trimmed = url.trim();
        if trimmed.is_empty() {
            return;
        }
        if self.fields.external_url.value().is_some() {
            return self.custom("url", url);
        }
        let authority = trimmed.split_once("://").map_or(trimmed, |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let is_secret = authority.split_once('@').is_some_and(|(user, _)| user.contains(':'));
        let line = text::line(&mut Faults::default(), "url", trimmed, text::LINE);
        // A part of an address leads elsewhere or nowhere: it is taken whole or not at all.
        if let Some(line) = line.filter(|_| !is_secret) {
            self.fields.external_url = Patch::Set(line);
        } else {
            self.custom("original url", url);
            self.note("url: too long, or has a password inside; it is kept in the custom field `original url`");
        }
    }

    /// A secret as it is, an empty one too. A second value of the same field becomes a custom field.
    pub(super) fn secret(&mut self, field: SecretField, value: &str) {
        if let Some(earlier) = self.texts.get(&field) {
            if earlier.expose() != value {
                self.custom(field.as_str(), value);
            }
            return;
        }
        self.texts.insert(field, Secret::new(value));
    }

    /// The seed of one-time passwords; what is none is kept as a custom field.
    pub(super) fn totp(&mut self, value: &str) {
        if value.trim().is_empty() {
            return;
        }
        match Totp::parse(value) {
            Ok(_) => self.secret(SecretField::TotpSecret, value.trim()),
            Err(fault) => {
                self.custom("otp", value);
                self.note(format!("totp_secret: {fault}; what there is is kept in a custom field"));
            }
        }
    }

    /// Text that may hold secrets; blank text says nothing.
    pub(super) fn notes(&mut self, value: &str) {
        if !value.trim().is_empty() {
            self.secret(SecretField::SecretNotes, value);
        }
    }

    /// A field with a name of its own. The name is made to fit and to differ from the others.
    pub(super) fn custom(&mut self, name: &str, value: &str) {
        // Room for the number that makes it differ.
        let (line, whole) = fitted(name, text::LINE - 8);
        let base = if line.is_empty() { "field".to_owned() } else { line };
        if let Some(whole) = whole {
            self.note("a custom field has a shorter name than in the file; the whole name stands in the value");
            let value = Secret::new([whole.as_str(), ": ", value].concat());
            return self.insert_custom(&base, value);
        }
        self.insert_custom(&base, Secret::new(value));
    }

    fn insert_custom(&mut self, base: &str, value: Secret) {
        let mut name = base.to_owned();
        let mut number = 2;
        while self.custom.contains_key(&name) {
            name = format!("{base} ({number})");
            number += 1;
        }
        self.custom.insert(name, value);
    }

    pub(super) fn tag(&mut self, tag: &str) {
        let (line, whole) = fitted(tag, text::LINE);
        if whole.is_some() || (self.tags.len() >= text::ENTRIES && !self.tags.contains(&line)) {
            self.custom("tag", tag);
            self.note("tags: one is too long or there are too many; it is kept in the custom field `tag`");
        } else if !line.is_empty() && !self.tags.contains(&line) {
            self.tags.push(line);
        }
    }

    /// A line that fits; the text is kept whole elsewhere where it does not.
    fn line(&mut self, field: &str, given: &str) -> Option<String> {
        let (line, whole) = fitted(given, text::LINE);
        if whole.is_some() {
            self.custom(&format!("original {field}"), given);
            self.note(format!("{field}: made to fit; the whole is kept in the custom field `original {field}`"));
        }
        (!line.is_empty()).then_some(line)
    }

    pub(super) fn finish(mut self) -> Result<ImportedCredential, RowFault> {
        let fault = |row, message: &str| Err(RowFault { row, message: message.to_owned() });
        if let Some(message) = self.fault {
            return fault(self.row, message);
        }
        let texts: usize = self.texts.values().map(|text| text.expose().len()).sum();
        let custom: usize = self.custom.iter().map(|(name, text)| name.len() + text.expose().len()).sum();
        if texts + custom > MAX_SECRET_BYTES {
            return fault(
                self.row,
                "its secrets have more than 65536 bytes, which is the most that a credential holds",
            );
        }
        if self.fields.service_name.is_none() {
            self.fields.service_name = Some(format!("unnamed {}", self.row));
            self.note("name: has none in the file");
        }
        self.fields.credential_type = Some(self.kind.unwrap_or_else(|| kind_of(&self.texts)));
        if !self.tags.is_empty() {
            self.fields.tags = Some(self.tags);
        }
        let mut secrets = SecretFields::default();
        for (field, secret) in self.texts {
            secrets.set(field, secret);
        }
        if !self.custom.is_empty() {
            secrets.custom_fields = Patch::Set(self.custom);
        }
        Ok(ImportedCredential {
            row: self.row,
            client: self.client,
            fields: self.fields,
            secrets,
            adjustments: self.adjustments,
        })
    }
}

/// What kind of credential has these secrets.
fn kind_of(texts: &BTreeMap<SecretField, Secret>) -> CredentialType {
    let kinds = [
        (SecretField::Password, CredentialType::Password),
        (SecretField::PrivateKey, CredentialType::SshKey),
        (SecretField::ApiKey, CredentialType::ApiKey),
        (SecretField::ClientSecret, CredentialType::Oauth),
        (SecretField::ConnectionString, CredentialType::ConnectionString),
        (SecretField::TotpSecret, CredentialType::Totp),
        (SecretField::SecretNotes, CredentialType::Note),
    ];
    kinds.into_iter().find(|(field, _)| texts.contains_key(field)).map_or(CredentialType::Password, |(_, kind)| kind)
}

/// A text as one line of at most `longest` characters, empty when it is blank; and the text as it was, where that is more.
fn fitted(given: &str, longest: usize) -> (String, Option<String>) {
    let trimmed = given.trim();
    let mut faults = Faults::default();
    if let Some(line) = text::line(&mut faults, "line", trimmed, longest) {
        return (line, None);
    }
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = trimmed.chars().map(blank).take(longest).collect();
    let whole = (!trimmed.is_empty()).then(|| given.to_owned());
    // In NFC a text can be longer than it was.
    while !line.is_empty() {
        if let Some(fitting) = text::line(&mut Faults::default(), "line", &line, longest) {
            return (fitting, whole);
        }
        line.pop();
    }
    (line, whole)
}
