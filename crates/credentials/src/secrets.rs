//! Secret fields: what a credential is there for.

use std::{collections::BTreeMap, fmt};

use claudetools_kernel::{Enumeration, Faults, Patch, Secret, enumeration};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The most that the secret fields of a credential may hold together, in bytes, names of custom fields included.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

enumeration! {
    /// A field that is never shown but by a decrypt.
    pub enum SecretField {
        /// A password.
        Password = "password",
        /// A key of an API.
        ApiKey = "api_key",
        /// The secret of an OAuth client.
        ClientSecret = "client_secret",
        /// A token.
        Token = "token",
        /// A private key, as PEM or in OpenSSH's form.
        PrivateKey = "private_key",
        /// A connection string with what it needs to connect.
        ConnectionString = "connection_string",
        /// The seed of one-time passwords: base32, or a whole `otpauth://` address.
        TotpSecret = "totp_secret",
        /// The passphrase of a key.
        Passphrase = "passphrase",
        /// Text of any length.
        SecretNotes = "secret_notes",
        /// Fields with names of one's own.
        CustomFields = "custom_fields",
    }
}

/// Which secret fields are set, in the order of [`SecretField::ALL`]. It is a part of what a ciphertext is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet(Vec<SecretField>);

impl FieldSet {
    /// The set of these fields.
    pub fn new(fields: impl IntoIterator<Item = SecretField>) -> Self {
        let mut fields: Vec<SecretField> = fields.into_iter().collect();
        fields.sort_unstable();
        fields.dedup();
        Self(fields)
    }

    /// The fields.
    pub fn list(&self) -> &[SecretField] {
        &self.0
    }

    /// Whether the set holds `field`.
    pub fn has(&self, field: SecretField) -> bool {
        self.0.contains(&field)
    }

    /// The set of a text that [`fmt::Display`] has made; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let set = Self(text.split(',').map(SecretField::parse).collect::<Option<_>>()?);
        (set == Self::new(set.0.iter().copied())).then_some(set)
    }
}

/// The names of the fields with commas between them; empty for no field.
impl fmt::Display for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, field) in self.0.iter().enumerate() {
            write!(f, "{}{field}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// The secret fields of a credential in plain. Wiped when dropped; `Debug` names the fields and shows no value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    texts: BTreeMap<SecretField, Secret>,
    custom: BTreeMap<String, Secret>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets([REDACTED] of {})", self.fields())
    }
}

/// What a request says of the secret fields.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at SecretField")]
pub struct SecretFields {
    pub password: Patch<Secret>,
    pub api_key: Patch<Secret>,
    pub client_secret: Patch<Secret>,
    pub token: Patch<Secret>,
    pub private_key: Patch<Secret>,
    pub connection_string: Patch<Secret>,
    pub totp_secret: Patch<Secret>,
    pub passphrase: Patch<Secret>,
    pub secret_notes: Patch<Secret>,
    /// Given, these replace all there were.
    pub custom_fields: Patch<BTreeMap<String, Secret>>,
}

impl SecretFields {
    /// Whether the request says nothing of any of them.
    pub fn is_empty(&self) -> bool {
        matches!(self.custom_fields, Patch::Keep)
            && self.texts().into_iter().all(|(_, given)| matches!(given, Patch::Keep))
    }

    /// These fields alone, with `secret` as the value of `field`.
    ///
    /// # Errors
    /// A fault for a field that does not take any text.
    pub fn of(field: SecretField, secret: Secret) -> claudetools_kernel::Result<Self> {
        if matches!(field, SecretField::CustomFields | SecretField::TotpSecret) {
            return Err(Faults::one_semantic("field", "text", "must be a field that takes any text"));
        }
        let mut fields = Self::default();
        fields.set(field, secret);
        Ok(fields)
    }

    /// Makes `secret` the value of `field`, which is not [`SecretField::CustomFields`].
    pub fn set(&mut self, field: SecretField, secret: Secret) {
        let slot = match field {
            SecretField::Password | SecretField::CustomFields => &mut self.password,
            SecretField::ApiKey => &mut self.api_key,
            SecretField::ClientSecret => &mut self.client_secret,
            SecretField::Token => &mut self.token,
            SecretField::PrivateKey => &mut self.private_key,
            SecretField::ConnectionString => &mut self.connection_string,
            SecretField::TotpSecret => &mut self.totp_secret,
            SecretField::Passphrase => &mut self.passphrase,
            SecretField::SecretNotes => &mut self.secret_notes,
        };
        *slot = Patch::Set(secret);
    }

