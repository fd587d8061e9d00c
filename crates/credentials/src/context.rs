//! What every service of this crate stands on, and who is recorded.

use std::{fmt, net::IpAddr, sync::Arc};

use claudetools_kernel::{Actor, Clock, Error, IdGenerator, Result, Timestamp, UnitOfWork};
use uuid::Uuid;

use crate::{
    AuditAction, AuditEvent, Credential, Plaintext, SealedVersion, Secrets, VaultError, Viewer,
    ports::{ChainWitness, CredentialsTx, Primitives, Vault},
    recorder::{Recorder, Turn},
};

/// What every service of this crate stands on: storage, time, ids, cryptography, and whoever writes the chain.
#[derive(Clone)]
pub struct Context {
    /// Storage.
    pub(crate) store: Arc<dyn UnitOfWork<dyn CredentialsTx>>,
    clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    /// Seals and opens.
    pub(crate) vault: Arc<dyn Vault>,
    /// Cryptography that needs no master key.
    pub(crate) primitives: Arc<dyn Primitives>,
    /// Writes the chain.
    pub(crate) recorder: Arc<Recorder>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl Context {
    /// The parts together; `witness` is told the head of the chain now and then.
    pub fn new(
        store: Arc<dyn UnitOfWork<dyn CredentialsTx>>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        vault: Arc<dyn Vault>,
        primitives: Arc<dyn Primitives>,
        witness: Arc<dyn ChainWitness>,
    ) -> Self {
        let recorder = Arc::new(Recorder::new(Arc::clone(&vault), Arc::clone(&primitives), Arc::clone(&ids), witness));
        Self { store, clock, ids, vault, primitives, recorder }
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins a transaction that ends with a row in the chain, and takes its turn there first: what is read then is what the
    /// one before has left, who may see it included, and what is sealed then is sealed under the master key in force.
    pub(crate) async fn begin(&self) -> Result<Turn> {
        self.recorder.turn(self.store.begin().await?).await
    }

    /// The secrets of a version.
    pub(crate) fn open(&self, version: &SealedVersion) -> Result<Secrets> {
        let plaintext: Plaintext = self.vault.open(&version.place(), &version.sealed)?;
        let secrets = Secrets::from_plaintext(&plaintext);
        secrets.ok_or_else(|| Error::Encryption("a version opened to what is no set of secrets".to_owned()))
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        Self::Encryption(error.to_string())
    }
}

/// Where a request came from, for the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The caller's address.
    pub client_ip: Option<IpAddr>,
    /// The `User-Agent`, cut to 255 characters.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
}

/// Who is recorded in the chain, and as whom he looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    pub(crate) subject: String,
    agent_type: Option<String>,
    parent_session: Option<Uuid>,
    pub(crate) viewer: Viewer,
    origin: Origin,
}

impl Who {
    /// The caller of a use case.
    pub fn actor(actor: &Actor, origin: Origin) -> Self {
        Self {
            subject: actor.subject.clone(),
            agent_type: actor.agent.as_ref().map(|agent| agent.agent_type.clone()),
            parent_session: actor.agent.as_ref().map(|agent| agent.parent_session),
            viewer: Viewer::of(actor),
            origin,
        }
    }

    /// Whoever runs the program on the server's own machine.
    pub fn operator() -> Self {
        Self {
            subject: "cli".to_owned(),
            agent_type: None,
            parent_session: None,
            viewer: Viewer::Operator,
            origin: Origin::default(),
        }
    }

    /// Whoever holds a one-time link.
    pub(crate) fn holder(origin: Origin) -> Self {
        Self { subject: "share".to_owned(), origin, ..Self::operator() }
    }

    /// What is recorded of him.
    pub(crate) fn event(&self, action: AuditAction, credential: Option<&Credential>, at: Timestamp) -> AuditEvent {
        AuditEvent {
            credential_id: credential.map(|credential| credential.id.uuid()),
            credential_name: credential.map(|credential| credential.service_name.clone()),
            action,
            subject: self.subject.clone(),
            agent_type: self.agent_type.clone(),
            parent_session: self.parent_session,
            client_ip: self.origin.client_ip.map(|address| address.to_string()),
            user_agent: self.origin.user_agent.clone(),
            request_id: self.origin.request_id.clone(),
            reason: None,
            at,
        }
    }
}

/// Why a use case refused, with a row in the chain that has to be committed all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The credential is restricted to others.
    NotVisible(claudetools_kernel::Id<Credential>),
    /// The credential asks for a reason, and none was given.
    ReasonRequired,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotVisible(id) => Self::not_found(id),
            Refusal::ReasonRequired => {
                claudetools_kernel::Faults::one_semantic("reason", "required", "is required for this credential")
            }
        }
    }
}
