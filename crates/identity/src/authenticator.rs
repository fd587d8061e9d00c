//! From a token to a caller, from memory alone.

use std::{fmt, sync::Arc};

use claudetools_kernel::{Actor, Clock, Error, Result};

use crate::{Context, RevocationSet, ports::TokenSigner};

/// Turns access tokens into callers: checks the signature, the times and what was revoked. It asks no database.
#[derive(Clone)]
pub struct Authenticator {
    signer: Arc<dyn TokenSigner>,
    revoked: Arc<RevocationSet>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("revoked", &self.revoked.len()).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// An authenticator over the keys, the revocations and the clock of `context`.
    pub fn new(context: &Context) -> Self {
        Self {
            signer: Arc::clone(&context.signer),
            revoked: Arc::clone(&context.revoked),
            clock: Arc::clone(&context.clock),
        }
    }

    /// The caller behind `token`: [`Error::Unauthorized`] when it is none of ours or its time is over,
    /// [`Error::TokenRevoked`] when it was revoked.
    pub fn authenticate(&self, token: &str) -> Result<Actor> {
        let claims = self.signer.verify(token, self.clock.now()).map_err(|fault| Error::Unauthorized(fault.text()))?;
        if self.revoked.revokes(&claims) {
            return Err(Error::TokenRevoked);
        }
        claims.actor().map_err(|fault| Error::Unauthorized(fault.text()))
    }
}
