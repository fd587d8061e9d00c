//! What callers do with credentials.

use claudetools_kernel::{Actor, Change, Error, Faults, Id, Page, Query, Result, Scope, Secret, Target, Timestamp};
use uuid::Uuid;

use crate::{
    Access, AccessFields, AuditAction, Context, Credential, CredentialDraft, CredentialFields, CredentialFilter,
    CredentialQuery, CredentialSort, KEPT_VERSIONS, Refusal, SealedVersion, SecretField, SecretFields, Secrets, Totp,
    VersionInfo, Who, place, ports::CredentialsTx, recorder::Turn, version::VersionMarker,
};

/// The use cases of credentials. Each that shows or changes a secret leaves a row in the audit chain.
#[derive(Debug, Clone)]
pub struct CredentialService(Context);

/// What a decrypt shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// The credential.
    pub credential: Credential,
    /// The secrets of the version asked for.
    pub secrets: Secrets,
    /// That version.
    pub version: i64,
    /// When it was read.
    pub accessed_at: Timestamp,
}

/// A one-time password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimePassword {
    /// The digits.
    pub code: Secret,
    /// How long they are good for, in seconds, at least 1.
    pub valid_for_seconds: u32,
}

/// A change whose answer may be a refusal that is in the chain.
pub type Recorded<T> = Result<Change<std::result::Result<T, Refusal>>>;

/// Either a refusal with its row in the chain, or the credential and the open transaction.
enum Admission {
    Refused(Change<Refusal>),
    Granted(Box<Credential>, Turn),
}

