//! `KeePass` 2's XML export, read event by event: nesting costs no stack, and a document's own entities are refused.

use claudetools_kernel::Secret;
use quick_xml::{
    Reader,
    events::{BytesRef, Event},
};
use zeroize::Zeroizing;

use super::{ImportFault, Imported, draft::Draft, text_of};
use crate::SecretField;

pub(super) fn parse(bytes: &[u8]) -> Result<Imported, ImportFault> {
    let (text, is_damaged) = text_of(bytes);
    let mut reader = Reader::from_str(&text);
    let mut walk = Walk { is_damaged, ..Walk::default() };
    loop {
        let at = reader.buffer_position();
        let malformed = |message| ImportFault::Malformed { wanted: "an XML export of KeePass", message, at };
        // What the parser says of an error can repeat a part of the text; only the place is told.
        match reader.read_event().map_err(|_| malformed("it is no XML"))? {
            Event::Start(element) => walk.begin(element.local_name().as_ref()),
            Event::Empty(element) => {
                let name = element.local_name();
                walk.begin(name.as_ref());
                walk.end();
            }
            Event::End(_) => walk.end(),
            Event::Text(part) => walk.text(&part),
            Event::CData(part) => walk.text(&part),
            Event::GeneralRef(reference) => {
                let character = character(&reference).ok_or_else(|| malformed("it has an entity of its own"))?;
                walk.text(character.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err(malformed("it has a document type")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if !walk.path.is_empty() => return Err(malformed("it is cut off")),
            Event::Eof if !walk.is_keepass => return Err(malformed("it has no element KeePassFile")),
            Event::Eof => return Ok(walk.rows),
        }
    }
}

fn character(reference: &BytesRef<'_>) -> Option<char> {
    match &**reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

/// Where the reader stands.
#[derive(Default)]
struct Walk {
    rows: Imported,
    is_damaged: bool,
    is_keepass: bool,
    /// The elements that are open, the outermost first.
    path: Vec<String>,
    /// Text of the innermost element.
    text: Zeroizing<String>,
    /// How many `History` elements are open: an entry's former versions.
    history: usize,
    recycle_bin: String,
    groups: Vec<Group>,
    entry: Option<Entry>,
}

#[derive(Default)]
struct Group {
    id: String,
    name: String,
}

#[derive(Default)]
struct Entry {
    strings: Vec<(String, Secret)>,
    key: String,
    value: Secret,
    tags: String,
    expires: bool,
    expires_at: String,
    has_attachment: bool,
    is_damaged: bool,
}

impl Walk {
    fn begin(&mut self, name: &str) {
        self.text.clear();
        self.path.push(name.to_owned());
        match name {
            "KeePassFile" => self.is_keepass = true,
            "History" => self.history += 1,
            _ if self.history > 0 => {}
            "Group" => self.groups.push(Group::default()),
            "Entry" => self.entry = Some(Entry::default()),
            _ => {}
        }
    }

    fn text(&mut self, part: &str) {
        // Grown by hand: a buffer that is outgrown must be wiped.
        if self.text.capacity() < self.text.len() + part.len() {
            let mut larger = Zeroizing::new(String::with_capacity(2 * (self.text.len() + part.len())));
            larger.push_str(&self.text);
            self.text = larger;
        }
        self.text.push_str(part);
    }

    fn end(&mut self) {
        let Some(name) = self.path.pop() else { return };
        let parent = self.path.last().map_or("", String::as_str);
        if name == "History" {
            self.history = self.history.saturating_sub(1);
        } else if self.history == 0 {
            match (parent, name.as_str()) {
                (_, "Group") => drop(self.groups.pop()),
                (_, "Entry") => self.finish_entry(),
                ("Meta", "RecycleBinUUID") => self.recycle_bin = self.text.trim().to_owned(),
                ("Group", "UUID") => self.with_group(|group, text| text.trim().clone_into(&mut group.id)),
                ("Group", "Name") => self.with_group(|group, text| text.trim().clone_into(&mut group.name)),
                _ => self.end_in_entry(&name),
            }
        }
        self.text.clear();
    }

    fn with_group(&mut self, set: impl FnOnce(&mut Group, &str)) {
        if let Some(group) = self.groups.last_mut() {
            set(group, &self.text);
        }
    }

    fn end_in_entry(&mut self, name: &str) {
        let Some(entry) = &mut self.entry else { return };
        let parent = self.path.last().map_or("", String::as_str);
        entry.is_damaged |= self.is_damaged && self.text.contains(char::REPLACEMENT_CHARACTER);
        match (parent, name) {
            ("String", "Key") => self.text.as_str().clone_into(&mut entry.key),
            ("String", "Value") => entry.value = Secret::new(self.text.as_str()),
            ("Entry", "String") => {
                entry.strings.push((std::mem::take(&mut entry.key), std::mem::take(&mut entry.value)));
            }
            ("Entry", "Tags") => self.text.as_str().clone_into(&mut entry.tags),
            ("Entry", "Binary") => entry.has_attachment = true,
            ("Times", "Expires") => entry.expires = self.text.trim().eq_ignore_ascii_case("true"),
            ("Times", "ExpiryTime") => self.text.trim().clone_into(&mut entry.expires_at),
            _ => {}
        }
    }

    fn finish_entry(&mut self) {
        let Some(entry) = self.entry.take() else { return };
        let mut draft = Draft::new(self.rows.len() + 1);
        if entry.is_damaged {
            draft.fail("has bytes that are not UTF-8");
        }
        if entry.has_attachment {
            draft.note("has an attachment, which is not taken");
        }
        if entry.expires {
            draft.expires_at(&entry.expires_at);
        }
        if !self.recycle_bin.is_empty() && self.groups.iter().any(|group| group.id == self.recycle_bin) {
            draft.inactive();
            draft.note("was in the recycle bin: it is entered as inactive");
        }
        // The outermost group bears the name of the database.
        let path: Vec<&str> = self.groups.iter().skip(1).map(|group| group.name.as_str()).collect();
        if !path.is_empty() {
            draft.tag(&path.join("/"));
        }
        for tag in entry.tags.split([';', ',']) {
            draft.tag(tag);
        }
        entry.put_strings(&mut draft);
        self.rows.push(draft.finish());
    }
}

impl Entry {
    fn put_strings(&self, draft: &mut Draft) {
        let one_time = self.one_time_password();
        for (key, value) in &self.strings {
            let value = value.expose();
            match key.as_str() {
                "Title" => draft.name(value),
                "UserName" => draft.username(value),
                "Password" => draft.secret(SecretField::Password, value),
                "URL" => draft.url(value),
                "Notes" => draft.notes(value),
                "otp" => draft.totp(value),
                key if one_time.is_some() && key.starts_with("TimeOtp-") => {}
                "TOTP Seed" if self.is_default_seed() => draft.totp(value),
                "TOTP Settings" if self.is_default_seed() => {}
                key => draft.custom(key, value),
            }
        }
        if let Some(address) = one_time {
            draft.totp(&address);
        }
    }

    fn string(&self, key: &str) -> Option<&str> {
        self.strings.iter().find(|(found, _)| found == key).map(|(_, value)| value.expose())
    }

    /// `KeePass`'s own one-time passwords, as an address. Seeds in other forms than base32 stay custom fields.
    fn one_time_password(&self) -> Option<Zeroizing<String>> {
        let seed = self.string("TimeOtp-Secret-Base32")?;
        let mut address = Zeroizing::new(String::with_capacity(128 + seed.len()));
        address.push_str("otpauth://totp/KeePass?secret=");
        address.extend(seed.chars().filter(char::is_ascii_alphanumeric));
        let parts =
            [("TimeOtp-Length", "&digits="), ("TimeOtp-Period", "&period="), ("TimeOtp-Algorithm", "&algorithm=")];
        for (key, parameter) in parts {
            if let Some(value) = self.string(key) {
                address.push_str(parameter);
                // HMAC-SHA-256 in KeePass, SHA256 in addresses.
                let value = value.strip_prefix("HMAC-").unwrap_or(value);
                address.extend(value.chars().filter(char::is_ascii_alphanumeric).take(16));
            }
        }
        crate::Totp::parse(&address).is_ok().then_some(address)
    }

    /// Whether the seed of the plug-ins has the settings that a bare seed stands for.
    fn is_default_seed(&self) -> bool {
        self.string("TOTP Settings").is_none_or(|settings| matches!(settings.trim(), "" | "30;6"))
    }
}
