//! Access tokens as JSON Web Tokens (RFC 7519), signed with HMAC (RFC 7518) or Ed25519 (RFC 8037).
//!
//! The algorithm is configured, never taken from the token. Several keys can be in use, each named by its `kid`: the
//! active one signs, all verify, so that a key can be replaced without logging anyone out. Times are compared with the
//! instant handed in, so that one clock rules the whole server.

mod cache;
mod keys;
mod provider;

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claudetools_identity::{Claims, MAX_CLOCK_SKEW, MAX_TOKEN_LIFETIME, TokenFault, ports::TokenSigner};
use claudetools_kernel::{Error, Result, Timestamp};
use jsonwebtoken::{Header, crypto, decode_header};

use self::cache::Verified;
pub use self::keys::{JwtAlgorithm, JwtKeys, KeyError, generate_key};

/// Ours have well under a kilobyte; nothing is decoded that is much longer.
const LONGEST_TOKEN: usize = 8 * 1024;
/// How many tokens verified by Ed25519 are remembered.
const CACHED_TOKENS: usize = 4096;

/// Signs and verifies access tokens.
pub struct JwtTokens {
    keys: JwtKeys,
    issuer: String,
    audience: String,
    /// An Ed25519 signature costs ten times an HMAC to check, and a caller shows the same token again and again.
    verified: Option<Verified>,
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens").field("keys", &self.keys).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl JwtTokens {
    /// Tokens under `keys` with this `iss` and `aud`, which must be those of the identity domain's settings.
    pub fn new(keys: JwtKeys, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        provider::install();
        let verified = (keys.algorithm() == JwtAlgorithm::EdDsa).then(|| Verified::new(CACHED_TOKENS));
        Self { keys, issuer: issuer.into(), audience: audience.into(), verified }
    }

    /// What a token says, once its signature, issuer and audience are known to be right. Nothing here depends on the time.
    fn open(&self, token: &str) -> Result<Claims, TokenFault> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenFault::Malformed)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(TokenFault::Malformed);
        }
        // `none` and whatever else the crate does not know fail here.
        let header: Header = decode_header(token).map_err(|_| TokenFault::Malformed)?;
        let algorithm = self.keys.algorithm().into();
        // `crit` names extensions that must be understood (RFC 7515 section 4.1.11); we know none.
        if header.alg != algorithm || header.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let key = self.keys.verifying(header.kid.as_deref()).ok_or(TokenFault::BadSignature)?;
        match crypto::verify(signature, message.as_bytes(), key, algorithm) {
            Ok(true) => {}
            _ => return Err(TokenFault::BadSignature),
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenFault::Malformed)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Malformed)?;
        if claims.iss != self.issuer || claims.aud != self.audience {
            return Err(TokenFault::WrongAudience);
        }
        let exact = claims.iat_us.is_none_or(|micros| micros.div_euclid(1_000_000) == claims.iat);
        let lifetime = claims.exp.saturating_sub(claims.iat);
        if claims.jti.is_empty() || claims.sub.is_empty() || !exact || lifetime > MAX_TOKEN_LIFETIME.num_seconds() {
            return Err(TokenFault::Malformed);
        }
        Ok(claims)
    }

    fn open_cached(&self, token: &str) -> Result<Claims, TokenFault> {
        let Some(cache) = &self.verified else {
            return self.open(token);
        };
        let digest = crate::sha256(token.as_bytes());
        if let Some(claims) = cache.get(&digest) {
            return Ok(claims);
        }
        let claims = self.open(token)?;
        cache.put(digest, claims.clone());
        Ok(claims)
    }
}

impl TokenSigner for JwtTokens {
    fn sign(&self, claims: &Claims) -> Result<String> {
        let (kid, key) = self.keys.signing();
        let mut header = Header::new(self.keys.algorithm().into());
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, key)
            .map_err(|error| Error::Internal(format!("a token could not be signed: {error}")))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenFault> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenFault::Malformed);
        }
        let claims = self.open_cached(token)?;
        if claims.expires_at() <= now {
            return Err(TokenFault::Expired);
        }
        if claims.issued_at() > now.plus(MAX_CLOCK_SKEW) {
            return Err(TokenFault::NotYetValid);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests;
