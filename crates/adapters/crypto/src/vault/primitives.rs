//! Cryptography that needs no master key.

use ::ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use claudetools_credentials::{
    FORMAT, Key, Place, Plaintext, VaultError,
    ports::{HmacHash, Primitives},
};
use zeroize::Zeroize;

use super::{aead, body};
use crate::constant_time_eq;

/// Memory of the key of a passphrase, in KiB.
const MEMORY_KIB: u32 = 64 * 1024;
/// Passes over it.
const PASSES: u32 = 3;

/// [`Primitives`] by ring, and by Argon2id for passphrases.
#[derive(Debug, Clone, Copy, Default)]
pub struct RingPrimitives;

impl RingPrimitives {
    /// The primitives.
    pub const fn new() -> Self {
        Self
    }
}

/// Fills `bytes` from the system's source of randomness.
pub(super) fn random(bytes: &mut [u8]) -> Result<(), VaultError> {
    SystemRandom::new().fill(bytes).map_err(|_| VaultError::NoRandomness)
}

impl Primitives for RingPrimitives {
    fn hmac(&self, hash: HmacHash, key: &[u8], message: &[u8]) -> Vec<u8> {
        let algorithm = match hash {
            HmacHash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            HmacHash::Sha256 => hmac::HMAC_SHA256,
            HmacHash::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
    }

    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        constant_time_eq(a, b)
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), VaultError> {
        random(bytes)
    }

    fn seal_under(&self, key: &Key, place: &Place, plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut sealed = vec![FORMAT];
        sealed.extend(aead::seal(key, &place.associated_data("own", &[]), plaintext)?);
        Ok(sealed)
    }

    fn open_under(&self, key: &Key, place: &Place, sealed: &[u8]) -> Result<Plaintext, VaultError> {
        aead::open(key, &place.associated_data("own", &[]), body(sealed)?)
    }

    fn passphrase_key(&self, passphrase: &[u8], salt: &[u8; 16]) -> Result<Key, VaultError> {
        let failed = |error: argon2::Error| VaultError::KeyRing(format!("Argon2id: {error}"));
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(failed)?;
        let (mut key, mut area) = (Key::default(), vec![Block::new(); params.block_count()]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let done = argon2.hash_password_into_with_memory(passphrase, salt, key.as_mut(), &mut area);
        for block in &mut area {
            block.as_mut().zeroize();
        }
        done.map_err(failed)?;
        Ok(key)
    }
}
