//! Random numbers and digests.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claudetools_identity::{
    Secret,
    ports::{Digest, SecretSource},
};
use claudetools_kernel::{Error, Result};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(sha256(bytes))
}

/// Whether both are the same, in a time that depends on their length alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// The system's source of randomness, and SHA-256.
#[derive(Debug, Clone)]
pub struct RingSecrets(SystemRandom);

impl RingSecrets {
    /// The source.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<Zeroizing<[u8; N]>> {
        let mut bytes = Zeroizing::new([0; N]);
        self.0.fill(bytes.as_mut()).map_err(|_| Error::Internal("the system gives no random numbers".to_owned()))?;
        Ok(bytes)
    }
}

impl Default for RingSecrets {
    fn default() -> Self {
        Self::new()
    }
}

impl SecretSource for RingSecrets {
    fn token(&self) -> Result<Secret> {
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?.as_ref())))
    }
}

impl claudetools_infra::failure::ports::Digest for RingSecrets {
    fn sha256(&self, bytes: &[u8]) -> [u8; 32] {
        sha256(bytes)
    }
}

impl Digest for RingSecrets {
    fn sha256(&self, bytes: &[u8]) -> [u8; 32] {
        sha256(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_is_256_bits_in_43_characters_and_never_the_same() {
        let secrets = RingSecrets::new();
        let tokens: HashSet<String> = (0..100).map(|_| secrets.token().unwrap().expose().to_owned()).collect();
        assert_eq!(tokens.len(), 100);
        assert!(tokens.iter().all(|token| token.len() == 43 && URL_SAFE_NO_PAD.decode(token).unwrap().len() == 32));
    }

    #[test]
    fn sha_256_of_abc_is_that_of_fips_180() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn comparison_tells_equal_from_unequal() {
        assert!(constant_time_eq(b"same", b"same"));
        assert!(!constant_time_eq(b"same", b"sane") && !constant_time_eq(b"same", b"same!"));
    }
}