impl CredentialService {
    /// The use cases over these parts.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a credential with its secrets. Needs [`Scope::Write`].
    pub async fn create(&self, actor: &Actor, who: &Who, draft: CredentialDraft) -> Result<Change<Credential>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.begin().await?;
        let credential = self.add(&mut *tx, who, draft).await?;
        let event = who.event(AuditAction::Create, Some(&credential), credential.created_at);
        self.0.recorder.seal(credential, tx, event).await
    }

    /// Enters a credential as a part of a transaction, with its row in the chain.
    pub(crate) async fn enter_in(&self, tx: &mut Turn, who: &Who, draft: CredentialDraft) -> Result<Credential> {
        let credential = self.add(&mut **tx, who, draft).await?;
        let event = who.event(AuditAction::Create, Some(&credential), credential.created_at);
        self.0.recorder.record(tx, event).await?;
        Ok(credential)
    }

    async fn add(&self, tx: &mut dyn CredentialsTx, who: &Who, draft: CredentialDraft) -> Result<Credential> {
        let (now, mut faults) = (self.0.now(), Faults::default());
        let credential = Credential::new(self.0.ids.id(), draft.fields, now, &mut faults);
        let secrets = changed(Secrets::default(), draft.secrets, &mut faults);
        faults.finish()?;
        refuse_unknown(tx, &credential).await?;
        let has = secrets.fields();
        let credential = if has.list().is_empty() { credential } else { credential.with_version(has, now) };
        tx.credentials().add(&credential).await?;
        if credential.version > 0 {
            let version = self.sealed(who, &credential, &secrets, now)?;
            tx.versions().add(&version).await?;
        }
        Ok(credential)
    }

    /// One credential without its secrets. Needs [`Scope::Read`].
    pub async fn get(&self, actor: &Actor, who: &Who, id: Id<Credential>) -> Result<Credential> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        visible(tx.credentials().find(id).await?, who)
    }

    /// A page of the credentials that the caller may see. Needs [`Scope::Read`].
    pub async fn list(
        &self,
        actor: &Actor,
        who: &Who,
        query: Query<CredentialQuery, CredentialSort>,
    ) -> Result<Page<Credential>> {
        actor.require(Scope::Read)?;
        let filter = CredentialFilter { viewer: who.viewer.clone(), wanted: query.filter, now: self.0.now() };
        let mut tx = self.0.store.read().await?;
        Ok(tx.credentials().list(&filter, &query.page).await?)
    }

    /// Changes the fields and the secrets given. What is said of a secret makes a new version; the former one is kept. Needs
    /// [`Scope::Write`].
    pub async fn update(
        &self,
        actor: &Actor,
        who: &Who,
        target: &Target<Credential>,
        draft: CredentialDraft,
    ) -> Recorded<Credential> {
        actor.require(Scope::Write)?;
        let now = self.0.now();
        let (credential, mut tx) = match self.admit(who, target, now).await? {
            Admission::Refused(change) => return Ok(change.map(Err)),
            Admission::Granted(credential, tx) => (*credential, tx),
        };
        let CredentialDraft { fields, secrets: given } = draft;
        let mut faults = Faults::default();
        let is_secret_given = !given.is_empty();
        // What is not named keeps its value, so that the present version has to be opened. Nobody is shown it.
        let secrets = if is_secret_given && credential.version > 0 {
            self.0.open(&self.version(&mut *tx, &credential, credential.version).await?)?
        } else {
            Secrets::default()
        };
        let secrets = changed(secrets, given, &mut faults);
        let mut credential = credential.change(fields, now, &mut faults);
        faults.finish()?;
        refuse_unknown(&mut *tx, &credential).await?;
        if is_secret_given {
            credential = self.add_version(&mut *tx, who, credential, &secrets, now).await?;
        }
        tx.credentials().save(&credential).await?;
        let event = who.event(AuditAction::Update, Some(&credential), now);
        self.0.recorder.seal(Ok(credential), tx, event).await
    }

    /// Removes a credential with all its versions and links. Its rows in the chain stay. Needs [`Scope::Admin`].
    pub async fn delete(&self, actor: &Actor, who: &Who, target: &Target<Credential>) -> Recorded<()> {
        actor.require(Scope::Admin)?;
        let now = self.0.now();
        let (credential, mut tx) = match self.admit(who, target, now).await? {
            Admission::Refused(change) => return Ok(change.map(Err)),
            Admission::Granted(credential, tx) => (*credential, tx),
        };
        tx.credentials().remove(credential.id).await?;
        let event = who.event(AuditAction::Delete, Some(&credential), now);
        self.0.recorder.seal(Ok(()), tx, event).await
    }

    /// The secrets, those of the present version unless another is named. Needs [`Scope::Read`], and a reason where the
    /// credential asks for one.
    pub async fn decrypt(
        &self,
        actor: &Actor,
        who: &Who,
        id: Id<Credential>,
        version: Option<i64>,
        reason: Option<String>,
    ) -> Recorded<Decrypted> {
        actor.require(Scope::Read)?;
        let action = if version.is_some() { AuditAction::VersionRead } else { AuditAction::Read };
        self.disclose(who, id, version, reason, action, |credential, secrets, version, accessed_at| {
            Ok(Decrypted { credential, secrets, version, accessed_at })
        })
        .await
    }

    /// The one-time password of this moment. Needs [`Scope::Read`], and a reason where the credential asks for one.
    pub async fn totp(
        &self,
        actor: &Actor,
        who: &Who,
        id: Id<Credential>,
        reason: Option<String>,
    ) -> Recorded<OneTimePassword> {
        actor.require(Scope::Read)?;
        self.disclose(who, id, None, reason, AuditAction::Totp, |_, secrets, _, at| {
            let seed = secrets.text(SecretField::TotpSecret);
            let seed = seed.ok_or_else(|| Error::Conflict("the credential has no totp_secret".to_owned()))?;
            let totp = Totp::parse(seed.expose())
                .map_err(|fault| Error::Conflict(format!("the credential's totp_secret {fault}")))?;
            let (code, valid_for_seconds) = totp.code(self.0.primitives.as_ref(), at);
            Ok(OneTimePassword { code, valid_for_seconds })
        })
        .await
    }

    /// What versions there are, the newest first. Needs [`Scope::Read`].
    pub async fn versions(&self, actor: &Actor, who: &Who, id: Id<Credential>) -> Result<Vec<VersionInfo>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        visible(tx.credentials().find(id).await?, who)?;
        Ok(tx.versions().of(id).await?)
    }

    /// Makes a former version the present one, as a new version. Needs [`Scope::Write`].
    pub async fn restore(&self, actor: &Actor, who: &Who, id: Id<Credential>, version: i64) -> Recorded<Credential> {
        actor.require(Scope::Write)?;
        let now = self.0.now();
        let (credential, mut tx) = match self.admit(who, &Target::any(id), now).await? {
            Admission::Refused(change) => return Ok(change.map(Err)),
            Admission::Granted(credential, tx) => (*credential, tx),
        };
        let secrets = self.0.open(&self.version(&mut *tx, &credential, version).await?)?;
        let credential = credential.change(CredentialFields::default(), now, &mut Faults::default());
        let credential = self.add_version(&mut *tx, who, credential, &secrets, now).await?;
        tx.credentials().save(&credential).await?;
        let mut event = who.event(AuditAction::Update, Some(&credential), now);
        event.reason = Some(format!("version {version} restored as version {}", credential.version));
        self.0.recorder.seal(Ok(credential), tx, event).await
    }

    /// Replaces who may see the credential, and ends the links to it. Needs [`Scope::Admin`], but not to be among those named:
    /// else nobody could mend a credential whose last reader has left.
    pub async fn restrict(
        &self,
        actor: &Actor,
        who: &Who,
        target: &Target<Credential>,
        fields: AccessFields,
    ) -> Result<Change<Credential>> {
        actor.require(Scope::Admin)?;
        let (now, access) = (self.0.now(), Access::new(fields)?);
        let mut tx = self.0.begin().await?;
        let mut credential = tx.credentials().find_for(target).await?;
        tx.credentials().restrict(credential.id, &access).await?;
        // A link was made by the rule that held then; whoever may still see the secret can make another.
        tx.shares().remove_of(credential.id).await?;
        credential.access = access;
        let mut event = who.event(AuditAction::AccessChanged, Some(&credential), now);
        let named = credential.access.subjects.iter().chain(&credential.access.agent_types);
        let named: Vec<&str> = named.map(String::as_str).collect();
        event.reason = Some(if named.is_empty() { "everybody".to_owned() } else { named.join(", ") });
        self.0.recorder.seal(credential, tx, event).await
    }

    /// Shows a part of the secrets, once the access is in the chain.
    async fn disclose<T>(
        &self,
        who: &Who,
        id: Id<Credential>,
        version: Option<i64>,
        reason: Option<String>,
        action: AuditAction,
        show: impl FnOnce(Credential, Secrets, i64, Timestamp) -> Result<T>,
    ) -> Recorded<T> {
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let found = tx.credentials().with_version(id, version).await?;
        let (credential, sealed) = found.ok_or_else(|| Error::not_found(id))?;
        let (credential, tx) = match self.admit_to(credential, who, tx, now).await? {
            Admission::Refused(change) => return Ok(change.map(Err)),
            Admission::Granted(credential, tx) => (*credential, tx),
        };
        let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        if credential.requires_reason && reason.is_none() {
            let mut event = who.event(AuditAction::Denied, Some(&credential), now);
            event.reason = Some("no reason given".to_owned());
            return self.0.recorder.seal(Err(Refusal::ReasonRequired), tx, event).await;
        }
        let number = version.unwrap_or(credential.version);
        let secrets = match sealed {
            None if number == 0 && version.is_none() => Secrets::default(),
            sealed => self.0.open(&sealed.ok_or_else(|| no_version(number))?)?,
        };
        let mut event = who.event(action, Some(&credential), now);
        event.reason = match (version, reason) {
            (Some(version), Some(reason)) => Some(format!("version {version}: {reason}")),
            (Some(version), None) => Some(format!("version {version}")),
            (None, reason) => reason,
        };
        let shown = show(credential, secrets, number, now)?;
        self.0.recorder.seal(Ok(shown), tx, event).await
    }

    /// The credential that a use case is about, if the caller may see it; otherwise the refusal is in the chain.
    async fn admit(&self, who: &Who, target: &Target<Credential>, now: Timestamp) -> Result<Admission> {
        let mut tx = self.0.begin().await?;
        let credential = tx.credentials().find(target.id).await?;
        match self.admit_to(credential, who, tx, now).await? {
            Admission::Granted(credential, tx) => {
                Ok(Admission::Granted(Box::new(target.admit(Some(*credential))?), tx))
            }
            refused @ Admission::Refused(_) => Ok(refused),
        }
    }

    /// [`Self::admit`] for a credential that is read already.
    async fn admit_to(&self, credential: Credential, who: &Who, tx: Turn, now: Timestamp) -> Result<Admission> {
        if credential.access.admits(&who.viewer) {
            return Ok(Admission::Granted(Box::new(credential), tx));
        }
        let event = who.event(AuditAction::Denied, Some(&credential), now);
        let refusal = Refusal::NotVisible(credential.id);
        Ok(Admission::Refused(self.0.recorder.seal(refusal, tx, event).await?))
    }

    async fn version(
        &self,
        tx: &mut dyn CredentialsTx,
        credential: &Credential,
        version: i64,
    ) -> Result<SealedVersion> {
        let found = tx.versions().lookup(credential.id, version).await?;
        found.ok_or_else(|| no_version(version))
    }

    fn sealed(&self, who: &Who, credential: &Credential, secrets: &Secrets, now: Timestamp) -> Result<SealedVersion> {
        let place = place(credential.id, credential.version, credential.has.clone());
        Ok(SealedVersion {
            credential_id: credential.id,
            version: credential.version,
            fields: credential.has.clone(),
            sealed: self.0.vault.seal(&place, &secrets.to_plaintext())?,
            created_at: now,
            created_by: who.subject.clone(),
            sealed_at: now,
        })
    }

    /// Gives `credential` a new version and lets go of those beyond the ones kept.
    async fn add_version(
        &self,
        tx: &mut dyn CredentialsTx,
        who: &Who,
        credential: Credential,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Credential> {
        let credential = credential.with_version(secrets.fields(), now);
        tx.versions().add(&self.sealed(who, &credential, secrets, now)?).await?;
        let gone = credential.version - KEPT_VERSIONS - 1;
        if gone > 0 {
            tx.versions().remove_up_to(credential.id, gone).await?;
        }
        Ok(credential)
    }
}

