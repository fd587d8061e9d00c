//! What every service of this crate stands on.

use std::{fmt, sync::Arc};

use chrono::TimeDelta;
use claudetools_kernel::{Change, Clock, IdGenerator, Result, Timestamp, UnitOfWork};

use crate::{
    Claims, MAX_TOKEN_LIFETIME, Revocation, RevocationSet, Secret,
    ports::{Digest, IdentityTx, PasswordHasher, SecretSource, TokenSigner},
};

/// What the configuration decides about tokens.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The `iss` of every token.
    pub issuer: String,
    /// The `aud` of every token.
    pub audience: String,
    /// How long an access token lives (`ACCESS_TOKEN_EXPIRE_MINUTES`); held within a second and [`MAX_TOKEN_LIFETIME`].
    pub access_lifetime: TimeDelta,
}

impl Default for Settings {
    fn default() -> Self {
        Self { issuer: "claudetools".into(), audience: "claudetools".into(), access_lifetime: TimeDelta::hours(1) }
    }
}

/// What every service of this crate stands on: storage, time, ids, cryptography, the set of what was revoked.
#[derive(Clone)]
pub struct Context {
    /// Storage.
    pub store: Arc<dyn UnitOfWork<dyn IdentityTx>>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
    /// Hashes and verifies passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Signs and verifies access tokens.
    pub signer: Arc<dyn TokenSigner>,
    /// Makes refresh tokens and first passwords.
    pub secrets: Arc<dyn SecretSource>,
    /// Hashes refresh tokens and the input of agents.
    pub digest: Arc<dyn Digest>,
    /// What was revoked, shared with the [`crate::Authenticator`].
    pub revoked: Arc<RevocationSet>,
    /// Issuer, audience, lifetime.
    pub settings: Settings,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("clock", &self.clock).field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Context {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long an access token lives, within bounds.
    pub(crate) fn access_lifetime(&self) -> TimeDelta {
        self.settings.access_lifetime.clamp(TimeDelta::seconds(1), MAX_TOKEN_LIFETIME)
    }

    /// Signs `claims`.
    pub(crate) fn sign(&self, claims: &Claims) -> Result<Secret> {
        self.signer.sign(claims).map(Secret::from)
    }

    /// A change that, once committed, lets this process refuse what it revoked at once.
    pub(crate) fn change<T>(&self, value: T, tx: Box<dyn IdentityTx>, revocations: Vec<Revocation>) -> Change<T> {
        if revocations.is_empty() {
            return Change::new(value, tx);
        }
        Change::new(value, self.revoked.after_commit(tx, revocations))
    }
}