    fn texts(&self) -> [(SecretField, &Patch<Secret>); 9] {
        [
            (SecretField::Password, &self.password),
            (SecretField::ApiKey, &self.api_key),
            (SecretField::ClientSecret, &self.client_secret),
            (SecretField::Token, &self.token),
            (SecretField::PrivateKey, &self.private_key),
            (SecretField::ConnectionString, &self.connection_string),
            (SecretField::TotpSecret, &self.totp_secret),
            (SecretField::Passphrase, &self.passphrase),
            (SecretField::SecretNotes, &self.secret_notes),
        ]
    }
}

impl Secrets {
    /// The value of a text field; `None` when it is not set, and for [`SecretField::CustomFields`].
    pub fn text(&self, field: SecretField) -> Option<&Secret> {
        self.texts.get(&field)
    }

    /// The text fields that are set.
    pub fn texts(&self) -> impl Iterator<Item = (SecretField, &Secret)> {
        self.texts.iter().map(|(field, text)| (*field, text))
    }

    /// The fields with names of one's own.
    pub const fn custom(&self) -> &BTreeMap<String, Secret> {
        &self.custom
    }

    /// Those of these secrets that are among `fields`.
    #[must_use]
    pub fn only(mut self, fields: &FieldSet) -> Self {
        self.texts.retain(|field, _| fields.has(*field));
        if !fields.has(SecretField::CustomFields) {
            self.custom.clear();
        }
        self
    }

    /// Which fields are set.
    pub fn fields(&self) -> FieldSet {
        let custom = (!self.custom.is_empty()).then_some(SecretField::CustomFields);
        FieldSet::new(self.texts.keys().copied().chain(custom))
    }

    /// These secrets with what `given` says changed. Values are kept byte for byte; an empty one is a value too, as only
    /// `null` clears a field.
    #[must_use]
    pub fn change(mut self, given: SecretFields, faults: &mut Faults) -> Self {
        for (field, patch) in given.texts() {
            match patch {
                Patch::Keep => {}
                Patch::Clear => drop(self.texts.remove(&field)),
                Patch::Set(text) => drop(self.texts.insert(field, text.clone())),
            }
        }
        match given.custom_fields {
            Patch::Keep => {}
            Patch::Clear => self.custom.clear(),
            Patch::Set(custom) => {
                for name in custom.keys() {
                    claudetools_kernel::text::line(faults, "custom_fields", name, claudetools_kernel::text::LINE);
                }
                self.custom = custom;
            }
        }
        if self.bytes() > MAX_SECRET_BYTES {
            faults.schema("secrets", "max_length", "must have at most 65536 bytes in all secret fields together");
        }
        self
    }

    fn bytes(&self) -> usize {
        let texts: usize = self.texts.values().map(|text| text.expose().len()).sum();
        let custom: usize = self.custom.iter().map(|(name, text)| name.len() + text.expose().len()).sum();
        texts + custom
    }

    /// The bytes that are sealed.
    pub fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        // As long as it can get when every byte is escaped, so that no part is left behind in a buffer that was outgrown.
        let mut bytes =
            Zeroizing::new(Vec::with_capacity(64 + 6 * self.bytes() + 64 * (self.texts.len() + self.custom.len())));
        // Maps of text always have a JSON form, and writing to memory does not fail.
        let _ = serde_json::to_writer(&mut *bytes, &self.shape());
        bytes
    }

    /// The secrets of bytes that were opened; `None` when [`Self::to_plaintext`] did not make them.
    pub fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(OwnedShape::into_secrets)
    }

    /// The form that is sealed. The type itself has none: it must not get into JSON by mistake.
    pub(crate) fn shape(&self) -> Shape<'_> {
        Shape {
            texts: self.texts.iter().map(|(field, text)| (*field, text.expose())).collect(),
            custom: self.custom.iter().map(|(name, text)| (name.as_str(), text.expose())).collect(),
        }
    }
}

fn wrapped<K: Ord>(texts: BTreeMap<K, Zeroizing<String>>) -> BTreeMap<K, Secret> {
    texts.into_iter().map(|(key, mut text)| (key, Secret::new(std::mem::take(&mut *text)))).collect()
}

#[derive(Serialize)]
pub(crate) struct Shape<'a> {
    texts: BTreeMap<SecretField, &'a str>,
    custom: BTreeMap<&'a str, &'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnedShape {
    texts: BTreeMap<SecretField, Zeroizing<String>>,
    custom: BTreeMap<String, Zeroizing<String>>,
}

impl OwnedShape {
    pub(crate) fn into_secrets(self) -> Secrets {
        Secrets { texts: wrapped(self.texts), custom: wrapped(self.custom) }
    }
}
