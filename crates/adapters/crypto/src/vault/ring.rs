//! Master keys with their ids.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use claudetools_credentials::{Key, VaultError};
use zeroize::Zeroizing;

use super::primitives;

/// The longest id of a master key, in characters.
const LONGEST_ID: usize = 64;

/// Where a key ring comes from, and where it is looked up again.
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The ring as it is now.
    ///
    /// # Errors
    /// A text that says what to change, without any key.
    fn load(&self) -> Result<KeyRing, String>;
}

/// Master keys with their ids, the active one first. `Debug` shows the ids alone.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing {
    active: (String, Key),
    others: Vec<(String, Key)>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.ids()).finish()
    }
}

/// What is wrong with a key ring. It shows no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingFault {
    /// There is no key.
    #[error("holds no key")]
    Empty,
    /// An entry has another form.
    #[error(
        "entry {0} must be an id of 1 to 64 characters of A-Z, a-z, 0-9, dot, dash and underscore, a colon, and base64 of 32 bytes; \
         `claudetools keys generate` makes those"
    )]
    Form(usize),
    /// Two entries have one id.
    #[error("the id {0} is there twice")]
    Repeated(String),
}

impl KeyRing {
    /// The ring of entries `id:base64`.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyRingFault> {
        let mut keys: Vec<(String, Key)> = Vec::new();
        for (at, entry) in entries.into_iter().enumerate() {
            let (id, key) = parse_entry(entry.trim()).ok_or(KeyRingFault::Form(at + 1))?;
            if keys.iter().any(|(other, _)| *other == id) {
                return Err(KeyRingFault::Repeated(id));
            }
            keys.push((id, key));
        }
        let mut keys = keys.into_iter();
        let active = keys.next().ok_or(KeyRingFault::Empty)?;
        Ok(Self { active, others: keys.collect() })
    }

    /// A ring of one new key.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`]
    pub fn generate() -> Result<Self, VaultError> {
        Ok(Self { active: (master_key_id()?, new_key()?), others: Vec::new() })
    }

    /// The ring with a new key in front.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`]
    pub fn with_new_key(mut self) -> Result<Self, VaultError> {
        let mut id = master_key_id()?;
        while self.key(&id).is_some() {
            id = master_key_id()?;
        }
        let replaced = std::mem::replace(&mut self.active, (id, new_key()?));
        self.others.insert(0, replaced);
        Ok(self)
    }

    /// The entries `id:base64`, for the key file alone.
    pub fn entries(&self) -> impl Iterator<Item = Zeroizing<String>> {
        self.all().map(|(id, key)| {
            let encoded = Zeroizing::new(STANDARD.encode(key.as_ref()));
            Zeroizing::new(format!("{id}:{}", encoded.as_str()))
        })
    }

    /// The ids, the active one first.
    pub fn ids(&self) -> Vec<String> {
        self.all().map(|(id, _)| id.clone()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &(String, Key)> {
        std::iter::once(&self.active).chain(&self.others)
    }

    pub(super) fn active(&self) -> (&str, &Key) {
        (&self.active.0, &self.active.1)
    }

    pub(super) fn key(&self, id: &str) -> Option<&Key> {
        self.all().find(|(known, _)| known == id).map(|(_, key)| key)
    }
}

fn new_key() -> Result<Key, VaultError> {
    let mut key = Key::default();
    primitives::random(key.as_mut())?;
    Ok(key)
}

/// A new id for a master key: `mk-` and eight random hexadecimal digits.
///
/// # Errors
/// [`VaultError::NoRandomness`]
pub fn master_key_id() -> Result<String, VaultError> {
    let mut bytes = [0; 4];
    primitives::random(&mut bytes)?;
    Ok(format!("mk-{}", hex::encode(bytes)))
}

fn parse_entry(entry: &str) -> Option<(String, Key)> {
    let (id, encoded) = entry.split_once(':')?;
    let fits = (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let key = <[u8; 32]>::try_from(bytes.as_slice()).ok()?;
    fits.then(|| (id.to_owned(), Key::new(key)))
}
