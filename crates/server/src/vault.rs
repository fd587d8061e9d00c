//! The vault's parts: key ring, cryptography, and where the head of the audit chain is noted.

use std::sync::Arc;

use claudetools_credentials::{
    ChainService, Context, CredentialService, Head, Opening, ShareService, TransferService, VaultService,
    VaultStartError,
    ports::{ChainWitness, CredentialsTx},
};
use claudetools_crypto::{RingPrimitives, RingVault, UuidGenerator};
use claudetools_kernel::{Clock, UnitOfWork};

use crate::assembly::StartError;
use crate::config::Config;
use crate::master_keys;

/// The use cases of the vault.
#[derive(Debug, Clone)]
pub struct VaultServices {
    /// Credentials.
    pub credentials: CredentialService,
    /// One-time links.
    pub shares: ShareService,
    /// Credentials in and out of files.
    pub transfer: TransferService,
    /// The vault as a whole.
    pub vault: VaultService,
    /// The audit chain.
    pub chain: ChainService,
}

impl VaultServices {
    /// The use cases over the key ring of `config`, which is made on first start, and which must be that of the database.
    ///
    /// # Errors
    /// The key ring, and every reason for which a secret could not be opened later.
    pub async fn open(
        config: &Config,
        store: Arc<dyn UnitOfWork<dyn CredentialsTx>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let ring = RingVault::new(master_keys::source(config)?);
        let ring = ring.map_err(|error| StartError::Vault(VaultStartError::Vault(error)))?;
        let context = Context::new(
            store,
            clock,
            Arc::new(UuidGenerator),
            Arc::new(ring),
            Arc::new(RingPrimitives::new()),
            Arc::new(LogWitness),
        );
        let services = Self {
            credentials: CredentialService::new(context.clone()),
            shares: ShareService::new(context.clone()),
            transfer: TransferService::new(context.clone()),
            vault: VaultService::new(context.clone()),
            chain: ChainService::new(context),
        };
        if services.vault.open().await? == Opening::Anew {
            tracing::warn!(
                "a new audit chain of the vault begins in a database that has been used before: expected once, at the first start of a \
                 version with a vault; otherwise somebody has removed the vault, and with it the record of every access"
            );
        }
        Ok(services)
    }

    /// Notes the head of the chain, as at shut-down.
    pub async fn note_head(&self) {
        match self.chain.head().await {
            Ok(Some(head)) => LogWitness.note(&head),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the head of the audit chain could not be read"),
        }
    }
}

/// Notes heads in the log, which the database's administrator cannot change.
#[derive(Debug)]
struct LogWitness;

impl ChainWitness for LogWitness {
    fn note(&self, head: &Head) {
        tracing::info!(seq = head.seq, hash = hex::encode(head.hash), "the head of the vault's audit chain");
    }
}
