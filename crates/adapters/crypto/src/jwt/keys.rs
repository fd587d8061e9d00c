//! The keys of access tokens.

use std::{collections::HashMap, fmt};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use claudetools_identity::Secret;
use claudetools_kernel::{Result as UseCaseResult, enumeration};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::{RingSecrets, sha256_hex};

/// The shortest HMAC secret.
const SHORTEST_SECRET: usize = 32;
const SEED_BYTES: usize = 32;
/// How the DER form of an Ed25519 public key begins (RFC 8410); its 32 bytes follow.
const PUBLIC_KEY_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const KID_DIGITS: usize = 16;

enumeration! {
    /// How access tokens are signed (`JWT_ALGORITHM`).
    pub enum JwtAlgorithm {
        /// HMAC with SHA-256.
        Hs256 = "HS256",
        /// HMAC with SHA-384.
        Hs384 = "HS384",
        /// HMAC with SHA-512.
        Hs512 = "HS512",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

impl From<JwtAlgorithm> for Algorithm {
    fn from(algorithm: JwtAlgorithm) -> Self {
        match algorithm {
            JwtAlgorithm::Hs256 => Self::HS256,
            JwtAlgorithm::Hs384 => Self::HS384,
            JwtAlgorithm::Hs512 => Self::HS512,
            JwtAlgorithm::EdDsa => Self::EdDSA,
        }
    }
}

/// Why a configured key cannot be used. Follows the name of the setting in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no base64.
    #[error("must be base64")]
    NotBase64,
    /// It is too short for HMAC.
    #[error("must have at least 32 bytes before base64")]
    TooShort,
    /// It is no Ed25519 key.
    #[error("must be an Ed25519 private key in PKCS #8, or its 32-byte seed, in base64")]
    NotEd25519,
    /// It can verify but not sign.
    #[error("must be a private key: a public one cannot sign")]
    PublicOnly,
}

/// A key, ready for use.
struct Key {
    kid: String,
    /// Absent for a public key.
    signs: Option<EncodingKey>,
    verifies: DecodingKey,
}

/// The keys in use: the active one signs, all verify.
pub struct JwtKeys {
    algorithm: JwtAlgorithm,
    kid: String,
    signs: EncodingKey,
    verify: HashMap<String, DecodingKey>,
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names alone.
        f.debug_struct("JwtKeys").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl JwtKeys {
    /// Reads the active key and those that it replaced, in base64 (either alphabet, padded or not).
    ///
    /// For HMAC a key is a secret of at least 32 bytes; for Ed25519 a private key in PKCS #8 or its 32-byte seed, and among
    /// the replaced also a public key in DER. An error tells which key it is about: 0 for the active one.
    pub fn new(algorithm: JwtAlgorithm, active: &Secret, replaced: &[Secret]) -> Result<Self, (usize, KeyError)> {
        let Key { kid, signs, verifies } = read(algorithm, active).map_err(|error| (0, error))?;
        let signs = signs.ok_or((0, KeyError::PublicOnly))?;
        let mut verify = HashMap::from([(kid.clone(), verifies)]);
        for (number, key) in replaced.iter().enumerate() {
            let key = read(algorithm, key).map_err(|error| (number + 1, error))?;
            verify.insert(key.kid, key.verifies);
        }
        Ok(Self { algorithm, kid, signs, verify })
    }

    /// The algorithm of all of them.
    pub const fn algorithm(&self) -> JwtAlgorithm {
        self.algorithm
    }

    /// The name of the active key.
    pub fn active_kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn signing(&self) -> (&str, &EncodingKey) {
        (&self.kid, &self.signs)
    }

    /// The key with this name; without a name the active one alone.
    pub(super) fn verifying(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        self.verify.get(kid.unwrap_or(&self.kid))
    }
}

/// A new key for `algorithm`, in the form that [`JwtKeys::new`] reads.
pub fn generate_key(algorithm: JwtAlgorithm, secrets: &RingSecrets) -> UseCaseResult<Secret> {
    Ok(Secret::new(match algorithm {
        JwtAlgorithm::EdDsa => STANDARD.encode(secrets.bytes::<SEED_BYTES>()?.as_ref()),
        // As long as the longest of the hashes: more adds nothing.
        JwtAlgorithm::Hs256 | JwtAlgorithm::Hs384 | JwtAlgorithm::Hs512 => {
            STANDARD.encode(secrets.bytes::<64>()?.as_ref())
        }
    }))
}

fn read(algorithm: JwtAlgorithm, key: &Secret) -> Result<Key, KeyError> {
    let bytes = decode(key.expose().trim()).ok_or(KeyError::NotBase64)?;
    if algorithm == JwtAlgorithm::EdDsa {
        return read_ed25519(&bytes);
    }
    if bytes.len() < SHORTEST_SECRET {
        return Err(KeyError::TooShort);
    }
    Ok(Key {
        kid: kid(&bytes),
        signs: Some(EncodingKey::from_secret(&bytes)),
        verifies: DecodingKey::from_secret(&bytes),
    })
}

fn read_ed25519(bytes: &[u8]) -> Result<Key, KeyError> {
    if let Some(public) = bytes.strip_prefix(&PUBLIC_KEY_PREFIX).filter(|public| public.len() == 32) {
        return Ok(Key { kid: kid(public), signs: None, verifies: DecodingKey::from_ed_der(public) });
    }
    let (pair, seed) = if bytes.len() == SEED_BYTES {
        (Ed25519KeyPair::from_seed_unchecked(bytes), bytes)
    } else {
        (Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes), seed_of_pkcs8(bytes).ok_or(KeyError::NotEd25519)?)
    };
    let pair = pair.map_err(|_| KeyError::NotEd25519)?;
    let public = pair.public_key().as_ref();
    // Guards against a seed found in the wrong place.
    let same = Ed25519KeyPair::from_seed_and_public_key(seed, public).is_ok();
    if !same {
        return Err(KeyError::NotEd25519);
    }
    Ok(Key {
        kid: kid(public),
        signs: Some(EncodingKey::from_ed_der(seed)),
        verifies: DecodingKey::from_ed_der(public),
    })
}

/// The seed inside PKCS #8: an octet string of 32 bytes within another (RFC 8410 section 7).
fn seed_of_pkcs8(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.windows(4).position(|window| window == [0x04, 0x22, 0x04, 0x20])? + 4;
    bytes.get(start..start + SEED_BYTES)
}

/// A key's name: derived, so that nobody has to invent one, and short enough to give nothing of a secret away.
fn kid(material: &[u8]) -> String {
    let mut name = sha256_hex(material);
    name.truncate(KID_DIGITS);
    name
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok());
    decoded.map(Zeroizing::new)
}
