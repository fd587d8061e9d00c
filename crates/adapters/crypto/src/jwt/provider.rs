//! ring as the cryptography behind the `jsonwebtoken` crate.
//!
//! The crate's own back ends bring either a second C library or the `rsa` crate (RUSTSEC-2023-0071). Only the algorithms
//! that can be configured are here; asked for any other, the provider says so.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result as JwtResult},
};
use ring::{
    hmac,
    signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey},
};
use signature::{Error, Signer, Verifier};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: make_signer,
    verifier_factory: make_verifier,
    // Only for JSON Web Keys, which are not used.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the process's provider; later calls change nothing.
pub(super) fn install() {
    // Refused only when a provider is installed already, which is this one: nothing else in the program brings one.
    let _ = RING.install_default();
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the crate dictates the signature")]
fn make_signer(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    match algorithm {
        Algorithm::EdDSA if key.family() == AlgorithmFamily::Ed => {
            let pair = Ed25519KeyPair::from_seed_unchecked(key.as_bytes()).map_err(|_| ErrorKind::InvalidEddsaKey)?;
            Ok(Box::new(EdSigner(pair)))
        }
        _ if key.family() == AlgorithmFamily::Hmac => Ok(Box::new(Mac::new(*algorithm, key.as_bytes())?)),
        _ => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the crate dictates the signature")]
fn make_verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    match algorithm {
        Algorithm::EdDSA if key.family() == AlgorithmFamily::Ed => {
            Ok(Box::new(EdVerifier(UnparsedPublicKey::new(&ED25519, key.try_get_as_bytes()?.to_vec()))))
        }
        _ if key.family() == AlgorithmFamily::Hmac => Ok(Box::new(Mac::new(*algorithm, key.try_get_as_bytes()?)?)),
        _ => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

/// HMAC with SHA-2, for both directions.
struct Mac {
    algorithm: Algorithm,
    key: hmac::Key,
}

impl Mac {
    fn new(algorithm: Algorithm, secret: &[u8]) -> JwtResult<Self> {
        let hash = match algorithm {
            Algorithm::HS256 => hmac::HMAC_SHA256,
            Algorithm::HS384 => hmac::HMAC_SHA384,
            Algorithm::HS512 => hmac::HMAC_SHA512,
            _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
        };
        Ok(Self { algorithm, key: hmac::Key::new(hash, secret) })
    }
}

impl Signer<Vec<u8>> for Mac {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(hmac::sign(&self.key, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Mac {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        hmac::verify(&self.key, message, signature).map_err(|_| Error::new())
    }
}

impl JwtSigner for Mac {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl JwtVerifier for Mac {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct EdSigner(Ed25519KeyPair);

impl Signer<Vec<u8>> for EdSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for EdSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct EdVerifier(UnparsedPublicKey<Vec<u8>>);

impl Verifier<Vec<u8>> for EdVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        self.0.verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for EdVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