fn no_version(version: i64) -> Error {
    Error::NotFound {
        resource_type: <VersionMarker as claudetools_kernel::Entity>::TYPE,
        resource_id: version.to_string(),
    }
}

/// Whatever is restricted to others does not exist.
pub(crate) fn visible(credential: Credential, who: &Who) -> Result<Credential> {
    if credential.access.admits(&who.viewer) { Ok(credential) } else { Err(Error::not_found(credential.id)) }
}

/// The secrets changed, with what can be said about them before they are sealed.
fn changed(secrets: Secrets, given: SecretFields, faults: &mut Faults) -> Secrets {
    let seed = given.totp_secret.value().filter(|seed| !seed.expose().is_empty());
    if let Some(Err(fault)) = seed.map(|seed| Totp::parse(seed.expose())) {
        faults.semantic("totp_secret", "totp", &fault.to_string());
    }
    secrets.change(given, faults)
}

/// Refuses a credential that refers to what does not exist.
async fn refuse_unknown(tx: &mut dyn CredentialsTx, credential: &Credential) -> Result<()> {
    let missing =
        |resource_type: &'static str, id: Uuid| Error::NotFound { resource_type, resource_id: id.to_string() };
    if let Some(id) = credential.client_id
        && !tx.directory().has_client(id).await?
    {
        return Err(missing("client", id));
    }
    if let Some(id) = credential.service_id
        && !tx.directory().has_service(id).await?
    {
        return Err(missing("service", id));
    }
    if let Some(id) = credential.infrastructure_id
        && !tx.directory().has_infrastructure(id).await?
    {
        return Err(missing("infrastructure", id));
    }
    Ok(())
}
