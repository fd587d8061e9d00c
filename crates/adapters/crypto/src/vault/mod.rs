//! Envelope encryption under a ring of master keys.
//!
//! What is sealed is `format ‖ data key id (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, its data key `format ‖ nonce ‖ wrapped key ‖
//! tag`, both AES-256-GCM (NIST SP 800-38D) with random nonces. A data key seals one plaintext and is never used again; a master
//! key wraps far fewer than the 2^32 data keys up to which random nonces are safe.

mod aead;
mod primitives;
mod ring;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use ::ring::hkdf;
use claudetools_credentials::{FORMAT, Key, Place, Plaintext, Sealed, VaultError, ports::Vault};

pub use primitives::RingPrimitives;
pub use ring::{KeyRing, KeyRingFault, KeySource, master_key_id};

/// How many bytes name a data key.
const DATA_KEY_ID: usize = 16;

/// [`Vault`] over a ring of master keys, which is read again when it lacks a key.
pub struct RingVault {
    source: Arc<dyn KeySource>,
    ring: RwLock<Arc<KeyRing>>,
}

impl fmt::Debug for RingVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingVault").field("keys", &self.current().ids()).finish_non_exhaustive()
    }
}

impl RingVault {
    /// The vault over the ring that `source` gives.
    ///
    /// # Errors
    /// [`VaultError::KeyRing`]
    pub fn new(source: Arc<dyn KeySource>) -> Result<Self, VaultError> {
        let ring = source.load().map_err(VaultError::KeyRing)?;
        Ok(Self { source, ring: RwLock::new(Arc::new(ring)) })
    }

    fn current(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A master key, if need be from the source as it is now.
    fn master_key(&self, key_id: &str) -> Result<Key, VaultError> {
        if let Some(key) = self.current().key(key_id) {
            return Ok(key.clone());
        }
        self.reload()?;
        self.current().key(key_id).cloned().ok_or_else(|| VaultError::UnknownKey(key_id.to_owned()))
    }

    /// A data key wrapped with the active master key.
    fn wrap(&self, place: &Place, data_key: &Key, data_key_id: &[u8]) -> Result<(String, Vec<u8>), VaultError> {
        let ring = self.current();
        let (key_id, master) = ring.active();
        let data = place.associated_data("key", &wrapping(key_id, data_key_id));
        let mut wrapped = vec![FORMAT];
        wrapped.extend(aead::seal(master, &data, data_key.as_ref())?);
        Ok((key_id.to_owned(), wrapped))
    }

    /// The data key of something sealed, and its id.
    fn unwrap(&self, place: &Place, sealed: &Sealed) -> Result<(Key, [u8; DATA_KEY_ID]), VaultError> {
        let id = body(&sealed.ciphertext)?.first_chunk::<DATA_KEY_ID>().ok_or(VaultError::Truncated)?;
        let master = self.master_key(&sealed.key_id)?;
        let data = place.associated_data("key", &wrapping(&sealed.key_id, id));
        let plain = aead::open(&master, &data, body(&sealed.wrapped_key)?)?;
        let key = <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| VaultError::Forged)?;
        Ok((Key::new(key), *id))
    }
}

/// The keys that a wrapping is bound to: an id of a master key holds no zero byte.
fn wrapping(master_key_id: &str, data_key_id: &[u8]) -> Vec<u8> {
    [master_key_id.as_bytes(), &[0], data_key_id].concat()
}

/// What stands behind the format byte.
fn body(sealed: &[u8]) -> Result<&[u8], VaultError> {
    match sealed.split_first() {
        None => Err(VaultError::Truncated),
        Some((&FORMAT, body)) => Ok(body),
        Some((&other, _)) => Err(VaultError::Format(other)),
    }
}

impl Vault for RingVault {
    fn active_key(&self) -> String {
        self.current().active().0.to_owned()
    }

    fn keys(&self) -> Vec<String> {
        self.current().ids()
    }

    fn reload(&self) -> Result<(), VaultError> {
        let ring = Arc::new(self.source.load().map_err(VaultError::KeyRing)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    fn seal(&self, place: &Place, plaintext: &[u8]) -> Result<Sealed, VaultError> {
        let (mut data_key, mut id) = (Key::default(), [0; DATA_KEY_ID]);
        primitives::random(data_key.as_mut())?;
        primitives::random(&mut id)?;
        let (key_id, wrapped_key) = self.wrap(place, &data_key, &id)?;
        let mut ciphertext = vec![FORMAT];
        ciphertext.extend_from_slice(&id);
        ciphertext.extend(aead::seal(&data_key, &place.associated_data("data", &id), plaintext)?);
        Ok(Sealed { key_id, wrapped_key, ciphertext })
    }

    fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, VaultError> {
        let (data_key, id) = self.unwrap(place, sealed)?;
        let body = body(&sealed.ciphertext)?.get(DATA_KEY_ID..).ok_or(VaultError::Truncated)?;
        aead::open(&data_key, &place.associated_data("data", &id), body)
    }

    fn rewrap(&self, place: &Place, sealed: &Sealed) -> Result<Sealed, VaultError> {
        let (data_key, id) = self.unwrap(place, sealed)?;
        let (key_id, wrapped_key) = self.wrap(place, &data_key, &id)?;
        Ok(Sealed { key_id, wrapped_key, ciphertext: sealed.ciphertext.clone() })
    }

    fn audit_key(&self, key_id: &str) -> Result<Key, VaultError> {
        let master = self.master_key(key_id)?;
        Ok(derive(master.as_ref(), &[], &[b"claudetools audit chain v1", key_id.as_bytes()]))
    }
}

/// 32 bytes by HKDF-SHA256 (RFC 5869).
fn derive(secret: &[u8], salt: &[u8], info: &[&[u8]]) -> Key {
    let mut key = Key::default();
    expand(secret, salt, info, key.as_mut());
    key
}

/// As many bytes as `out` holds, at most 8,160; false and no bytes beyond that.
fn expand(secret: &[u8], salt: &[u8], info: &[&[u8]], out: &mut [u8]) -> bool {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    extracted.expand(info, Length(out.len())).is_ok_and(|expanded| expanded.fill(out).is_ok())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
