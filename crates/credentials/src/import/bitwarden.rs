//! Bitwarden's JSON export, of a person's vault or an organisation's.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{ImportFault, Imported, RowFault, draft::Draft, text_of};
use crate::{CredentialType, SecretField};

type Text = Option<Zeroizing<String>>;

#[derive(Deserialize)]
struct Export<'a> {
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    folders: Vec<Folder>,
    #[serde(default)]
    collections: Vec<Folder>,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Folder {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(rename = "type", default)]
    kind: u32,
    name: Text,
    notes: Text,
    folder_id: Option<String>,
    collection_ids: Option<Vec<String>>,
    deleted_date: Text,
    login: Option<Login>,
    card: Option<BTreeMap<String, Loose>>,
    identity: Option<BTreeMap<String, Loose>>,
    ssh_key: Option<SshKey>,
    fields: Option<Vec<Field>>,
}

#[derive(Deserialize)]
struct Login {
    username: Text,
    password: Text,
    totp: Text,
    uris: Option<Vec<Uri>>,
}

#[derive(Deserialize)]
struct Uri {
    uri: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SshKey {
    private_key: Text,
    public_key: Text,
    key_fingerprint: Text,
}

#[derive(Deserialize)]
struct Field {
    name: Text,
    #[serde(default)]
    value: Loose,
}

/// A value as text, whatever its type.
#[derive(Default)]
struct Loose(Text);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl de::Visitor<'_> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a truth value or null")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Loose, E> {
        Ok(Loose(Some(Zeroizing::new(value.to_owned()))))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Loose, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Loose, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Loose, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Loose, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Loose, E> {
        Ok(Loose(None))
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Imported, ImportFault> {
    let (text, is_damaged) = text_of(bytes);
    // What serde says of an error can repeat a value; only the place is told.
    let malformed = |error: serde_json::Error| {
        let lines: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = u64::try_from(lines + error.column()).unwrap_or(u64::MAX);
        ImportFault::Malformed { wanted: "an export of Bitwarden", message: "unexpected JSON", at }
    };
    let export: Export<'_> = serde_json::from_str(&text).map_err(malformed)?;
    if export.encrypted {
        return Err(ImportFault::Encrypted);
    }
    let missing = ImportFault::Malformed { wanted: "an export of Bitwarden", message: "it has no `items`", at: 0 };
    let items = export.items.ok_or(missing)?;
    let folders = export.folders.into_iter().chain(export.collections);
    let folders: BTreeMap<String, String> =
        folders.filter_map(|folder| Some((folder.id?, folder.name.unwrap_or_default()))).collect();
    let read = |(at, item): (usize, &&RawValue)| {
        let row = at + 1;
        let fault = |message: &str| RowFault { row, message: message.to_owned() };
        if is_damaged && item.get().contains(char::REPLACEMENT_CHARACTER) {
            return Err(fault("has bytes that are not UTF-8"));
        }
        let item: Item = serde_json::from_str(item.get()).map_err(|_| fault("is no item of Bitwarden"))?;
        draft(row, item, &folders).finish()
    };
    Ok(items.iter().enumerate().map(read).collect())
}

fn draft(row: usize, item: Item, folders: &BTreeMap<String, String>) -> Draft {
    let mut draft = Draft::new(row);
    with(item.name, |name| draft.name(name));
    with(item.notes, |notes| draft.notes(notes));
    for id in item.folder_id.iter().chain(item.collection_ids.iter().flatten()) {
        if let Some(name) = folders.get(id) {
            draft.tag(name);
        }
    }
    if item.deleted_date.is_some() {
        draft.inactive();
        draft.note("was in the trash: it is entered as inactive");
    }
    if let Some(login) = item.login {
        with(login.username, |name| draft.username(name));
        with(login.password, |password| draft.secret(SecretField::Password, password));
        with(login.totp, |totp| draft.totp(totp));
        for uri in login.uris.into_iter().flatten() {
            with(uri.uri, |uri| draft.url(uri));
        }
    }
    for (name, value) in item.card.into_iter().chain(item.identity).flatten() {
        with(value.0, |value| draft.custom(&name, value));
    }
    if let Some(key) = item.ssh_key {
        with(key.private_key, |key| draft.secret(SecretField::PrivateKey, key));
        with(key.public_key, |key| draft.custom("public key", key));
        with(key.key_fingerprint, |print| draft.custom("fingerprint", print));
    }
    for field in item.fields.into_iter().flatten() {
        let name = field.name.unwrap_or_default();
        // A field that is linked to another one has no value of its own.
        with(field.value.0, |value| draft.custom(&name, value));
    }
    match item.kind {
        1 => {}
        2..=4 => draft.kind(CredentialType::Note),
        5 => draft.kind(CredentialType::SshKey),
        _ => {
            draft.kind(CredentialType::Note);
            draft.note("is of a kind that is not known here");
        }
    }
    draft
}

fn with(text: Text, put: impl FnOnce(&str)) {
    if let Some(text) = text {
        put(&text);
    }
}
