//! What only machinery can give: the time of day, ids, random numbers, digests, password hashes, signed tokens.
//!
//! Everything cryptographic except password hashing is ring's. [`PasswordPool`] runs Argon2id on threads of its own, so
//! that a log-in never holds up other requests; [`JwtTokens`] signs and verifies access tokens with keys that can be
//! replaced while old tokens stay good.
#![warn(missing_docs)]

mod clock;
mod jwt;
mod password;
mod random;
mod vault;

pub use clock::{SystemClock, UuidGenerator};
pub use jwt::{JwtAlgorithm, JwtKeys, JwtTokens, KeyError, generate_key};
pub use password::{HashingCost, PasswordPool, PoolSettings};
pub use random::{RingSecrets, constant_time_eq, sha256, sha256_hex};
pub use vault::{KeyRing, KeyRingFault, KeySource, RingPrimitives, RingVault, master_key_id};
