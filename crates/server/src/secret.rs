//! Values that must never be shown: they wipe their memory and their `Debug` says nothing.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use crate::config::JwtAlgorithm;

/// What stands in every output where a secret would.
pub const MASK: &str = "********";

/// The least a token key may hold. It is also what a fresh key holds, because 32 bytes are an HMAC key and an Ed25519
/// seed alike: a change of the algorithm needs no new key.
pub const KEY_BYTES: usize = 32;

const TOLERANT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, TOLERANT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, TOLERANT);

/// The system's source of randomness failed.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness;

/// The bytes of a key that signs or verifies tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBytes(Zeroizing<Vec<u8>>);

impl KeyBytes {
    /// A fresh key, usable with every algorithm.
    pub fn random() -> Result<Self, NoRandomness> {
        random_bytes(KEY_BYTES).map(Self)
    }

    /// Reads base64, standard or URL-safe, padded or not. The message of a failure never holds any of the text.
    pub fn from_base64(text: &str) -> Result<Self, String> {
        let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
        let bytes = Zeroizing::new(decoded.unwrap_or_default());
        if bytes.len() < KEY_BYTES {
            return Err(format!("must be base64 of at least {KEY_BYTES} bytes; `claudetools keys generate` makes one"));
        }
        Ok(Self(bytes))
    }

    /// The key as base64, for the key file and for `keys generate` alone.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(&*self.0))
    }

    /// The bytes themselves.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The public name of the key: the first 16 hex digits of its SHA-256.
    pub fn kid(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.0);
        hex::encode(digest.as_ref().get(..8).unwrap_or_default())
    }

    /// Whether the key fits `algorithm`; otherwise what it must be.
    pub fn fits(&self, algorithm: JwtAlgorithm) -> Result<(), String> {
        if algorithm != JwtAlgorithm::EdDsa {
            return Ok(());
        }
        let fits = self.0.len() == KEY_BYTES || Ed25519KeyPair::from_pkcs8_maybe_unchecked(self.as_bytes()).is_ok();
        if fits {
            Ok(())
        } else {
            Err("must be, for EdDSA, base64 of a 32-byte Ed25519 seed or of its PKCS#8 form".to_owned())
        }
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A password on its way to the hasher.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A random password of 144 bits, in characters that survive copying from any terminal.
    pub fn random() -> Result<Self, NoRandomness> {
        Ok(Self(Zeroizing::new(URL_SAFE.encode(&*random_bytes(18)?))))
    }

    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

fn random_bytes(count: usize) -> Result<Zeroizing<Vec<u8>>, NoRandomness> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_base64_in_every_spelling() {
        let key = KeyBytes(Zeroizing::new(vec![0xfb; 34]));
        let text = key.to_base64();
        for spelling in
            [text.to_string(), text.trim_end_matches('=').to_owned(), text.replace('+', "-").replace('/', "_")]
        {
            assert_eq!(KeyBytes::from_base64(&spelling).unwrap(), key, "{spelling}");
        }
    }

    #[test]
    fn a_short_or_broken_key_is_refused_without_being_shown() {
        for text in ["", "c2hvcnQ=", "not base64 at all, but long enough to be a key"] {
            let message = KeyBytes::from_base64(text).unwrap_err();
            assert!(text.is_empty() || !message.contains(text), "{message}");
        }
    }

    #[test]
    fn the_kid_is_the_start_of_the_sha_256_of_the_bytes() {
        let key = KeyBytes(Zeroizing::new(b"abc".to_vec()));
        assert_eq!(key.kid(), "ba7816bf8f01cfea");
    }

    #[test]
    fn an_ed25519_key_is_a_seed_or_pkcs8() {
        let seed = KeyBytes::random().unwrap();
        assert!(seed.fits(JwtAlgorithm::EdDsa).is_ok());
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pkcs8 = KeyBytes(Zeroizing::new(document.as_ref().to_vec()));
        assert!(pkcs8.fits(JwtAlgorithm::EdDsa).is_ok());
        let neither = KeyBytes(Zeroizing::new(vec![7; 40]));
        assert!(neither.fits(JwtAlgorithm::EdDsa).is_err());
        assert!(neither.fits(JwtAlgorithm::Hs512).is_ok());
    }

    #[test]
    fn debug_shows_nothing() {
        let password = Password::random().unwrap();
        assert!(password.expose().len() >= 24);
        assert_eq!(format!("{password:?} {:?}", KeyBytes::random().unwrap()), "******** ********");
    }
}
